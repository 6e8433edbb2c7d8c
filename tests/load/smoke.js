// Does everything answer as it should? Few requests, of every kind equally many.
import { arrivals, given, kept, limits, plan } from './plan.js';
import { EVEN, visit } from './requests.js';
export { handleSummary } from './plan.js';
export { setup } from './requests.js';

const smoke = arrivals(50, given('SECONDS', 10), 10);

export const options = plan({ smoke }, {
	...limits('smoke', { redirect: [250, 500], rest: [500, 1000] }), ...kept(smoke),
});

export default function (links) {
	visit(links, EVEN);
}
