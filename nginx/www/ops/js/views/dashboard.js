// A dashboard: rows and panels on a grid of 24 columns, kept up to date.
import { refreshPicker, timePicker, variablePicker } from '../controls.js';
import { byUid } from '../dashboards.js';
import { el, link } from '../dom.js';
import { Panel } from '../panel.js';
import { findAnnotations } from '../query.js';
import { href, setParams } from '../route.js';
import { onTheme } from '../theme.js';
import { macros, resolve, seconds, stepOf } from '../time.js';
import { asParams, load } from '../variables.js';

/** Shows it in host until the function that is returned is called. */
export async function show(host, { id, params }) {
	const json = await byUid(id);
	if (!json) {
		host.append(el('p', { class: 'note' }, `There is no dashboard ${id}.`));
		return null;
	}
	document.title = `${json.title} · terse`;
	const board = new Board(json, params);
	host.append(board.element);
	await board.start();
	return () => board.stop();
}

class Board {
	constructor(json, params) {
		this.json = json;
		this.raw = { from: params.get('from') || json.time?.from || 'now-1h', to: params.get('to') || json.time?.to || 'now' };
		this.params = params;
		this.every = params.get('refresh') === 'off' ? '' : params.get('refresh') || json.refresh || '';
		this.syncKey = json.uid;
		this.annotations = [];
		this.onZoom = (from, to) => setParams({ from: Math.round(from * 1000), to: Math.round(to * 1000) });
		this.bar = el('div', { class: 'controls' });
		this.element = el('div', { class: 'board' }, el('h1', {}, json.title), this.bar);
		this.panels = [];
		this.seen = new Set();
		this.observer = new IntersectionObserver((entries) => this.appear(entries), { rootMargin: '200px' });
	}

	async start() {
		const range = resolve(this.raw);
		this.variables = await load(this.json.templating?.list || [], this.params, range, macros(range, stepOf(range, 240)));
		this.fillBar();
		this.element.append(...sections(this.json.panels).map((section) => this.section(section)));
		this.forgetTheme = onTheme(() => this.panels.forEach((panel) => panel.redraw()));
		await this.refresh();
		if (seconds(this.every)) this.timer = setInterval(() => document.hidden || this.refresh(), seconds(this.every) * 1000);
	}

	stop() {
		clearInterval(this.timer);
		this.forgetTheme?.();
		this.observer.disconnect();
		this.panels.forEach((panel) => panel.destroy());
	}

	fillBar() {
		const kept = [['from', this.raw.from], ['to', this.raw.to], ...asParams(this.variables)];
		this.bar.replaceChildren(...this.variables.filter(({ hidden }) => !hidden).map(variablePicker),
			...(this.json.links || []).filter(({ type }) => type === 'link').map(({ url, title }) => link(url, { class: 'board-link' }, title)),
			el('span', { class: 'grow' }), timePicker(this.raw), refreshPicker(this.every, () => this.refresh()));
		this.bar.append(link(href('d', this.json.uid, kept), { class: 'board-link', title: 'This dashboard, as it is set now' }, 'Link'));
	}

	section({ title, collapsed, panels }) {
		const made = panels.map((json) => this.panel(json));
		const grid = el('div', { class: 'grid' }, ...made);
		if (title === null) return grid;
		return el('details', { class: 'row', open: !collapsed }, el('summary', {}, el('h2', {}, title)), grid);
	}

	panel(json) {
		const panel = new Panel(json, this);
		const top = json.gridPos || { w: 12, h: 8, x: 0, y: 0 };
		Object.assign(panel.element.style, { gridColumn: `${top.x + 1} / span ${top.w}`, gridRow: `${json.row + 1} / span ${top.h}` });
		this.panels.push(panel);
		this.observer.observe(panel.element);
		panel.element.panel = panel;
		return panel.element;
	}

	/** Panels are asked for when they come into sight. */
	appear(entries) {
		for (const { target, isIntersecting } of entries) {
			if (!isIntersecting) this.seen.delete(target.panel);
			else if (!this.seen.has(target.panel)) {
				this.seen.add(target.panel);
				if (target.panel.of !== this.at) this.ask(target.panel);
			}
		}
	}

	ask(panel) {
		if (!this.at) return null;
		panel.of = this.at;
		return panel.refresh(this.at);
	}

	async refresh() {
		this.at = { range: resolve(this.raw), variables: this.variables };
		this.annotations = await findAnnotations(this.json.annotations?.list || [], this.at).catch(() => []);
		await Promise.all([...this.seen].map((panel) => this.ask(panel)));
	}
}

/** Rows with their panels, whether the file nests them or not. */
function sections(list) {
	const found = [{ title: null, collapsed: false, panels: [] }];
	for (const one of list) {
		if (one.type === 'row') found.push({ title: one.title, collapsed: one.collapsed, panels: [...(one.panels || [])] });
		else found.at(-1).panels.push(one);
	}
	return found.filter(({ panels }) => panels.length).map((section) => ({ ...section, panels: placed(section.panels) }));
}

/** Rows of the grid count from the section's own top. */
function placed(panels) {
	const top = Math.min(...panels.map(({ gridPos }) => gridPos?.y ?? 0));
	return panels.map((json) => ({ ...json, row: (json.gridPos?.y ?? 0) - top }));
}
