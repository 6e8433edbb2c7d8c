// Calm, then within a second ten times as many requests, then calm again: none may fail, and
// after the spike all must be as quick as before it.
import { arrivals, given, kept, limits, plan, ramp } from './requests.js';
export { default, handleSummary, setup } from './requests.js';

const CALM = 300;
const SPIKE = 10 * CALM;
const THIRD = given('SECONDS', 90) / 3;

function from(begin, scenario) {
	return { ...scenario, startTime: `${begin}s` };
}

export const options = plan({
	before: arrivals(CALM, THIRD, 100),
	spike: from(THIRD, ramp(CALM, [[1, SPIKE], [THIRD - 2, SPIKE], [1, CALM]], 1000)),
	after: from(2 * THIRD, arrivals(CALM, THIRD, 100)),
}, {
	...limits({ redirect: [100, 250], rest: [250, 500] }, 'scenario:before'),
	...limits({ redirect: [500, 1000], rest: [1000, 2000] }, 'scenario:spike'),
	...limits({ redirect: [100, 250], rest: [250, 500] }, 'scenario:after'),
});
