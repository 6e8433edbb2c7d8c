// An ordinary day: USERS, each with a request every 250 ms.
import { arrivals, given, kept, limits, plan } from './plan.js';
export { handleSummary } from './plan.js';
export { default, setup } from './requests.js';

const USERS = given('USERS', 50);
const load = arrivals(4 * USERS, given('SECONDS', 60), USERS);

export const options = plan({ load }, { ...limits('load', { redirect: [100, 250], rest: [250, 500] }), ...kept(load) });
