// What a chart says under the pointer.
import { el, link, setStyle } from '../dom.js';
import { display } from '../field.js';
import { clock } from '../time.js';

const MOST = 12;

/** @param {function(number): Array<{title: string, url: string}>} links of a time, in seconds */
export function tooltipPlugin(series, [times, ...rows], { mode = 'multi', sort = 'none' } = {}, links) {
	const box = el('div', { class: 'tip', hidden: true });
	const move = (plot) => {
		const { idx, left, top } = plot.cursor;
		const here = plot.over.matches(':hover');
		box.hidden = !here || idx === null || idx === undefined || mode === 'none';
		if (box.hidden) return;
		const lines = series.map((one, i) => ({ one, value: rows[i][idx], shown: plot.series[i + 1].show }))
			.filter(({ value, shown }) => shown && value !== null);
		if (sort !== 'none') lines.sort((a, b) => (sort === 'desc' ? b.value - a.value : a.value - b.value));
		box.replaceChildren(el('b', {}, clock(times[idx], true)), ...lines.slice(0, MOST).map(row));
		place(plot, left, top);
	};
	const place = (plot, left, top) => {
		const right = left > plot.over.clientWidth / 2;
		setStyle(box, { left: right ? '' : `${left + 14}px`, right: right ? `${plot.over.clientWidth - left + 14}px` : '', top: `${Math.min(top, 20)}px` });
	};
	return {
		hooks: {
			init: [(plot) => {
				plot.over.append(box);
				plot.over.addEventListener('dblclick', (event) => pin(plot, event, times, links));
			}],
			setCursor: [move],
		},
	};
}

function row({ one, value }) {
	return el('div', { class: 'tip-row' }, el('i', { class: 'swatch', style: { background: one.css } }),
		el('span', { class: 'grow' }, one.title), el('span', { class: 'number' }, display(value, one.config)));
}

/** A double click leaves the links of that time where they can be followed. */
function pin(plot, event, times, links) {
	const { idx, left } = plot.cursor;
	const found = idx === null || idx === undefined ? [] : links(times[idx]);
	plot.over.querySelector('.pin')?.remove();
	if (!found.length) return;
	event.stopPropagation();
	const box = el('div', { class: 'tip pin', style: { left: `${Math.max(0, left - 60)}px`, top: '8px' } },
		el('b', {}, clock(times[idx], true)), ...found.map(({ title, url }) => link(url, {}, title)));
	plot.over.append(box);
	box.querySelector('a')?.focus();
}
