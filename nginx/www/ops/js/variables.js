// A dashboard's variables: what they may be, what they are, and putting them into texts.
import * as prometheus from './sources/prometheus.js';
import { pattern } from './field.js';

export const ALL = '$__all';
const REFERENCE = /\$(\w+)|\$\{(\w+)(?:\.[\w.]+)?(?::(\w+))?\}|\[\[(\w+)\]\]/g;

/**
 * Loads the options of the variables, in order, since one may name those before it.
 * @typedef {{name: string, label: string, multi: boolean, all: boolean, hidden: boolean, text: boolean, options: string[],
 *   value: string[], allValue: ?string}} Variable
 * @returns {Promise<Variable[]>}
 */
export async function load(list, params, range, builtin) {
	const variables = [];
	for (const one of list) {
		const scope = scopeOf(variables, builtin);
		const options = await optionsOf(one, scope, range).catch(() => []);
		variables.push(make(one, options, params.getAll(`var-${one.name}`)));
	}
	return variables;
}

function make(one, options, given) {
	const value = given.length ? given : [one.current?.value ?? []].flat();
	const usable = value.filter((text) => text !== '');
	const fallback = one.includeAll ? [ALL] : options.slice(0, 1);
	return {
		name: one.name, label: one.label || one.name, multi: Boolean(one.multi), all: Boolean(one.includeAll),
		hidden: one.hide === 2 || one.type === 'constant', text: one.type === 'textbox', allValue: one.allValue || null, options,
		value: usable.length || one.type === 'textbox' ? usable : fallback,
	};
}

async function optionsOf(one, scope, range) {
	switch (one.type) {
	case 'custom': case 'interval': return String(one.query).split(/(?<!\\),/).map((text) => text.trim().split(' : ').at(-1));
	case 'constant': return [String(one.query)];
	case 'query': return sorted(filtered(await ask(one.query, scope, range), one.regex), one.sort);
	default: return [];
	}
}

async function ask(query, scope, range) {
	const text = interpolate(typeof query === 'string' ? query : query.query, scope);
	const values = /^label_values\((?:(.+),)?\s*(\w+)\)$/s.exec(text.trim());
	if (values) return prometheus.labelValues(values[2], values[1]?.trim(), range);
	const result = /^query_result\((.+)\)$/s.exec(text.trim());
	return result ? prometheus.resultTexts(result[1], range) : [];
}

function filtered(values, regex) {
	if (!regex) return values;
	const found = values.map((value) => pattern(regex).exec(value)).filter(Boolean);
	return [...new Set(found.map((match) => match[1] ?? match[0]))];
}

function sorted(values, sort) {
	if (!sort) return values;
	const order = [...values].sort((a, b) => a.localeCompare(b, 'en', { numeric: sort >= 3 }));
	return sort % 2 ? order : order.reverse();
}

/** Values by name, for interpolate. */
export function scopeOf(variables, builtin) {
	const scope = new Map(Object.entries(builtin));
	for (const one of variables) {
		const isAll = one.value.includes(ALL);
		if (one.text) scope.set(one.name, one.value[0] ?? '');
		else scope.set(one.name, isAll && one.allValue ? { raw: one.allValue } : isAll ? one.options : one.value);
	}
	return scope;
}

/** @param {string} text @param {Map<string, *>} scope @param {string} [style] how several values are written */
export function interpolate(text, scope, style = 'regex') {
	return String(text).replace(REFERENCE, (whole, a, b, format, c) => {
		const value = scope.get(a || b || c);
		if (value === undefined) return whole;
		if (typeof value === 'string') return value;
		return value.raw ?? write(value, format || style);
	});
}

const FORMATS = {
	csv: (values) => values.join(','),
	raw: (values) => values.join(','),
	pipe: (values) => values.join('|'),
	text: (values) => values.join(' + '),
	json: (values) => JSON.stringify(values),
	percentencode: (values) => encodeURIComponent(values.join(',')),
	regex: (values) => (values.length === 1 ? escape(values[0]) : `(${values.map(escape).join('|')})`),
};

function write(values, format) {
	return (FORMATS[format] || FORMATS.regex)(values);
}

/** For a regular expression within quotes of PromQL. */
function escape(text) {
	return text.replace(/\\/g, '\\\\\\\\').replace(/[\^$.*+?()[\]{}|]/g, '\\\\$&').replace(/"/g, '\\"');
}

/** The variables as parameters of an address. */
export function asParams(variables) {
	return variables.flatMap((one) => one.value.map((value) => [`var-${one.name}`, value]));
}
