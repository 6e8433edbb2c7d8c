// An ordinary day: USERS, each with a request every 250 ms.
import { arrivals, given, kept, limits, plan } from './requests.js';
export { default, handleSummary, setup } from './requests.js';

const USERS = given('USERS', 50);
const RATE = 4 * USERS;
const SECONDS = given('SECONDS', 60);

export const options = plan({ load: arrivals(RATE, SECONDS, USERS) }, {
	...limits({ redirect: [100, 250], rest: [250, 500] }), ...kept(RATE, SECONDS),
});
