// The same moderate load for a long time: what leaks, fills up or slows down shows itself. The
// runner compares memory and descriptors of a fifth of the time with those of the end.
import { arrivals, given, kept, limits, plan } from './requests.js';
export { default, handleSummary, setup } from './requests.js';

const RATE = 500;
const SECONDS = given('SECONDS', 600);

export const options = plan({ soak: arrivals(RATE, SECONDS, 100) }, {
	...limits({ redirect: [100, 250], rest: [250, 500] }), ...kept(RATE, SECONDS),
});
