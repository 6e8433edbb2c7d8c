// What a panel's queries find.
import * as alertmanager from './sources/alertmanager.js';
import * as loki from './sources/loki.js';
import * as prometheus from './sources/prometheus.js';
import { applyConfig } from './field.js';
import { seconds, stepOf, macros } from './time.js';
import { transform } from './transform.js';
import { interpolate, scopeOf } from './variables.js';

const POINTS = 240;
const TOGETHER = 6; // as many connections as a browser opens
const LINES = 200;
const NEEDS_QUERY = { text: false, alertlist: false };

let running = 0;
const waiting = [];

/** Not more at once than get a connection: others would be aborted in the browser's own queue. */
async function inTurn(work) {
	if (running >= TOGETHER) await new Promise((resolve) => { waiting.push(resolve); });
	running += 1;
	try {
		return await work();
	} finally {
		running -= 1;
		waiting.shift()?.();
	}
}

/**
 * @param {Object} panel of a dashboard's JSON
 * @param {{range: import('./time.js').Range, variables: Array}} at
 * @returns {Promise<{frames: Array, lines: Array, alerts: Array, step: number, scope: Map}>}
 */
export async function run(panel, { range, variables }, signal) {
	const step = stepOf(range, panel.maxDataPoints || POINTS, seconds(panel.interval || '') || 5);
	const scope = scopeOf(variables, macros(range, step));
	const result = { frames: [], lines: [], alerts: [], step, scope };
	if (panel.type === 'alertlist') result.alerts = await alertmanager.alerts(signal);
	if (NEEDS_QUERY[panel.type] === false) return result;
	const targets = (panel.targets || []).filter((target) => !target.hide);
	const found = await Promise.all(targets.map((target) => inTurn(() => ask(target, panel, { range, step, scope, signal }))));
	result.lines = found.flatMap(({ lines }) => lines || []);
	result.frames = applyConfig(transform(found.flatMap(({ frames }) => frames || []), panel.transformations), panel.fieldConfig);
	return result;
}

/** A target with its variables filled in. */
function queryOf({ expr = '', legendFormat = '', refId, instant, range, queryType, format }, panel, scope) {
	return {
		expr: interpolate(expr, scope), legend: interpolate(legendFormat, scope), refId,
		instant: Boolean(instant && !range) || queryType === 'instant', format: panel.type === 'table' ? 'table' : format,
	};
}

async function ask(target, panel, { range, step, scope, signal }) {
	const source = (target.datasource || panel.datasource)?.type || 'prometheus';
	const own = seconds(interpolate(target.interval || '', scope)) || step;
	const query = queryOf(target, panel, scope);
	if (source === 'alertmanager') return { frames: [alertTable(await alertmanager.alerts(signal), target.refId)] };
	if (source === 'loki' && panel.type === 'logs') return { lines: await loki.lines(query.expr, range, target.maxLines || LINES, signal) };
	if (source === 'loki') return { frames: await loki.frames(query, range, own, signal) };
	return { frames: await prometheus.frames(query, range, Math.max(own, step), signal) };
}

function alertTable(alerts, refId) {
	const labels = [...new Set(alerts.flatMap((alert) => Object.keys(alert.labels)))].sort();
	return {
		name: refId, refId, labels: {},
		fields: [
			{ name: 'Time', type: 'time', values: alerts.map(({ since }) => since * 1000) },
			...labels.map((name) => ({ name, type: 'string', values: alerts.map((alert) => alert.labels[name] ?? '') })),
			{ name: 'state', type: 'string', values: alerts.map(({ state }) => state) },
			{ name: 'summary', type: 'string', values: alerts.map(({ annotations }) => annotations.summary || '') },
		],
	};
}

/** A dashboard's annotations: [{from, to, title, text, color}]. */
export async function findAnnotations(list, { range, variables }, signal) {
	const step = stepOf(range, POINTS);
	const scope = scopeOf(variables, macros(range, step));
	const asked = list.filter((one) => one.enable && one.expr && one.datasource?.type === 'prometheus');
	const found = await Promise.all(asked.map((one) => inTurn(() => marksOf(one, range, step, scope, signal)).catch(() => [])));
	return found.flat();
}

async function marksOf(one, range, step, scope, signal) {
	const spans = await prometheus.spans(interpolate(one.expr, scope), range, step, signal);
	return spans.map(({ from, to, labels }) => ({
		from, to, color: one.iconColor || 'red', title: prometheus.legend(one.titleFormat || one.name, labels, one.name),
		text: one.textFormat ? prometheus.legend(one.textFormat, labels, '') : '',
	}));
}
