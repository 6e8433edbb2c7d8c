// More than the machine can do. First CONNECTIONS are opened, at leisure; then requests are begun
// faster than they can be answered, until one is under way on every connection. Those that find
// no free connection are dropped: there must be many. What counts is that none fails and that the
// service goes on with its work: each request waits for those of all other connections, so the
// limits of time are those of 1,000 answers/s.
import { arrivals, connecting, given, limits, plan, sound } from './plan.js';
export { handleSummary } from './plan.js';
export { default, setup } from './requests.js';

const CONNECTIONS = given('CONNECTIONS', 1000);
const SECONDS = given('SECONDS', 60);
const pause_s = 2 * SECONDS / 15;
const opening_s = 2 * pause_s;
const times = [CONNECTIONS, 2 * CONNECTIONS];

export const options = plan({
	open: arrivals(Math.ceil(1.1 * CONNECTIONS / opening_s), opening_s, CONNECTIONS),
	stress: arrivals(8000, SECONDS - opening_s - pause_s, CONNECTIONS),
}, {
	...sound('open'), ...limits('stress', { redirect: times, rest: times }),
	[connecting('stress')]: ['max<10000'], // k6, short of CPU, is late to see the few that it opens now
}, pause_s);
