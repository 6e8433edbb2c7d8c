// More than the machine can do, over CONNECTIONS that are all open and, since requests are begun
// faster than they are answered, all waiting for an answer. Requests that found no free
// connection are dropped_iterations: there must be many. What counts is that none fails, and that
// the service still does its work: each connection waits for all others, so the limits of time
// are those of 1,000 requests/s.
import { given, limits, plan, ramp } from './requests.js';
export { default, handleSummary, setup } from './requests.js';

const CONNECTIONS = given('CONNECTIONS', 1000);
const RATE = 20000;
const SECONDS = given('SECONDS', 60);

export const options = plan({
	stress: ramp(CONNECTIONS, [[SECONDS / 3, CONNECTIONS], [SECONDS / 6, RATE], [SECONDS / 2, RATE]], CONNECTIONS),
}, limits({ redirect: [CONNECTIONS, 2 * CONNECTIONS], rest: [CONNECTIONS, 2 * CONNECTIONS] }));
