// Rows and columns; a click on a heading sorts.
import { el, link } from '../dom.js';
import { color } from '../palette.js';
import { colorOf, display, titleOf } from '../field.js';
import { clock } from '../time.js';
import { ordered } from '../transform.js';

const MOST = 500;

export function draw(host, { frames, panel, expand }) {
	const fields = frames.flatMap((frame) => frame.fields).filter((field) => !field.config?.custom?.hidden);
	const rows = Math.max(0, ...fields.map((field) => field.values.length));
	if (!rows) return null;
	const [first] = panel.options?.sortBy || [];
	const order = { field: fields.findIndex((field) => titleOf(field) === first?.displayName), descending: Boolean(first?.desc) };
	const show = () => {
		const places = order.field < 0 ? Array.from({ length: rows }, (_, i) => i) : ordered(fields[order.field].values, order.descending);
		host.replaceChildren(el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': panel.title },
			el('table', { class: 'data' }, head(fields, order, show),
				el('tbody', {}, ...places.slice(0, MOST).map((i) => el('tr', {}, ...fields.map((field) => cell(field, field.values[i], expand))))))));
	};
	show();
	return {};
}

function head(fields, order, show) {
	const sort = (i) => {
		order.descending = order.field === i ? !order.descending : fields[i].type === 'number';
		order.field = i;
		show();
	};
	return el('thead', {}, el('tr', {}, ...fields.map((field, i) => el('th', {
		scope: 'col', class: field.type === 'number' ? 'number' : '', 'aria-sort': order.field === i ? (order.descending ? 'descending' : 'ascending') : null,
		style: { width: field.config?.custom?.width ? `${field.config.custom.width}px` : '' },
	}, el('button', { type: 'button', onclick: () => sort(i) }, titleOf(field))))));
}

function cell(field, value, expand) {
	const config = field.config || {};
	const text = field.type === 'time' ? clock(value / 1000, true) : display(value, config);
	const [first] = config.links || [];
	const content = first ? link(expand(first.url, { '__value.raw': String(value) }), { title: expand(first.title, { '__value.raw': String(value) }) }, text) : text;
	return el('td', { class: field.type === 'number' ? 'number' : '', title: text.length > 60 ? text : null, style: paint(value, config) }, content);
}

function paint(value, config) {
	const kind = config.custom?.cellOptions?.type;
	if (kind === 'color-background') return { background: colorOf(value, config) };
	if (kind === 'color-text') return { color: colorOf(value, config) };
	const hit = config.mappings?.find(({ type, options }) => type === 'value' && options[value]?.color);
	return hit ? { color: color(hit.options[value].color) } : {};
}
