// Looking for log lines: in Loki, or where there is none in this machine's own logs.
import { getJson } from '../api.js';
import { timePicker } from '../controls.js';
import { el } from '../dom.js';
import { draw } from '../panels/logs.js';
import { setParams } from '../route.js';
import * as loki from '../sources/loki.js';
import { resolve } from '../time.js';

const LINES = 500;
const FIELDS = { service: 'Service', level: 'Level', request_id: 'Request id', trace_id: 'Trace id', text: 'Text' };

export async function show(host, { params }) {
	document.title = 'Logs · terse';
	const raw = { from: params.get('from') || 'now-1h', to: params.get('to') || 'now' };
	const result = el('div', { class: 'result' }, el('p', { class: 'note' }, 'Loading…'));
	host.append(el('h1', {}, 'Logs'), form(params, raw), result);
	const { lines, note } = await find(params, resolve(raw)).catch((error) => ({ lines: [], note: error.message }));
	result.replaceChildren(note ? el('p', { class: 'panel-error', role: 'status' }, note) : el('p', { class: 'muted', role: 'status' }, `${lines.length} lines`));
	if (!draw(result, { lines })) result.append(el('p', { class: 'note' }, 'No lines'));
	return null;
}

function form(params, raw) {
	const inputs = Object.entries(FIELDS).map(([name, text]) => el('label', {}, text, el('input', { name, value: params.get(name) || '' })));
	const submit = (event) => {
		event.preventDefault();
		setParams(Object.fromEntries(new FormData(event.target)));
	};
	return el('form', { class: 'controls', onsubmit: submit }, ...inputs, el('button', { type: 'submit' }, 'Find'), el('span', { class: 'grow' }), timePicker(raw));
}

async function find(params, range) {
	try {
		return { lines: await loki.lines(expression(params), range, LINES), note: '' };
	} catch (error) {
		if (error.status !== 503) throw error;
		return { lines: await own(params, range), note: 'Loki is not here: these are this machine’s latest lines.' };
	}
}

/** LogQL; every value within quotes. */
export function expression(params) {
	const labels = ['service', 'level'].filter((name) => params.get(name)).map((name) => `, ${name}=${JSON.stringify(params.get(name))}`);
	const texts = ['request_id', 'trace_id', 'text'].filter((name) => params.get(name)).map((name) => ` |= ${JSON.stringify(params.get(name))}`);
	return `{job="terse"${labels.join('')}}${texts.join('')}`;
}

async function own(params, range) {
	const wanted = Object.fromEntries(['service', 'level', 'request_id'].map((name) => [name, params.get(name)]));
	const found = await getJson('/logs', {
		...wanted, filter: params.get('trace_id') || params.get('text'), since: new Date(range.from * 1000).toISOString(), limit: LINES,
	});
	return found.map((record) => loki.line(Date.parse(record.ts) / 1000, JSON.stringify(record), { service: record.program || '' }))
		.filter(({ at }) => at >= range.from && at <= range.to).sort((a, b) => b.at - a.at);
}
