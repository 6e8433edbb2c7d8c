// The bar over a dashboard: range of time, refresh, variables.
import { el } from './dom.js';
import { PRESETS, REFRESHES, describe, localInput, parseTime, resolve } from './time.js';
import { setParams } from './route.js';
import { ALL } from './variables.js';

export function timePicker(raw) {
	const { from, to } = resolve(raw);
	const first = el('input', { type: 'text', value: raw.from.startsWith('now') ? raw.from : localInput(from), 'aria-label': 'From', size: 19 });
	const last = el('input', { type: 'text', value: raw.to.startsWith('now') ? raw.to : localInput(to), 'aria-label': 'To', size: 19 });
	const wrong = el('p', { role: 'alert', class: 'panel-error', hidden: true }, 'Not two times, the first before the second.');
	const apply = (event) => {
		event.preventDefault();
		const texts = [first, last].map(({ value }) => value.trim());
		const times = texts.map((text) => parseTime(text));
		wrong.hidden = times[0] < times[1];
		if (!wrong.hidden) return;
		const [a, b] = texts.map((text, i) => (text.startsWith('now') ? text : String(Math.round(times[i] * 1000))));
		setParams({ from: a, to: b });
	};
	return menu('time-picker', describe(raw), 'Time range',
		el('div', { class: 'presets' }, ...Object.entries(PRESETS).map(([value, text]) => el('button', {
			type: 'button', 'aria-pressed': String(raw.from === value && raw.to === 'now'), onclick: () => setParams({ from: value, to: 'now' }),
		}, text))),
		el('form', { onsubmit: apply }, el('label', {}, 'From', first), el('label', {}, 'To', last), wrong, el('button', { type: 'submit' }, 'Apply')));
}

export function refreshPicker(value, refresh) {
	return el('span', { class: 'group' },
		el('button', { type: 'button', class: 'refresh-now', 'aria-label': 'Refresh now', title: 'Refresh now', onclick: refresh }, '⟳'),
		el('select', { 'aria-label': 'Refresh every', onchange: (event) => setParams({ refresh: event.target.value || 'off' }, { replace: true }) },
			...Object.entries(REFRESHES).map(([every, text]) => el('option', { value: every, selected: every === value }, text))));
}

/** @param {import('./variables.js').Variable} one */
export function variablePicker(one) {
	const name = `var-${one.name}`;
	if (one.text) {
		const input = el('input', { type: 'text', value: one.value[0] || '', 'aria-label': one.label, name, onchange: () => setParams({ [name]: input.value.trim() }) });
		return el('label', { class: 'variable' }, one.label, input);
	}
	if (!one.multi) {
		const options = [...(one.all ? [ALL] : []), ...one.options];
		return el('label', { class: 'variable' }, one.label, el('select', { name, 'aria-label': one.label, onchange: (event) => setParams({ [name]: event.target.value }) },
			...options.map((value) => el('option', { value, selected: one.value.includes(value) }, value === ALL ? 'All' : value))));
	}
	return el('span', { class: 'variable' }, one.label, choices(one, name));
}

function choices(one, name) {
	const isAll = one.value.includes(ALL);
	const change = (value, checked) => {
		const kept = one.value.filter((other) => other !== ALL && other !== value);
		const next = value === ALL ? [ALL] : [...kept, ...(checked ? [value] : [])];
		setParams({ [name]: next.length ? next : [ALL] });
	};
	const box = (value, text, checked) => el('label', { class: 'choice' },
		el('input', { type: 'checkbox', checked, value, onchange: (event) => change(value, event.target.checked) }), text);
	const values = [...new Set([...one.options, ...one.value.filter((value) => value !== ALL)])];
	return menu('choices', isAll ? 'All' : one.value.join(' + ') || 'None', one.label, one.all ? box(ALL, 'All', isAll) : null,
		...values.map((value) => box(value, value, !isAll && one.value.includes(value))));
}

/** A button that opens a box; Escape and a click elsewhere close it. */
function menu(kind, text, label, ...children) {
	const box = el('details', { class: `menu ${kind}` }, el('summary', { 'aria-label': `${label}: ${text}` }, text), el('div', { class: 'menu-list' }, ...children));
	box.addEventListener('keydown', (event) => {
		if (event.key !== 'Escape') return;
		box.open = false;
		box.querySelector('summary').focus();
	});
	return box;
}

/** Closes open menus when something else is clicked. */
export function closeMenusOutside() {
	document.addEventListener('click', (event) => {
		for (const box of document.querySelectorAll('details.menu[open]')) if (!box.contains(event.target)) box.open = false;
	});
}
