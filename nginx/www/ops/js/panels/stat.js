// Large figures, with a small line of how they came about.
import { el, svg } from '../dom.js';
import { faint, textOn } from '../palette.js';
import { valuesOf } from './values.js';

export function draw(host, { frames, panel }) {
	const { options = {} } = panel;
	const values = valuesOf(frames, options);
	if (!values.length) return null;
	const named = options.textMode === 'value_and_name' || options.textMode === 'name' || (values.length > 1 && options.textMode !== 'value');
	host.append(el('div', { class: 'stats' }, ...values.map((one) => stat(one, named, options))));
	return {};
}

function stat({ title, text, css, field }, named, { colorMode = 'value', graphMode = 'area' }) {
	const background = colorMode.startsWith('background');
	const style = background ? { background: css, color: textOn() } : { color: colorMode === 'none' ? '' : css };
	return el('div', { class: 'stat', style },
		named ? el('div', { class: 'stat-name' }, title) : null,
		el('div', { class: 'stat-value', style: { '--length': String(Math.max(text.length, 4)) } }, text),
		graphMode === 'area' ? sparkline(field.values, background ? textOn() : css) : null);
}

/** @param {Array<?number>} values */
function sparkline(values, css) {
	const found = values.filter(Number.isFinite);
	if (found.length < 2) return null;
	const least = Math.min(...found);
	const span = Math.max(...found) - least || 1;
	const points = found.map((value, i) => `${((i / (found.length - 1)) * 100).toFixed(2)},${(29 - ((value - least) / span) * 27).toFixed(2)}`);
	return svg('svg', { class: 'spark', viewBox: '0 0 100 30', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
		svg('polygon', { points: `0,30 ${points.join(' ')} 100,30`, fill: faint(css, 0.18) }),
		svg('polyline', { points: points.join(' '), fill: 'none', stroke: css, 'stroke-width': '1', 'vector-effect': 'non-scaling-stroke' }));
}
