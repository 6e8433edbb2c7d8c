// The figures that a panel shows: one per series, as its options reduce it.
import { colorOf, display, titleOf } from '../field.js';
import { reduce } from '../reduce.js';

/** @returns {Array<{title: string, value: ?number, text: string, css: string, field: import('../field.js').Field}>} */
export function valuesOf(frames, { reduceOptions: { calcs = ['lastNotNull'] } = {} } = {}) {
	const fields = frames.flatMap((frame) => frame.fields.filter(({ type }) => type === 'number'));
	return fields.map((field, i) => {
		const value = reduce(calcs[0], field.values);
		return { title: titleOf(field), value, text: display(value, field.config), css: colorOf(value, field.config, i), field };
	});
}
