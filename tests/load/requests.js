// What visitors ask for: mostly they follow links, and now and then shorten one or look around.
// Every answer is checked: a status or content that is not the expected one is an error.
//
// BASE: the service's address. SUMMARY: the file that the figures go to.
import http from 'k6/http';
import { check } from 'k6';
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';

const BASE = __ENV.BASE || 'http://127.0.0.1';
const LINKS = 200; // links that are followed
const ERRORS = 0.001; // the share that may fail

export const KINDS = { redirect: follow, shorten, list, stats, events };
// In percent; the sum is 100.
export const USUAL = { redirect: 90, shorten: 3, list: 3, stats: 2, events: 2 };
export const EVEN = { redirect: 20, shorten: 20, list: 20, stats: 20, events: 20 };

const redirects = new Counter('redirects');

// Active links of the sample, {id, short_code, original_url}.
export function setup() {
	const links = http.get(`${BASE}/urls?is_active=true&per_page=${LINKS}`, { responseType: 'text' }).json();
	return links.map(({ id, short_code, original_url }) => ({ id, short_code, original_url }));
}

// One request, of the kind whose turn it is: of a hundred in a row each kind has its exact share.
export function visit(links, mix) {
	let left = (exec.scenario.iterationInTest * 37) % 100;
	for (const [kind, percent] of Object.entries(mix)) {
		left -= percent;
		if (left < 0) {
			KINDS[kind](pick(links), { kind, name: kind });
			return;
		}
	}
}

export default function (links) {
	visit(links, USUAL);
}

// Few links are hot: a tenth of the list gets nearly half of the visits.
function pick(links) {
	return links[Math.floor(links.length * Math.random() ** 3)];
}

// How a request is sent whose answer is to have this status; bodies are kept only to be checked.
function asked(tags, status, more) {
	return { tags, redirects: 0, responseCallback: http.expectedStatuses(status), responseType: 'text', ...more };
}

function follow(link, tags) {
	const answer = http.get(`${BASE}/${link.short_code}`, asked(tags, 302, { responseType: 'none' }));
	const right = check(answer, {
		'redirect leads to the link': (a) => a.status === 302 && a.headers.Location === link.original_url,
	}, tags);
	redirects.add(right ? 1 : 0);
}

function shorten(link, tags) {
	const body = JSON.stringify({ original_url: link.original_url, title: 'load' });
	const answer = http.post(`${BASE}/urls`, body, asked(tags, 201, { headers: { 'Content-Type': 'application/json' } }));
	check(answer, {
		'a url is made': (a) => a.status === 201 && a.json('original_url') === link.original_url,
	}, tags);
}

function list(link, tags) {
	const answer = http.get(`${BASE}/urls?per_page=20`, asked(tags, 200));
	check(answer, { 'a page of urls': (a) => a.status === 200 && a.json().length === 20 }, tags);
}

function stats(link, tags) {
	const answer = http.get(`${BASE}/stats/${link.short_code}`, asked(tags, 200));
	check(answer, {
		'statistics of the link': (a) => a.status === 200 && a.json('short_code') === link.short_code,
	}, tags);
}

function events(link, tags) {
	const answer = http.get(`${BASE}/events?url_id=${link.id}&per_page=20`, asked(tags, 200));
	check(answer, {
		'events of the link': (a) => a.status === 200 && a.json().every((e) => e.url_id === link.id),
	}, tags);
}

// Limits for errors, and for what 95 % and 99 % of each kind's requests must stay below, in ms:
// {redirect: [p95, p99], rest: [p95, p99]}. tags: of those alone that have these, too.
export function limits({ redirect, rest }, tags = '') {
	return {
		[`http_req_failed${tags && `{${tags}}`}`]: [`rate<${ERRORS}`],
		[`checks${tags && `{${tags}}`}`]: [`rate>${1 - ERRORS}`],
		...Object.fromEntries(Object.keys(KINDS).map((kind) => {
			const [p95, p99] = kind === 'redirect' ? redirect : rest;
			return [`http_req_duration{kind:${kind}${tags && `,${tags}`}}`, [`p(95)<${p95}`, `p(99)<${p99}`]];
		})),
	};
}

// That there are answers of every kind, and that no connection waited for a lost SYN.
function sound() {
	return {
		...Object.fromEntries(Object.keys(KINDS).map((kind) => [`http_reqs{kind:${kind}}`, ['count>0']])),
		http_req_connecting: ['max<1000'],
	};
}

// So many requests are begun in each second whatever became of those before them, by at most
// `users` at once, each on a connection of its own that it keeps.
export function arrivals(rate, seconds, users, more) {
	return {
		executor: 'constant-arrival-rate', rate, timeUnit: '1s', duration: `${seconds}s`,
		preAllocatedVUs: users, maxVUs: users, gracefulStop: '10s', ...more,
	};
}

// The same, with a rate that moves from `from` through stages [[seconds, rate], ...].
export function ramp(from, stages, users, more) {
	return {
		executor: 'ramping-arrival-rate', startRate: from, timeUnit: '1s',
		stages: stages.map(([seconds, target]) => ({ duration: `${Math.round(seconds * 1000)}ms`, target })),
		preAllocatedVUs: users, maxVUs: users, gracefulStop: '10s', ...more,
	};
}

export function plan(scenarios, thresholds) {
	return {
		scenarios, thresholds: { ...sound(), ...thresholds },
		setupTimeout: '30s',
		systemTags: ['status', 'scenario', 'expected_response', 'error_code'],
		summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
	};
}

// That the rate was reached: all but a thousandth of the requests were begun in time.
export function kept(rate, seconds) {
	return { dropped_iterations: [`count<=${Math.floor(rate * seconds * ERRORS)}`] };
}

// A positive number that the runner gives.
export function given(name, usual) {
	return Number(__ENV[name] || usual);
}

export function handleSummary(data) {
	return { [__ENV.SUMMARY || 'summary.json']: JSON.stringify(data) };
}
