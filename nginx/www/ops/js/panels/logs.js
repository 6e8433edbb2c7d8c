// Log lines: terse's own as columns that can be told apart, others as they are.
import { el, link } from '../dom.js';
import { href } from '../route.js';
import { clock } from '../time.js';

export function draw(host, { lines }) {
	if (!lines.length) return null;
	host.append(el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Log lines' },
		el('ul', { class: 'logs' }, ...lines.map(entry))));
	return {};
}

function entry({ at, text, labels, record }) {
	const level = record?.level || labels.level || 'info';
	const details = el('details', {}, el('summary', {},
		el('time', {}, clock(at, true)), el('span', { class: `level ${level}` }, level),
		el('span', { class: 'muted' }, labels.service || record?.program || ''), el('span', { class: 'line' }, record ? headline(record) : text)));
	details.addEventListener('toggle', () => details.childElementCount > 1 || details.append(members(record || { text }, labels, at)));
	return el('li', {}, details);
}

/** A request reads as method, path and status; all else as its message. */
function headline(record) {
	const { msg, method, path, status, duration_us: us, diag } = record;
	const request = status ? `${method || ''} ${path || ''} ${status}${us === undefined ? '' : ` ${(us / 1000).toFixed(2)} ms`}` : '';
	return [request || msg, diag].filter(Boolean).join(' · ');
}

function members(record, labels, at) {
	const rows = Object.entries({ ...labels, ...record });
	return el('dl', {}, ...rows.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, member(name, value, at))]));
}

function member(name, value, at) {
	const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
	if (name === 'trace_id' && text) return link(href('traces', text), {}, text);
	if (name === 'request_id' && text) return link(href('logs', '', { request_id: text, from: Math.round((at - 900) * 1000), to: Math.round((at + 900) * 1000) }), {}, text);
	return text;
}
