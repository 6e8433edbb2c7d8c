// A figure on an arc, with the thresholds around it.
import { el, svg } from '../dom.js';
import { color } from '../palette.js';
import { cssColor } from '../theme.js';
import { valuesOf } from './values.js';

const FROM = -210;
const TO = 30;

export function draw(host, { frames, panel }) {
	const values = valuesOf(frames, panel.options);
	if (!values.length) return null;
	const marked = panel.options?.showThresholdMarkers !== false;
	host.append(el('div', { class: 'gauges' }, ...values.map((one) => gauge(one, marked, values.length > 1))));
	return {};
}

function gauge({ title, value, text, css, field: { config } }, marked, named) {
	const min = config.min ?? 0;
	const max = config.max ?? (config.unit === 'percentunit' ? 1 : 100);
	const part = (at) => Math.min(1, Math.max(0, (at - min) / (max - min)));
	return el('div', { class: 'gauge', role: 'img', 'aria-label': `${title}: ${text}` },
		svg('svg', { viewBox: '0 0 100 74', 'aria-hidden': 'true' },
			arc(0, 1, 36, 11, cssColor('--line')), value === null ? null : arc(0, part(value), 36, 11, css),
			marked ? markers(config, part) : null,
			svg('text', { x: 50, y: 56, 'text-anchor': 'middle', class: 'gauge-text', fill: css, 'font-size': String(Math.min(14, 88 / Math.max(text.length, 5))) }, text)),
		named ? el('div', { class: 'stat-name' }, title) : null);
}

function markers({ thresholds }, part) {
	const steps = thresholds?.steps || [];
	const percent = thresholds?.mode === 'percentage';
	const at = (step) => (step?.value === null || step?.value === undefined ? 0 : percent ? step.value / 100 : part(step.value));
	return steps.map((step, i) => arc(at(step), i + 1 < steps.length ? at(steps[i + 1]) : 1, 45, 3, color(step.color)));
}

function arc(from, to, radius, width, css) {
	if (to <= from) return null;
	const point = (part) => {
		const angle = ((FROM + (TO - FROM) * part) * Math.PI) / 180;
		return `${(50 + radius * Math.cos(angle)).toFixed(2)} ${(50 + radius * Math.sin(angle)).toFixed(2)}`;
	};
	const large = (to - from) * (TO - FROM) > 180 ? 1 : 0;
	return svg('path', { d: `M ${point(from)} A ${radius} ${radius} 0 ${large} 1 ${point(to)}`, fill: 'none', stroke: css, 'stroke-width': String(width) });
}
