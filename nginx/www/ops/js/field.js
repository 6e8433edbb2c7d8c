// How a panel wants a field shown: its defaults, then each override that matches.
import { color, seriesColor } from './palette.js';
import { format } from './units.js';

/**
 * @typedef {{name: string, type: 'time'|'number'|'string', values: Array, labels?: Object, refId?: string, config?: Object}} Field
 * @typedef {{name: string, refId: string, fields: Field[]}} Frame
 */

/** Gives each field of the frames its config. */
export function applyConfig(frames, { defaults = {}, overrides = [] } = {}) {
	for (const frame of frames) {
		for (const field of frame.fields) {
			field.config = { ...structuredClone(defaults), ...field.config };
			override(field, frame, overrides);
		}
	}
	return frames;
}

function override(field, frame, overrides) {
	for (const { matcher, properties } of overrides) {
		if (matches(matcher, field, frame)) properties.forEach((one) => put(field.config, one.id.split('.'), one.value));
	}
}

function matches({ id, options }, field, frame) {
	switch (id) {
	case 'byName': return titleOf(field) === options || field.name === options;
	case 'byNames': return (options.names || options).includes(titleOf(field));
	case 'byRegexp': return pattern(options).test(titleOf(field));
	case 'byType': return field.type === options;
	case 'byFrameRefID': return frame.refId === options;
	default: return false;
	}
}

export function pattern(text) {
	const [, body, flags] = /^\/(.*)\/([a-z]*)$/s.exec(text) || [null, text, ''];
	try {
		return new RegExp(body, flags);
	} catch {
		return /(?!)/;
	}
}

function put(object, [name, ...rest], value) {
	if (name === '__proto__') return;
	if (rest.length) put(object[name] ??= {}, rest, value);
	else object[name] = value;
}

export function titleOf(field) {
	return field.config?.displayName || field.title || field.name;
}

/** The mapping of a value to a text or a colour, if there is one. */
function mapped(value, mappings = []) {
	for (const { type, options } of mappings) {
		if (type === 'value' && options[value]) return options[value];
		if (type === 'range' && inRange(value, options)) return options.result;
		if (type === 'special' && isSpecial(value, options.match)) return options.result;
		if (type === 'regex' && pattern(options.pattern).test(value)) return options.result;
	}
	return null;
}

function inRange(value, { from, to }) {
	return typeof value === 'number' && value >= (from ?? -Infinity) && value <= (to ?? Infinity);
}

function isSpecial(value, match) {
	const nothing = value === null || value === undefined;
	const nan = Number.isNaN(value);
	return (match === 'null' && nothing) || (match === 'nan' && nan) || (match === 'null+nan' && (nothing || nan))
		|| (match === 'empty' && value === '') || (match === 'true' && value === true) || (match === 'false' && value === false);
}

/** A value's text. */
export function display(value, config = {}) {
	const found = mapped(value, config.mappings);
	if (found?.text) return found.text;
	if ((value === null || value === undefined) && config.noValue) return config.noValue;
	return format(value, config.unit, config.decimals);
}

/** A value's colour, by mappings, thresholds, or the series' place. */
export function colorOf(value, config = {}, index = 0) {
	const found = mapped(value, config.mappings);
	if (found?.color) return color(found.color);
	if (config.color?.mode === 'fixed') return color(config.color.fixedColor);
	if (config.color?.mode === 'palette-classic') return seriesColor(index);
	return color(stepOf(value, config)?.color);
}

/** The threshold that a value has reached. */
function stepOf(value, config) {
	const steps = config.thresholds?.steps || [];
	const percent = config.thresholds?.mode === 'percentage';
	const least = config.min ?? 0;
	const at = percent ? ((value - least) / ((config.max ?? 100) - least)) * 100 : value;
	return steps.findLast((step) => step.value === null || step.value === undefined || at >= step.value) || steps[0];
}
