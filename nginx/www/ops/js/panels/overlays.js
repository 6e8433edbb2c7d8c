// What is drawn over a chart: thresholds and annotations.
import { color, faint } from '../palette.js';

/** Lines or areas where a field's thresholds are. */
export function thresholdsPlugin({ thresholds, custom = {} }, scale) {
	const mode = custom.thresholdsStyle?.mode || 'off';
	const steps = (thresholds?.steps || []).filter(({ value }) => value !== null && value !== undefined);
	if (mode === 'off' || thresholds?.mode === 'percentage') return { hooks: {} };
	return {
		hooks: {
			draw: [(plot) => steps.forEach((step, i) => {
				const y = plot.valToPos(step.value, scale, true);
				if (mode !== 'area') rule(plot, y, color(step.color));
				if (mode !== 'line') area(plot, y, steps[i + 1] ? plot.valToPos(steps[i + 1].value, scale, true) : plot.bbox.top, color(step.color));
			})],
		},
	};
}

function rule({ ctx, bbox }, y, css) {
	if (y < bbox.top || y > bbox.top + bbox.height) return;
	ctx.save();
	ctx.strokeStyle = css;
	ctx.setLineDash([6, 4]);
	ctx.beginPath();
	ctx.moveTo(bbox.left, y);
	ctx.lineTo(bbox.left + bbox.width, y);
	ctx.stroke();
	ctx.restore();
}

function area({ ctx, bbox }, from, to, css) {
	const top = Math.max(bbox.top, to);
	const bottom = Math.min(bbox.top + bbox.height, from);
	if (bottom <= top) return;
	ctx.save();
	ctx.fillStyle = faint(css, 0.08);
	ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
	ctx.restore();
}

/** Spans of time in which something was the case. */
export function annotationsPlugin(list = [], range) {
	const seen = list.filter(({ from, to }) => to >= range.from && from <= range.to);
	return { hooks: { draw: [(plot) => seen.forEach((one) => span(plot, one))] } };
}

function span(plot, { from, to, color: name }) {
	const { ctx, bbox } = plot;
	const at = (time) => Math.min(bbox.left + bbox.width, Math.max(bbox.left, plot.valToPos(time, 'x', true)));
	const left = at(from);
	const css = color(name);
	ctx.save();
	ctx.fillStyle = faint(css, 0.1);
	ctx.fillRect(left, bbox.top, at(to) - left, bbox.height);
	ctx.strokeStyle = css;
	ctx.setLineDash([3, 3]);
	ctx.beginPath();
	ctx.moveTo(left, bbox.top);
	ctx.lineTo(left, bbox.top + bbox.height);
	ctx.stroke();
	ctx.fillStyle = css;
	ctx.fillRect(left, bbox.top + bbox.height - 3, Math.max(at(to) - left, 4), 3);
	ctx.restore();
}
