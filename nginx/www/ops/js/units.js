// Numbers as people read them, by Grafana's names of units.
import { clock } from './time.js';

const SI = ['', 'K', 'Mil', 'Bil', 'Tri'];
const BINARY = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const DECIMAL = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
const TIMES = [[86400 * 365, 'year'], [86400 * 7, 'week'], [86400, 'day'], [3600, 'hour'], [60, 'min'], [1, 's'],
	[1e-3, 'ms'], [1e-6, 'µs'], [1e-9, 'ns']];

const UNITS = {
	none: (v, d) => plain(v, d),
	short: (v, d) => scaled(v, d, 1000, SI),
	percent: (v, d) => `${plain(v, d)}%`,
	percentunit: (v, d) => `${plain(v * 100, d)}%`,
	bytes: (v, d) => scaled(v, d, 1024, BINARY),
	decbytes: (v, d) => scaled(v, d, 1000, DECIMAL),
	Bps: (v, d) => `${scaled(v, d, 1000, DECIMAL)}/s`,
	binBps: (v, d) => `${scaled(v, d, 1024, BINARY)}/s`,
	s: (v, d) => time(v, d),
	ms: (v, d) => time(v / 1e3, d),
	µs: (v, d) => time(v / 1e6, d),
	ns: (v, d) => time(v / 1e9, d),
	dtdurations: (v, d) => time(v, d),
	reqps: (v, d) => `${scaled(v, d, 1000, SI)} req/s`,
	ops: (v, d) => `${scaled(v, d, 1000, SI)} ops/s`,
	cps: (v, d) => `${scaled(v, d, 1000, SI)} c/s`,
	rps: (v, d) => `${scaled(v, d, 1000, SI)} rd/s`,
	wps: (v, d) => `${scaled(v, d, 1000, SI)} wr/s`,
	bool: (v) => (v ? 'True' : 'False'),
	bool_yes_no: (v) => (v ? 'Yes' : 'No'),
	bool_on_off: (v) => (v ? 'On' : 'Off'),
	dateTimeAsIso: (v) => clock(v / 1000, true),
	dateTimeAsLocal: (v) => clock(v / 1000, true),
	dateTimeFromNow: (v) => ago(v / 1000 - Date.now() / 1000),
};

/** @param {*} value @param {string} [unit] @param {number} [decimals] @returns {string} */
export function format(value, unit = 'none', decimals = undefined) {
	if (value === null || value === undefined) return '–';
	if (typeof value !== 'number') return String(value);
	if (Number.isNaN(value)) return 'NaN';
	if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞';
	const how = UNITS[unit];
	if (how) return how(value, decimals);
	const [kind, text] = unit.split(/:(.*)/s);
	if (kind === 'suffix' || kind === 'prefix') {
		return kind === 'suffix' ? `${plain(value, decimals)}${text}` : `${text}${plain(value, decimals)}`;
	}
	return `${plain(value, decimals)} ${unit}`;
}

/** As many digits as tell one value from another: about three. */
function plain(value, decimals) {
	if (decimals !== undefined && decimals !== null) return value.toFixed(decimals);
	const size = Math.abs(value);
	if (size === 0) return '0';
	const digits = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : Math.min(2 - Math.floor(Math.log10(size)), 9);
	return String(Number(value.toFixed(digits)));
}

function scaled(value, decimals, base, names) {
	let rest = value;
	let i = 0;
	while (Math.abs(rest) >= base && i < names.length - 1) {
		rest /= base;
		i += 1;
	}
	return `${plain(rest, decimals)} ${names[i]}`.trim();
}

function time(value, decimals) {
	const [size, name] = TIMES.find(([least]) => Math.abs(value) >= least * 0.9995) || [1, 's'];
	const text = plain(value / size, decimals);
	return `${text} ${name}${size < 60 || text === '1' ? '' : 's'}`;
}

function ago(distance) {
	const text = time(Math.abs(distance), 0);
	return distance > 0 ? `in ${text}` : `${text} ago`;
}
