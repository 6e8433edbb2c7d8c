// One number of many.
const isNumber = (value) => value !== null && value !== undefined && !Number.isNaN(value);

const CALCS = {
	lastNotNull: (values) => values.findLast(isNumber) ?? null,
	last: (values) => values.at(-1) ?? null,
	firstNotNull: (values) => values.find(isNumber) ?? null,
	first: (values) => values[0] ?? null,
	min: (values) => fold(values, (a, b) => Math.min(a, b)),
	max: (values) => fold(values, (a, b) => Math.max(a, b)),
	sum: (values) => fold(values, (a, b) => a + b),
	mean: (values) => {
		const found = values.filter(isNumber);
		return found.length ? CALCS.sum(found) / found.length : null;
	},
	count: (values) => values.length,
	range: (values) => CALCS.max(values) - CALCS.min(values),
	diff: (values) => CALCS.lastNotNull(values) - CALCS.firstNotNull(values),
	delta: (values) => CALCS.diff(values),
};

const NAMES = { lastNotNull: 'Last', last: 'Last', firstNotNull: 'First', mean: 'Mean', sum: 'Total' };

function fold(values, step) {
	const found = values.filter(isNumber);
	return found.length ? found.reduce(step) : null;
}

/** @param {string} calc Grafana's name @param {Array<?number>} values */
export function reduce(calc, values) {
	return (CALCS[calc] || CALCS.lastNotNull)(values);
}

export function calcName(calc) {
	return NAMES[calc] || calc[0].toUpperCase() + calc.slice(1);
}
