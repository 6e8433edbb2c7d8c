// Traces: a list of the latest, and one as a tree of bars.
import { timePicker } from '../controls.js';
import { el, link } from '../dom.js';
import { href, setParams } from '../route.js';
import * as jaeger from '../sources/jaeger.js';
import { clock, resolve } from '../time.js';
import { format } from '../units.js';

const MOST = 50;
const AWAY = 'Jaeger is not here: ./ci/up --full starts it.';

export async function show(host, { id, params }) {
	document.title = 'Traces · terse';
	const result = el('div', { class: 'result' }, el('p', { class: 'note' }, 'Loading…'));
	host.append(el('h1', {}, id ? 'Trace' : 'Traces'), id ? one(id) : search(params), result);
	try {
		result.replaceChildren(...(id ? await tree(id) : await list(params)));
	} catch (error) {
		result.replaceChildren(el('p', { class: 'panel-error', role: 'status' }, error.status === 503 ? AWAY : error.status === 404 ? 'There is no such trace.' : error.message));
	}
	return null;
}

function one(id) {
	return el('p', {}, el('code', {}, id), ' · ', link(href('logs', '', { trace_id: id, from: 'now-24h' }), {}, 'Its log lines'), ' · ', link(href('traces'), {}, 'Latest traces'));
}

function rawOf(params) {
	return { from: params.get('from') || 'now-1h', to: params.get('to') || 'now' };
}

function search(params) {
	const text = (name, label) => el('label', {}, label, el('input', { name, value: params.get(name) || '' }));
	const submit = (event) => {
		event.preventDefault();
		setParams(Object.fromEntries(new FormData(event.target)));
	};
	return el('form', { class: 'controls', onsubmit: submit }, text('service', 'Service'), text('min', 'At least, such as 5ms'), el('button', { type: 'submit' }, 'Find'),
		el('span', { class: 'grow' }), timePicker(rawOf(params)));
}

async function list(params) {
	const { from, to } = resolve(rawOf(params));
	const services = params.get('service') ? [params.get('service')] : (await jaeger.services()).filter((name) => !name.startsWith('jaeger'));
	const found = await Promise.all(services.map((service) => jaeger.search({
		service, start: Math.round(from * 1e6), end: Math.round(to * 1e6), limit: MOST, minDuration: params.get('min'),
	})));
	const traces = [...new Map(found.flat().map((trace) => [trace.id, trace])).values()].sort((a, b) => b.start - a.start);
	if (!traces.length) return [el('p', { class: 'note' }, 'No traces')];
	return [el('table', { class: 'data' },
		el('thead', {}, el('tr', {}, ...['Begin', 'Trace', 'Duration', 'Spans'].map((text) => el('th', { scope: 'col' }, text)))),
		el('tbody', {}, ...traces.slice(0, MOST).map(({ id, start, end, roots, count }) => el('tr', {}, el('td', {}, clock(start / 1e6, true)),
			el('td', {}, link(href('traces', id), {}, `${roots[0]?.service} ${roots[0]?.name}`)), el('td', { class: 'number' }, format((end - start) / 1e6, 's')),
			el('td', { class: 'number' }, String(count))))))];
}

async function tree(id) {
	if (!/^[0-9a-f]{1,32}$/.test(id)) return [el('p', { class: 'panel-error', role: 'status' }, 'That is no trace id.')];
	const trace = await jaeger.trace(id);
	if (!trace) return [el('p', { class: 'note' }, 'There is no such trace.')];
	const whole = trace.end - trace.start || 1;
	return [el('p', { class: 'muted' }, `${clock(trace.start / 1e6, true)} · ${format(whole / 1e6, 's')} · ${trace.count} spans`),
		el('ul', { class: 'spans' }, ...trace.roots.map((span) => branch(span, trace.start, whole)))];
}

function branch(span, start, whole) {
	const left = ((span.start - start) / whole) * 100;
	const bar = el('span', { class: span.failed ? 'bar failed' : 'bar', style: { marginLeft: `${left.toFixed(2)}%`, width: `${Math.max((span.duration / whole) * 100, 0.3).toFixed(2)}%` } });
	const tags = Object.entries(span.tags);
	return el('li', {}, el('details', {}, el('summary', {},
		el('span', { class: 'span-name' }, `${span.service} `, el('b', {}, span.name)), el('span', { class: 'bar-room' }, bar), el('span', { class: 'number' }, format(span.duration / 1e6, 's'))),
	el('dl', {}, ...tags.flatMap(([name, value]) => [el('dt', {}, name), el('dd', {}, String(value))]))),
	span.children.length ? el('ul', {}, ...span.children.map((child) => branch(child, start, whole))) : null);
}
