// A chart's legend: a list, or a table with figures. Each name hides and shows its series.
import { el } from '../dom.js';
import { display } from '../field.js';
import { calcName, reduce } from '../reduce.js';

/** @param {function(number, boolean): void} onToggle index of the series, whether it is to be seen */
export function legendOf(series, { displayMode = 'list', calcs = [] } = {}, onToggle) {
	const names = series.map((one, i) => toggle(one, (show) => onToggle(i, show)));
	if (displayMode !== 'table') {
		return el('ul', { class: 'legend' }, ...series.map((one, i) => el('li', {}, names[i], ...calcs.map((calc) => el('span', { class: 'muted' },
			` ${calcName(calc)} ${figure(one, calc)}`)))));
	}
	return el('table', { class: 'legend' },
		el('thead', {}, el('tr', {}, el('th', { scope: 'col' }, 'Name'), ...calcs.map((calc) => el('th', { scope: 'col', class: 'number' }, calcName(calc))))),
		el('tbody', {}, ...series.map((one, i) => el('tr', {}, el('td', {}, names[i]),
			...calcs.map((calc) => el('td', { class: 'number' }, figure(one, calc)))))));
}

function figure(one, calc) {
	return display(reduce(calc, one.values), one.config);
}

function toggle({ title, css }, onToggle) {
	const button = el('button', {
		type: 'button', class: 'series', 'aria-pressed': 'true', title,
		onclick() {
			const show = button.getAttribute('aria-pressed') !== 'true';
			button.setAttribute('aria-pressed', String(show));
			onToggle(show);
		},
	}, el('i', { class: 'swatch', style: { background: css } }), title);
	return button;
}
