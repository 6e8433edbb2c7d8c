// Does everything answer as it should? Few requests, of every kind equally many.
import { EVEN, arrivals, given, kept, limits, plan, visit } from './requests.js';
export { handleSummary, setup } from './requests.js';

const RATE = 50;
const SECONDS = given('SECONDS', 10);

export const options = plan({ smoke: arrivals(RATE, SECONDS, 10) }, {
	...limits({ redirect: [250, 500], rest: [500, 1000] }), ...kept(RATE, SECONDS),
});

export default function (links) {
	visit(links, EVEN);
}
