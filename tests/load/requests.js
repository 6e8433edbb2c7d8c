// What visitors ask for: mostly they follow links, and now and then shorten one or look around.
// Every answer is checked: a status or content that is not the expected one is an error.
//
// BASE: the service's address.
import http from 'k6/http';
import { check } from 'k6';
import exec from 'k6/execution';
import { Counter } from 'k6/metrics';

const BASE = __ENV.BASE || 'http://127.0.0.1';
const LINKS = 200; // links that are followed

export const KINDS = { redirect: follow, shorten, list, stats, events };
// In percent; the sum is 100.
export const USUAL = { redirect: 90, shorten: 3, list: 3, stats: 2, events: 2 };
export const EVEN = { redirect: 20, shorten: 20, list: 20, stats: 20, events: 20 };

const redirects = new Counter('redirects');

// Active links of the sample, {id, short_code, original_url}.
export function setup() {
	const links = http.get(`${BASE}/urls?is_active=true&per_page=${LINKS}`).json();
	return links.map(({ id, short_code, original_url }) => ({ id, short_code, original_url }));
}

// One request, of the kind whose turn it is: of a hundred in a row each kind has its exact share.
export function visit(links, mix) {
	let left = (exec.scenario.iterationInTest * 37) % 100;
	for (const kind in mix) {
		left -= mix[kind];
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

// How a request is sent whose answer is to have this status.
function asked(tags, status, more) {
	return { tags, redirects: 0, responseCallback: http.expectedStatuses(status), ...more };
}

// Whether the answer is right; the runner counts what is said of those that are not.
function right(answer, { kind }, name, holds) {
	const is_right = check(answer, { [name]: (a) => a.error_code === 0 && holds(a) });
	if (!is_right) {
		console.warn(`wrong ${kind}: status ${answer.status}, k6's code ${answer.error_code}`);
	}
	return is_right;
}

function follow(link, tags) {
	const answer = http.get(`${BASE}/${link.short_code}`, asked(tags, 302, { responseType: 'none' }));
	redirects.add(right(answer, tags, 'redirect leads to the link',
		(a) => a.status === 302 && a.headers.Location === link.original_url) ? 1 : 0);
}

function shorten(link, tags) {
	const body = JSON.stringify({ original_url: link.original_url, title: 'load' });
	const answer = http.post(`${BASE}/urls`, body, asked(tags, 201, { headers: { 'Content-Type': 'application/json' } }));
	right(answer, tags, 'a url is made', (a) => a.status === 201 && a.json('original_url') === link.original_url);
}

function list(link, tags) {
	const answer = http.get(`${BASE}/urls?per_page=20`, asked(tags, 200));
	right(answer, tags, 'a page of urls', (a) => a.status === 200 && a.json().length === 20);
}

function stats(link, tags) {
	const answer = http.get(`${BASE}/stats/${link.short_code}`, asked(tags, 200));
	right(answer, tags, 'statistics of the link', (a) => a.status === 200 && a.json('short_code') === link.short_code);
}

function events(link, tags) {
	const answer = http.get(`${BASE}/events?url_id=${link.id}&per_page=20`, asked(tags, 200));
	right(answer, tags, 'events of the link', (a) => a.status === 200 && a.json().every((e) => e.url_id === link.id));
}
