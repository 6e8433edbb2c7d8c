// A bar per series.
import { el } from '../dom.js';
import { valuesOf } from './values.js';

export function draw(host, { frames, panel }) {
	const values = valuesOf(frames, panel.options);
	if (!values.length) return null;
	const most = Math.max(...values.map(({ value, field }) => field.config.max ?? value ?? 0)) || 1;
	host.append(el('ul', { class: 'bars' }, ...values.map((one) => bar(one, most))));
	return {};
}

function bar({ title, value, text, css, field }, most) {
	const min = field.config.min ?? 0;
	const part = Math.min(1, Math.max(0, ((value ?? 0) - min) / (most - min || 1)));
	return el('li', {}, el('span', { class: 'bar-name', title }, title),
		el('span', { class: 'bar-room' }, el('span', { class: 'bar', style: { width: `${(part * 100).toFixed(1)}%`, background: css } })),
		el('span', { class: 'number', style: { color: css } }, text));
}
