// Calm, then within a second ten times as many requests, then calm again: none may fail, and
// after the spike all must be as quick as before it.
import { arrivals, connecting, given, limits, plan, ramp } from './plan.js';
export { handleSummary } from './plan.js';
export { default, setup } from './requests.js';

const CALM = 300;
const SPIKE = 10 * CALM;
const THIRD = given('SECONDS', 90) / 3;
const calm = { redirect: [100, 250], rest: [250, 500] };

export const options = plan({
	before: arrivals(CALM, THIRD, 100),
	spike: ramp(CALM, [[1, SPIKE], [THIRD - 1, SPIKE]], 1000),
	after: arrivals(CALM, THIRD, 100),
}, {
	...limits('before', calm),
	...limits('spike', { redirect: [500, 1000], rest: [1500, 3000] }),
	...limits('after', calm),
	[connecting('spike')]: ['max<3000'], // k6 may be short of CPU
});
