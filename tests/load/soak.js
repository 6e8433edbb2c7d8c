// The same moderate load for a long time: what leaks, fills up or slows down shows itself. The
// late part must be as quick as the early one; the runner compares memory and open files then.
import { arrivals, given, kept, limits, plan } from './plan.js';
export { handleSummary } from './plan.js';
export { default, setup } from './requests.js';

const RATE = 500;
const SECONDS = given('SECONDS', 600);
const early = arrivals(RATE, SECONDS / 5, 100);
const late = arrivals(RATE, 4 * SECONDS / 5, 100);
const quick = { redirect: [100, 250], rest: [250, 500] };

export const options = plan({ early, late }, {
	...limits('early', quick), ...limits('late', quick), ...kept(early, late),
});
