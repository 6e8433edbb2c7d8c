// Users who mostly follow links, and now and then shorten one or look around. Each goes on with
// the next request as soon as the last is answered.
//
// BASE: the service's address. USERS, SECONDS. SUMMARY: the file that the figures go to.
// P95_MS: what 95 % of each kind's requests must stay below.
import http from 'k6/http';
import { check } from 'k6';
import { Counter } from 'k6/metrics';

const BASE = __ENV.BASE;
const LINKS = 200; // links that are followed

// In percent; the sum is 100.
const MIX = [
	[90, 'redirect', follow],
	[3, 'shorten', shorten],
	[3, 'list', list],
	[2, 'stats', stats],
	[2, 'events', events],
];

const redirects = new Counter('redirects');

http.setResponseCallback(http.expectedStatuses(200, 201, 302));

export const options = {
	vus: Number(__ENV.USERS),
	duration: `${__ENV.SECONDS}s`,
	summaryTrendStats: ['avg', 'med', 'p(95)', 'p(99)', 'max'],
	thresholds: {
		http_req_failed: ['rate<0.01'],
		checks: ['rate>0.99'],
		...Object.fromEntries(MIX.flatMap(([, kind]) => [
			[`http_req_duration{kind:${kind}}`, [`p(95)<${__ENV.P95_MS}`]],
			[`http_reqs{kind:${kind}}`, ['count>0']],
		])),
	},
};

// Active links of the sample, {id, short_code, original_url}.
export function setup() {
	const links = http.get(`${BASE}/urls?is_active=true&per_page=${LINKS}`).json();
	return links.map(({ id, short_code, original_url }) => ({ id, short_code, original_url }));
}

export default function (links) {
	let left = Math.random() * 100;
	for (const [percent, kind, act] of MIX) {
		left -= percent;
		if (left < 0) {
			act(pick(links), { tags: { kind, name: kind } });
			return;
		}
	}
}

// Few links are hot: a tenth of the list gets nearly half of the visits.
function pick(links) {
	return links[Math.floor(links.length * Math.random() ** 3)];
}

function follow(link, params) {
	const answer = http.get(`${BASE}/${link.short_code}`, { ...params, redirects: 0 });
	const right = check(answer, {
		'redirect leads to the link': (a) => a.status === 302 && a.headers.Location === link.original_url,
	});
	redirects.add(right ? 1 : 0);
}

function shorten(link, params) {
	const body = JSON.stringify({ original_url: link.original_url, title: 'load' });
	const answer = http.post(`${BASE}/urls`, body, { ...params, headers: { 'Content-Type': 'application/json' } });
	check(answer, { 'a url is made': (a) => a.status === 201 });
}

function list(link, params) {
	const answer = http.get(`${BASE}/urls?per_page=20`, params);
	check(answer, { 'a page of urls': (a) => a.status === 200 && a.json().length === 20 });
}

function stats(link, params) {
	const answer = http.get(`${BASE}/stats/${link.short_code}`, params);
	check(answer, { 'statistics of the link': (a) => a.status === 200 && a.json('short_code') === link.short_code });
}

function events(link, params) {
	const answer = http.get(`${BASE}/events?url_id=${link.id}&per_page=20`, params);
	check(answer, { 'events of the link': (a) => a.status === 200 && a.json().every((e) => e.url_id === link.id) });
}

export function handleSummary(data) {
	return { [__ENV.SUMMARY]: JSON.stringify(data) };
}
