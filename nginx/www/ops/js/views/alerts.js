// Alerts: what Alertmanager holds, what Prometheus waits for, and what terse has noted.
import { getJson } from '../api.js';
import { el, link } from '../dom.js';
import { alertItems } from '../panels/alertlist.js';
import { href } from '../route.js';
import { alerts, silences } from '../sources/alertmanager.js';
import { rules } from '../sources/prometheus.js';
import { clock } from '../time.js';
import { format } from '../units.js';

export async function show(host) {
	document.title = 'Alerts · terse';
	host.append(el('h1', {}, 'Alerts'));
	await Promise.all([
		part(host, 'Firing', async () => listOf(await alerts(), alertItems, 'Nothing fires.')),
		part(host, 'Silences', async () => listOf(await silences(), silenceItems, 'Nothing is silenced.')),
		part(host, 'Rules', async () => ruleTable((await rules()).groups)),
		part(host, 'Noted by terse', async () => noted(await getJson('/alerts', { per_page: 50 }))),
	]);
	return null;
}

async function part(host, title, load) {
	const body = el('div', {}, el('p', { class: 'note' }, 'Loading…'));
	host.append(el('h2', {}, title), body);
	try {
		body.replaceChildren(await load());
	} catch (error) {
		body.replaceChildren(el('p', { class: 'panel-error', role: 'status' }, error.message));
	}
}

function listOf(found, draw, nothing) {
	return found.length ? draw(found) : el('p', { class: 'note good' }, nothing);
}

function silenceItems(found) {
	return el('ul', { class: 'alerts' }, ...found.map(({ matchers, comment, createdBy, endsAt }) => el('li', { class: 'alert' },
		...matchers.map(({ name, value, isEqual, isRegex }) => el('code', {}, `${name}${isEqual === false ? '!' : '='}${isRegex ? '~' : ''}${value}`)), ` ${comment} (${createdBy}), until ${endsAt}`)));
}

function ruleTable(groups) {
	const found = groups.flatMap((group) => group.rules);
	const order = { firing: 0, pending: 1, inactive: 2 };
	found.sort((a, b) => order[a.state] - order[b.state] || a.name.localeCompare(b.name));
	return table(['Rule', 'State', 'Severity', 'For', ''], found.map((rule) => [
		link(href('runbook', rule.name), {}, rule.name), el('span', { class: `level ${rule.state}` }, rule.state), rule.labels.severity || '',
		format(rule.duration, 's', 0), link(href('explore', '', { expr: rule.query }), {}, 'Explore')]));
}

function noted(found) {
	if (!found.length) return el('p', { class: 'note' }, 'None yet.');
	return table(['Since', 'Alert', 'Status', 'Severity', 'Summary'], found.map((one) => [
		clock(Date.parse(one.starts_at) / 1000, true), link(href('runbook', one.name), {}, one.name), one.status, one.severity, one.summary || '']));
}

function table(heads, rows) {
	return el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': heads[0] }, el('table', { class: 'data' },
		el('thead', {}, el('tr', {}, ...heads.map((text) => el('th', { scope: 'col' }, text)))),
		el('tbody', {}, ...rows.map((row) => el('tr', {}, ...row.map((content) => el('td', {}, content)))))));
}
