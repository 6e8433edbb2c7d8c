// Lines, areas or bars over time: uPlot draws them; legend and tooltip are ours.
import uPlot from '../../vendor/uplot-1.6.32.js';
import { el } from '../dom.js';
import { colorOf, display, titleOf } from '../field.js';
import { color, faint } from '../palette.js';
import { cssColor } from '../theme.js';
import { clock } from '../time.js';
import { legendOf } from './legend.js';
import { annotationsPlugin, thresholdsPlugin } from './overlays.js';
import { stacked } from './stack.js';
import { tooltipPlugin } from './tooltip.js';

// Distances between lines of the grid where those of ten would be odd.
const BINARY = Array.from({ length: 60 }, (_, i) => 2 ** i);
const TIMES = [...Array.from({ length: 9 }, (_, i) => [1, 2, 5].map((n) => n * 10 ** (i - 9))).flat(),
	1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 604800, 2592000];
const DISTANCES = { bytes: BINARY, binBps: BINARY, s: TIMES };
const AXIS_FONT = '11px system-ui, sans-serif';

/** @returns {{destroy: function(): void}} */
export function draw(host, context) {
	const series = seriesOf(context.frames);
	if (!series.length) return null;
	const data = align(series);
	const { drawn, bands } = stacked(series, data);
	const box = el('div', { class: 'chart', role: 'img', 'aria-label': summary(context.panel, series) });
	const legend = el('div', { class: 'legend-box' });
	host.append(box, legend);
	const plot = new uPlot(options(context, series, data, bands, box), drawn, box);
	const wanted = context.panel.options?.legend;
	if (wanted?.showLegend !== false) legend.append(legendOf(series, wanted, (i, show) => plot.setSeries(i + 1, { show })));
	const watcher = new ResizeObserver(() => plot.setSize(sizeOf(box)));
	watcher.observe(box);
	return {
		destroy() {
			watcher.disconnect();
			plot.destroy();
		},
	};
}

function seriesOf(frames) {
	const found = frames.flatMap((frame) => {
		const time = frame.fields.find(({ type }) => type === 'time');
		return frame.fields.filter((field) => field.type === 'number' && time).map((field) => ({ field, times: time.values }));
	}).filter(({ field }) => field.values.some((value) => value !== null) && !field.config.custom?.hideFrom?.viz);
	return found.map(({ field, times }, i) => {
		const config = field.config;
		const fixed = config.color?.mode === 'fixed';
		const css = fixed ? color(config.color.fixedColor) : colorOf(null, { color: { mode: 'palette-classic' } }, i);
		return { title: titleOf(field), values: field.values, times, config, custom: config.custom || {}, css };
	});
}

/** All series on one row of times, in seconds. */
function align(series) {
	const times = [...new Set(series.flatMap((one) => one.times))].sort((a, b) => a - b);
	const place = new Map(times.map((at, i) => [at, i]));
	return [times.map((at) => at / 1000), ...series.map((one) => {
		const row = Array(times.length).fill(null);
		one.values.forEach((value, i) => { row[place.get(one.times[i])] = Number.isFinite(value) ? value : null; });
		return row;
	})];
}

function summary({ title }, series) {
	const texts = series.slice(0, 5).map((one) => `${one.title} ${display(one.values.findLast((value) => value !== null), one.config)}`);
	return `${title}: ${series.length} series; ${texts.join('; ')}`;
}

function sizeOf(box) {
	return { width: Math.max(box.clientWidth, 80), height: Math.max(box.clientHeight, 60) };
}

function options(context, series, data, bands, box) {
	const scales = new Map(series.map((one) => [scaleOf(one), one]));
	return {
		...sizeOf(box), bands, legend: { show: false }, padding: [8, 20, 0, 0],
		cursor: { sync: { key: context.syncKey }, points: { size: 6 }, drag: { x: true, y: false, setScale: false }, focus: { prox: 24 } },
		focus: { alpha: 0.4 },
		scales: {
			x: { time: true, range: () => [context.range.from, context.range.to] },
			...Object.fromEntries([...scales].map(([key, one]) => [key, scale(one)])),
		},
		axes: [timeAxis(context.range), ...[...scales].map(([key, one]) => valueAxis(key, one))],
		series: [{}, ...series.map(line)],
		hooks: { setSelect: [(plot) => zoom(plot, context.onZoom)] },
		plugins: [thresholdsPlugin(series[0].config, scaleOf(series[0])), annotationsPlugin(context.annotations, context.range),
			tooltipPlugin(series, data, context.panel.options?.tooltip, context.links)],
	};
}

function scaleOf({ config, custom }) {
	return custom.axisPlacement === 'right' ? `right ${config.unit}` : 'y';
}

function scale({ config, custom }) {
	if (custom.scaleDistribution?.type === 'log') return { distr: 3, log: custom.scaleDistribution.log || 10 };
	return {
		range(plot, least, most) {
			const [min, max] = uPlot.rangeNum(Math.min(least ?? 0, custom.axisSoftMin ?? 0), Math.max(most ?? 0, custom.axisSoftMax ?? 0), 0.1, true);
			const flat = !(most > 0) && !(least < 0);
			return [config.min ?? (least < 0 ? min : 0), config.max ?? (flat ? 1 : max)];
		},
	};
}

function axis() {
	const rule = { stroke: cssColor('--line'), width: 1 };
	return { stroke: cssColor('--muted'), font: AXIS_FONT, grid: rule, ticks: { ...rule, size: 4 }, gap: 4 };
}

function timeAxis(range) {
	const days = range.to - range.from > 86400 * 1.5;
	const text = (at) => (days ? clock(at, true).slice(5, 16) : clock(at).slice(0, range.to - range.from > 600 ? 5 : 8));
	return { ...axis(), space: days ? 90 : 60, size: 26, values: (plot, splits) => splits.map(text) };
}

function valueAxis(key, { config, custom }) {
	return {
		...axis(), scale: key, side: key === 'y' ? 3 : 1, label: custom.axisLabel || undefined, labelSize: 18, labelFont: AXIS_FONT,
		space: 28, ...(DISTANCES[config.unit] ? { incrs: DISTANCES[config.unit] } : {}), size: (plot, values) => 16 + 6.4 * Math.max(4, ...(values || []).map((text) => text.length)),
		values: (plot, splits) => splits.map((value) => display(value, { unit: config.unit })),
	};
}

function line(one) {
	const { custom, css } = one;
	const bars = custom.drawStyle === 'bars';
	return {
		label: one.title, scale: scaleOf(one), stroke: css, width: custom.lineWidth ?? 1,
		fill: faint(css, (custom.fillOpacity ?? (bars ? 60 : 0)) / 100),
		points: { show: custom.showPoints === 'always' || custom.drawStyle === 'points', size: custom.pointSize || 5 },
		spanGaps: custom.spanNulls === true,
		...(custom.lineStyle?.fill === 'dash' ? { dash: custom.lineStyle.dash } : {}),
		...(bars ? { paths: uPlot.paths.bars({ size: [0.8, 60] }) } : {}),
		...(custom.lineInterpolation?.startsWith('step') ? { paths: uPlot.paths.stepped({ align: 1 }) } : {}),
		...(typeof custom.spanNulls === 'number' ? { gaps: longGaps(custom.spanNulls / 1000) } : {}),
	};
}

/** Only gaps that last longer than that many seconds are left open. */
function longGaps(most) {
	return (plot, i, first, last, gaps) => gaps.filter(([from, to]) => plot.posToVal(to, 'x', true) - plot.posToVal(from, 'x', true) > most);
}

function zoom(plot, onZoom) {
	const { left, width } = plot.select;
	if (width < 4) return;
	const from = plot.posToVal(left, 'x');
	const to = plot.posToVal(left + width, 'x');
	plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
	onZoom(from, to);
}
