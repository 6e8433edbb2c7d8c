// Times and ranges of time, as dashboards write them: now-1h, milliseconds, or ISO 8601.

export const UNITS = { s: 1, m: 60, h: 3600, d: 86400, w: 604800, y: 31536000 };
export const PRESETS = {
	'now-5m': 'Last 5 minutes', 'now-15m': 'Last 15 minutes', 'now-30m': 'Last 30 minutes', 'now-1h': 'Last hour',
	'now-3h': 'Last 3 hours', 'now-6h': 'Last 6 hours', 'now-12h': 'Last 12 hours', 'now-24h': 'Last 24 hours',
	'now-2d': 'Last 2 days', 'now-7d': 'Last 7 days', 'now-30d': 'Last 30 days',
};
export const REFRESHES = { '': 'Off', '5s': '5 s', '10s': '10 s', '30s': '30 s', '1m': '1 min', '5m': '5 min' };
const SCRAPE_S = 5; // how often Prometheus asks

/** Seconds of a duration such as 5m or 1h30m; NaN when it is none. */
export function seconds(text) {
	const parts = [...String(text).matchAll(/(\d+(?:\.\d+)?)(ms|[smhdwy])/g)];
	if (!parts.length || parts.map(([all]) => all).join('') !== text) return NaN;
	return parts.reduce((sum, [, n, unit]) => sum + n * (unit === 'ms' ? 0.001 : UNITS[unit]), 0);
}

/** Seconds since 1970, or NaN. */
export function parseTime(text, now = Date.now() / 1000) {
	const value = String(text).trim();
	if (/^\d{9,}$/.test(value)) return value / 1000;
	const relative = /^now(?:-(\w+))?(?:\/\w)?$/.exec(value);
	if (relative) return relative[1] ? now - seconds(relative[1]) : now;
	return Date.parse(value) / 1000;
}

/**
 * A range as it is now. step is how far apart points are, when there are at most `points`.
 * @typedef {{from: number, to: number, raw: {from: string, to: string}}} Range
 * @returns {Range}
 */
export function resolve(raw) {
	const from = parseTime(raw.from);
	const to = parseTime(raw.to);
	if (!(from < to)) return resolve({ from: 'now-1h', to: 'now' });
	return { from, to, raw };
}

const STEPS = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** Seconds between two points, so that a range has about as many as are asked for. */
export function stepOf(range, points, least = SCRAPE_S) {
	const ideal = Math.max((range.to - range.from) / points, least);
	return STEPS.find((step) => step >= ideal) || 86400;
}

/** What Grafana's built-in variables stand for. */
export function macros(range, step) {
	const whole = Math.round(range.to - range.from);
	return {
		__interval: duration(step), __interval_ms: String(step * 1000),
		__rate_interval: duration(Math.max(4 * SCRAPE_S, step + SCRAPE_S)),
		__range: `${whole}s`, __range_s: String(whole), __range_ms: String(whole * 1000), __auto: duration(step),
		__from: String(Math.round(range.from * 1000)), __to: String(Math.round(range.to * 1000)),
	};
}

function duration(s) {
	return `${s}s`;
}

const pad = (n, width = 2) => String(n).padStart(width, '0');

/** Local time, as short as the range allows. */
export function clock(s, withDate = false) {
	const at = new Date(s * 1000);
	const time = `${pad(at.getHours())}:${pad(at.getMinutes())}:${pad(at.getSeconds())}`;
	return withDate ? `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())} ${time}` : time;
}

/** The same as inputs of the kind datetime-local want it. */
export function localInput(s) {
	return clock(s, true).replace(' ', 'T');
}

export function describe(raw) {
	if (raw.to === 'now' && PRESETS[raw.from]) return PRESETS[raw.from];
	if (raw.to === 'now' && raw.from.startsWith('now-')) return `Last ${raw.from.slice(4)}`;
	const { from, to } = resolve(raw);
	return `${clock(from, true)} to ${clock(to, true)}`;
}
