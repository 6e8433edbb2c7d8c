// Grafana's transformations of frames, those that tables are made with.
import { reduce, calcName } from './reduce.js';
import { pattern, titleOf } from './field.js';

const TRANSFORMS = { organize, merge, seriesToRows: merge, joinByField, seriesToColumns: joinByField, reduce: reduceRows,
	sortBy, limit, filterFieldsByName, labelsToFields, renameByRegex };

/** @param {import('./field.js').Frame[]} frames @param {Array<{id: string, options: Object, disabled?: boolean}>} list */
export function transform(frames, list = []) {
	return list.filter((one) => !one.disabled && TRANSFORMS[one.id])
		.reduce((found, one) => TRANSFORMS[one.id](found, one.options || {}), frames);
}

/** Rows as objects of name and value, whatever frame they come from. */
function rowsOf(frame) {
	const n = Math.max(0, ...frame.fields.map((field) => field.values.length));
	return Array.from({ length: n }, (_, i) => new Map(frame.fields.map((field) => [field.name, field.values[i]])));
}

function frameOf(rows, templates) {
	const fields = templates.map((field) => ({ ...field, values: rows.map((row) => row.get(field.name) ?? null) }));
	return { name: 'table', refId: 'table', labels: {}, fields };
}

/** Fields of all frames by name; the second of a name that holds a figure gets the query's letter. */
function distinct(frames) {
	const many = frames.filter((frame) => frame.fields.some(({ name }) => name === 'Value')).length > 1;
	for (const frame of frames) {
		for (const field of frame.fields) if (many && field.name === 'Value') field.name = `Value #${frame.refId}`;
	}
	return [...new Map(frames.flatMap((frame) => frame.fields).map((field) => [field.name, field])).values()];
}

/** One table: rows that agree in all labels become one. */
function merge(frames) {
	const templates = distinct(frames);
	const keys = templates.filter(({ type }) => type === 'string').map(({ name }) => name);
	const rows = new Map();
	for (const row of frames.flatMap(rowsOf)) {
		const key = JSON.stringify(keys.map((name) => row.get(name) ?? ''));
		rows.set(key, new Map([...(rows.get(key) || []), ...row]));
	}
	return [frameOf([...rows.values()], templates)];
}

function joinByField(frames, { byField = 'Time' }) {
	const templates = distinct(frames);
	const rows = new Map();
	for (const row of frames.flatMap(rowsOf)) {
		const key = row.get(byField);
		rows.set(key, new Map([...(rows.get(key) || []), ...row]));
	}
	return [frameOf([...rows.values()], templates)];
}

function organize(frames, { excludeByName = {}, indexByName = {}, renameByName = {} }) {
	return frames.map((frame) => ({
		...frame,
		fields: frame.fields.filter((field) => !excludeByName[field.name])
			.sort((a, b) => (of(indexByName, a) ?? 1000) - (of(indexByName, b) ?? 1000))
			.map((field) => ({ ...field, name: of(renameByName, field) || field.name })),
	}));
}

/** What is said of a field; the only figure of a table may be called by its query's letter, too. */
function of(byName, field) {
	return byName[field.name] ?? (field.name === 'Value' ? byName[`Value #${field.refId}`] : undefined);
}

function filterFieldsByName(frames, { include = {}, exclude = {} }) {
	const keeps = ({ name }) => (!include.names || include.names.includes(name)) && (!include.pattern || pattern(include.pattern).test(name))
		&& !exclude.names?.includes(name) && !(exclude.pattern && pattern(exclude.pattern).test(name));
	return frames.map((frame) => ({ ...frame, fields: frame.fields.filter(keeps) }));
}

function renameByRegex(frames, { regex = '', renamePattern = '' }) {
	for (const field of frames.flatMap((frame) => frame.fields)) field.name = titleOf(field).replace(pattern(regex), renamePattern);
	return frames;
}

/** A row per series with the figures asked for. */
function reduceRows(frames, { reducers = ['lastNotNull'] }) {
	const series = frames.flatMap((frame) => frame.fields.filter(({ type }) => type === 'number'));
	return [{
		name: 'table', refId: 'table', labels: {},
		fields: [
			{ name: 'Field', type: 'string', values: series.map(titleOf) },
			...reducers.map((calc) => ({ name: calcName(calc), type: 'number', values: series.map(({ values }) => reduce(calc, values)) })),
		],
	}];
}

function labelsToFields(frames) {
	return frames.map((frame) => {
		const labels = Object.entries(frame.labels || {}).filter(([name]) => name !== '__name__');
		const n = frame.fields[0]?.values.length || 0;
		const texts = labels.map(([name, value]) => ({ name, type: 'string', values: Array(n).fill(value) }));
		return { ...frame, fields: [frame.fields[0], ...texts, ...frame.fields.slice(1)] };
	});
}

function sortBy(frames, { sort = [] }) {
	if (!sort.length) return frames;
	return frames.map((frame) => {
		const at = frame.fields.findIndex((field) => field.name === sort[0].field);
		return at < 0 ? frame : reorder(frame, ordered(frame.fields[at].values, sort[0].desc));
	});
}

/** Places of values, in their order. Nothing comes last. */
export function ordered(values, descending) {
	const sign = descending ? -1 : 1;
	const compare = (a, b) => {
		if (a === null || b === null) return (a === null) - (b === null);
		return sign * (typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', { numeric: true }));
	};
	return values.map((_, i) => i).sort((i, j) => compare(values[i] ?? null, values[j] ?? null));
}

function reorder(frame, places) {
	return { ...frame, fields: frame.fields.map((field) => ({ ...field, values: places.map((i) => field.values[i]) })) };
}

function limit(frames, { limitField = 10 }) {
	return frames.map((frame) => ({
		...frame, fields: frame.fields.map((field) => ({ ...field, values: field.values.slice(0, limitField) })),
	}));
}
