// Prometheus: queries and label values as frames.
import { getJson } from '../api.js';

const API = '/ops/api/prometheus/api/v1/';

async function ask(call, params, signal) {
	return (await getJson(API + call, params, signal)).data;
}

/**
 * @param {{expr: string, instant: boolean, legend: string, refId: string, format: string}} query
 * @returns {Promise<import('../field.js').Frame[]>}
 */
export async function frames(query, range, step, signal) {
	const data = query.instant
		? await ask('query', { query: query.expr, time: range.to }, signal)
		: await ask('query_range', { query: query.expr, start: align(range.from, step), end: range.to, step }, signal);
	return framesOf(data, query, range, step);
}

function framesOf({ resultType, result }, query, range, step) {
	if (resultType === 'scalar') return framesOf({ resultType: 'vector', result: [{ metric: {}, value: result }] }, query);
	if (query.format === 'table') return [table(result, query)];
	if (resultType === 'vector') return result.map((one) => frame(one, [one.value], query));
	return result.map((one) => frame(one, filled(one.values, align(range.from, step), range.to, step), query));
}

/** Missing points are null, so that lines break where there were no data. */
function filled(values, from, to, step) {
	const found = new Map(values.map(([at, value]) => [Math.round(at * 1000), value]));
	const all = [];
	for (let at = from; at <= to + 1e-6; at += step) all.push([at, found.get(Math.round(at * 1000)) ?? null]);
	return all;
}

function align(at, step) {
	return Math.floor(at / step) * step;
}

function number(text) {
	if (text === null) return null;
	return text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text);
}

function frame({ metric }, values, query) {
	const title = legend(query.legend, metric, query.expr);
	return {
		name: title, refId: query.refId, labels: metric,
		fields: [
			{ name: 'Time', type: 'time', values: values.map(([at]) => at * 1000) },
			{ name: 'Value', title, type: 'number', labels: metric, values: values.map(([, value]) => number(value)) },
		],
	};
}

/** A row per series, a column per label. */
export function table(result, query) {
	const labels = [...new Set(result.flatMap(({ metric }) => Object.keys(metric)))].sort();
	const last = result.map((one) => one.value || one.values.at(-1));
	return {
		name: query.refId, refId: query.refId, labels: {},
		fields: [
			{ name: 'Time', type: 'time', values: last.map(([at]) => at * 1000) },
			...labels.map((name) => ({ name, type: 'string', values: result.map(({ metric }) => metric[name] ?? '') })),
			{ name: 'Value', refId: query.refId, type: 'number', labels: {}, values: last.map(([, value]) => number(value)) },
		],
	};
}

/** A series' name: the template's, with {{label}} filled in, or all of its labels. */
export function legend(template, metric, expr) {
	if (template && template !== '__auto') {
		return template.replace(/\{\{\s*([\w.]+)\s*\}\}/g, (all, name) => metric[name] ?? '');
	}
	const { __name__: name = '', ...labels } = metric;
	const texts = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
	return texts.length ? `${name}{${texts.join(', ')}}` : name || expr;
}

export function labelValues(label, selector, range) {
	return ask(`label/${encodeURIComponent(label)}/values`, { 'match[]': selector, start: range.from, end: range.to });
}

export async function resultTexts(expr, range) {
	const { result } = await ask('query', { query: expr, time: range.to });
	return result.map(({ metric, value }) => `${legend('', metric, '')} ${value[1]} ${value[0] * 1000}`);
}

export function rules(signal) {
	return ask('rules', { type: 'alert' }, signal);
}

/** Times at which an expression had a value, joined to spans: [{from, to, labels}]. */
export async function spans(expr, range, step, signal) {
	const { result } = await ask('query_range', { query: expr, start: range.from, end: range.to, step }, signal);
	return result.flatMap(({ metric, values }) => joined(values.map(([at]) => at), step).map((span) => ({ ...span, labels: metric })));
}

function joined(times, step) {
	const found = [];
	for (const at of times) {
		const last = found.at(-1);
		if (last && at - last.to <= step * 1.5) last.to = at;
		else found.push({ from: at, to: at });
	}
	return found;
}
