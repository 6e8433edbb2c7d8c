// How many requests are begun when, and what must become of them.
//
// SUMMARY: the file that the figures go to.
import { KINDS } from './requests.js';

const ERRORS = 0.001; // the share that may fail
const TAIL_S = 10; // that the last answers may take
const phases = {};

// A positive number that the runner gives.
export function given(name, usual) {
	return Number(__ENV[name] || usual);
}

function ms(seconds) {
	return `${Math.round(seconds * 1000)}ms`;
}

// So many requests are begun in each second whatever became of those before them, by at most
// `users` at once, each on a connection of its own that it keeps.
export function arrivals(rate, seconds, users) {
	return { from: rate, to: rate, seconds, requests: rate * seconds, users,
		shape: { executor: 'constant-arrival-rate', rate, duration: ms(seconds) } };
}

// The same, at a rate that moves from `from` through stages [[seconds, rate], ...].
export function ramp(from, stages, users) {
	let [seconds, requests, now] = [0, 0, from];
	for (const [part, target] of stages) {
		seconds += part;
		requests += part * (now + target) / 2;
		now = target;
	}
	return { from, to: now, seconds, requests, users, shape: { executor: 'ramping-arrival-rate', startRate: from,
		stages: stages.map(([part, target]) => ({ duration: ms(part), target })) } };
}

// The phases, {name: arrivals or ramp}, one after the other, with pause_s for the last answers of
// each. thresholds: what is asked beyond answers of every kind.
export function plan(parts, thresholds, pause_s = 0) {
	const scenarios = {};
	let start_s = 0;
	for (const [name, part] of Object.entries(parts)) {
		scenarios[name] = { ...part.shape, timeUnit: '1s', startTime: ms(start_s), preAllocatedVUs: part.users,
			maxVUs: part.users, gracefulStop: ms(pause_s || TAIL_S) };
		phases[name] = { ...part, start_s };
		start_s += part.seconds + pause_s;
	}
	return {
		scenarios, thresholds: { ...seen(Object.keys(parts)), ...thresholds },
		systemTags: ['status', 'scenario', 'expected_response', 'error_code'],
		summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
	};
}

// k6 keeps apart only what a threshold asks for.
function seen(names) {
	return {
		...Object.fromEntries(Object.keys(KINDS).map((kind) => [`http_reqs{kind:${kind}}`, ['count>0']])),
		...Object.fromEntries(names.flatMap((name) => [
			...Object.keys(KINDS).map((kind) => [timed(kind, name), ['max>0']]),
			[`http_reqs{scenario:${name}}`, ['count>0']],
			[`http_req_duration{scenario:${name}}`, ['max>0']],
			[`dropped_iterations{scenario:${name}}`, ['count>=0']],
		])),
	};
}

function timed(kind, phase) {
	return `http_req_duration{kind:${kind},scenario:${phase}}`;
}

export function connecting(phase) {
	return `http_req_connecting{scenario:${phase}}`;
}

// A phase's limits for errors; none of its connections waits for the repetition of a lost SYN.
export function sound(phase) {
	return {
		[connecting(phase)]: ['max<1000'],
		[`http_req_failed{scenario:${phase}}`]: [`rate<${ERRORS}`],
		[`checks{scenario:${phase}}`]: [`rate>${1 - ERRORS}`],
	};
}

// The same, and for what 95 % and 99 % of each kind's requests must stay
// below, in ms: {redirect: [p95, p99], rest: [p95, p99]}.
export function limits(phase, { redirect, rest }) {
	return {
		...sound(phase),
		...Object.fromEntries(Object.keys(KINDS).map((kind) => {
			const [p95, p99] = kind === 'redirect' ? redirect : rest;
			return [timed(kind, phase), [`p(95)<${p95}`, `p(99)<${p99}`]];
		})),
	};
}

// That the rate was reached: all but a thousandth were begun in time.
export function kept(...parts) {
	const requests = parts.reduce((sum, part) => sum + part.requests, 0);
	return { dropped_iterations: [`count<=${Math.floor(requests * ERRORS)}`],
		iterations: [`count>=${Math.floor(requests * (1 - ERRORS)) - 1}`] };
}

export function handleSummary(data) {
	return { [__ENV.SUMMARY || 'summary.json']: JSON.stringify({ ...data, phases }) };
}
