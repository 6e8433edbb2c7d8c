// Loki: log lines, and figures that it counts from them.
import { getJson } from '../api.js';
import { legend, table } from './prometheus.js';

const API = '/ops/api/loki/loki/api/v1/';

/**
 * @typedef {{at: number, text: string, labels: Object, record: ?Object}} Line   at: in seconds
 * @returns {Promise<Line[]>} newest first
 */
export async function lines(expr, range, limit, signal) {
	const { data } = await getJson(`${API}query_range`, {
		query: expr, start: nanoseconds(range.from), end: nanoseconds(range.to), limit, direction: 'backward',
	}, signal);
	if (data.resultType !== 'streams') throw new Error('this query counts; it has no lines');
	return data.result.flatMap(({ stream, values }) => values.map(([at, text]) => line(Number(at) / 1e9, text, stream)))
		.sort((a, b) => b.at - a.at);
}

/** A line, with its members when it is one of terse's own. */
export function line(at, text, labels) {
	let record = null;
	try {
		record = JSON.parse(text);
	} catch {
		// another program's text
	}
	return { at, text, labels, record: record && typeof record === 'object' ? record : null };
}

/** Frames of a query that counts lines. */
export async function frames(query, range, step, signal) {
	const { data } = await getJson(`${API}${query.instant ? 'query' : 'query_range'}`, query.instant
		? { query: query.expr, time: nanoseconds(range.to) }
		: { query: query.expr, start: nanoseconds(range.from), end: nanoseconds(range.to), step: `${step}s` }, signal);
	if (query.format === 'table') return [table(data.result, query)];
	return data.result.map(({ metric, values, value }) => frame(metric, values || [value], query));
}

function frame(metric, values, query) {
	const title = legend(query.legend, metric, query.expr);
	return {
		name: title, refId: query.refId, labels: metric,
		fields: [
			{ name: 'Time', type: 'time', values: values.map(([at]) => at * 1000) },
			{ name: 'Value', title, type: 'number', labels: metric, values: values.map(([, text]) => Number(text)) },
		],
	};
}

function nanoseconds(s) {
	return `${Math.round(s * 1000)}000000`;
}
