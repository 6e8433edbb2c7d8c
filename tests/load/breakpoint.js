// Where does it break? The rate grows by a quarter from step to step until, in one step, errors,
// or the time that redirects take, pass their limit, or all users wait and requests are dropped.
// The gauge `rate` says how many requests
// were begun per second just then, `passed` the rate at which the last whole step ended, and the
// tag `step` the rate at which a step ends.
import exec from 'k6/execution';
import { Gauge } from 'k6/metrics';
import { given, plan, ramp } from './plan.js';
import { USUAL, visit } from './requests.js';
export { handleSummary } from './plan.js';
export { setup } from './requests.js';

const FIRST = 500;
const STEPS = 17;
const STEP_S = given('SECONDS', 170) / STEPS;
const USERS = 1000;
const P95_MS = 250;

const rates = Array.from({ length: STEPS }, (_, i) => Math.round(FIRST * 1.25 ** i));
const rate = new Gauge('rate');
const passed = new Gauge('passed');

function abort(threshold) {
	return [{ threshold, abortOnFail: true }];
}

export const options = plan({
	breakpoint: ramp(FIRST, rates.map((target) => [STEP_S, target]), USERS),
}, {
	dropped_iterations: abort(`count<${USERS}`),
	...Object.fromEntries(rates.flatMap((to) => [
		[`http_req_duration{kind:redirect,step:${to}}`, abort(`p(95)<${P95_MS}`)],
		[`http_req_failed{step:${to}}`, abort('rate<0.001')],
	])),
});

export default function (links) {
	const part = exec.scenario.progress * STEPS;
	const step = Math.min(Math.floor(part), STEPS - 1);
	const begun = rates[Math.max(step - 1, 0)];
	exec.vu.metrics.tags.step = rates[step];
	rate.add(begun + (rates[step] - begun) * (part - step));
	passed.add(step > 0 ? begun : 0);
	visit(links, USUAL);
}
