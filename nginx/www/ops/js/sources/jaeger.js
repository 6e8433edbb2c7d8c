// Jaeger: traces, as trees of spans.
import { getJson } from '../api.js';

const API = '/ops/api/jaeger/api/';

/**
 * @typedef {{id: string, name: string, service: string, start: number, duration: number, failed: boolean, tags: Object, children: Span[]}} Span
 * start and duration: in microseconds
 * @returns {Promise<?{start: number, end: number, roots: Span[], count: number}>}
 */
export async function trace(id, signal) {
	const { data } = await getJson(`${API}traces/${id}`, {}, signal);
	return data?.length ? tree(data[0]) : null;
}

export async function search(params, signal) {
	const { data } = await getJson(`${API}traces`, params, signal);
	return (data || []).map((one) => ({ id: one.traceID, ...tree(one) })).sort((a, b) => b.start - a.start);
}

export async function services(signal) {
	return (await getJson(`${API}services`, {}, signal)).data || [];
}

function tree({ spans, processes }) {
	const byId = new Map(spans.map((one) => [one.spanID, span(one, processes)]));
	const roots = [];
	for (const one of spans) {
		const parent = byId.get(one.references?.find(({ refType }) => refType === 'CHILD_OF')?.spanID);
		(parent ? parent.children : roots).push(byId.get(one.spanID));
	}
	const all = [...byId.values()];
	all.forEach((one) => one.children.sort((a, b) => a.start - b.start));
	return {
		roots: roots.sort((a, b) => a.start - b.start), count: all.length,
		start: all.reduce((least, one) => Math.min(least, one.start), Infinity),
		end: all.reduce((most, one) => Math.max(most, one.start + one.duration), 0),
	};
}

function span(one, processes) {
	const tags = Object.fromEntries((one.tags || []).map(({ key, value }) => [key, value]));
	return {
		id: one.spanID, name: one.operationName, service: processes[one.processID]?.serviceName || '', start: one.startTime,
		duration: one.duration, failed: tags.error === true || tags['otel.status_code'] === 'ERROR', tags, children: [],
	};
}
