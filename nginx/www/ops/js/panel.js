// One panel of a dashboard: its frame, its menu, and what state it is in.
import { el, link } from './dom.js';
import { KINDS } from './panels/kinds.js';
import * as tablePanel from './panels/table.js';
import { annotated, linksOf } from './panel_links.js';
import { run } from './query.js';
import { href } from './route.js';
import { interpolate } from './variables.js';

let panels = 0;

export class Panel {
	/** @param {Object} json of the dashboard @param {{syncKey: string, onZoom: function}} board */
	constructor(json, board) {
		this.json = json;
		this.board = board;
		this.drawn = null;
		this.asTable = false;
		this.asked = null;
		const id = `panel-${panels += 1}`;
		this.body = el('div', { class: 'panel-body' });
		this.menu = el('div', { class: 'menu-list' });
		this.error = el('p', { class: 'panel-error', role: 'status', hidden: true });
		this.element = el('section', { class: `panel kind-${json.type}`, 'aria-labelledby': id, 'data-state': 'loading', tabindex: '-1' },
			el('header', {}, el('h3', { id, title: json.description || null }, json.title || ' '), this.menuBox()), this.error, this.body);
	}

	menuBox() {
		return el('details', { class: 'menu', onkeydown: (event) => { if (event.key === 'Escape') event.currentTarget.open = false; } },
			el('summary', { 'aria-label': `Menu of ${this.json.title || 'the panel'}` }, '⋮'), this.menu);
	}

	/** Asks anew and draws; what was asked before and is not answered yet is given up. */
	async refresh(at) {
		this.asked?.abort();
		const asked = new AbortController();
		this.asked = asked;
		try {
			const result = await run(this.json, at, asked.signal);
			if (!asked.signal.aborted) this.show({ ...at, ...result });
		} catch (error) {
			if (error.name !== 'AbortError') this.fail(error);
		}
	}

	show(result) {
		this.last = result;
		this.error.hidden = true;
		this.clear();
		const kind = this.asTable ? tablePanel : KINDS[this.json.type];
		this.drawn = kind ? kind.draw(this.body, this.context(result)) : null;
		this.element.dataset.state = this.drawn ? 'data' : 'empty';
		if (!kind) this.body.append(el('p', { class: 'note' }, `This page does not draw panels of the kind ${this.json.type}.`));
		else if (!this.drawn) this.body.append(el('p', { class: 'note' }, 'No data'));
		this.fillMenu(result);
	}

	/** The last picture stays, under what is wrong. */
	fail(error) {
		this.element.dataset.state = 'error';
		this.error.textContent = error.message;
		this.error.title = error.message;
		this.error.hidden = false;
		if (!this.last) this.fillMenu(null);
	}

	context(result) {
		const expand = (text, more = {}) => annotated(interpolate(text, result.scope, 'percentencode'), more);
		return {
			...result, panel: this.json, expand, syncKey: this.board.syncKey, onZoom: this.board.onZoom, annotations: this.board.annotations,
			links: (at) => linksOf(this.json.fieldConfig?.defaults?.links, expand, at),
		};
	}

	fillMenu(result) {
		const expand = (text) => (result ? interpolate(text, result.scope, 'percentencode') : text);
		const queries = (this.json.targets || []).filter(({ expr }) => expr);
		this.menu.replaceChildren(...[
			...(this.json.links || []).map(({ title, url }) => link(expand(url), {}, title || url)),
			...(result ? linksOf(this.json.fieldConfig?.defaults?.links, (text) => expand(text), null) : []).map(({ title, url }) => link(url, {}, title)),
			...queries.map((target) => link(this.exploreOf(target, result), {}, `Explore ${target.refId}`)),
			result?.frames.length ? el('button', { type: 'button', onclick: () => this.toggleTable() }, this.asTable ? 'As a picture' : 'As a table') : null,
		].filter(Boolean));
		this.menu.parentElement.hidden = !this.menu.childElementCount;
	}

	exploreOf(target, result) {
		const source = (target.datasource || this.json.datasource)?.type;
		const expr = result ? interpolate(target.expr, result.scope) : target.expr;
		return href('explore', '', { expr, source: source === 'loki' ? 'loki' : '', ...(result?.range.raw || {}) });
	}

	toggleTable() {
		this.asTable = !this.asTable;
		this.show(this.last);
	}

	redraw() {
		if (this.last) this.show(this.last);
	}

	clear() {
		this.drawn?.destroy?.();
		this.drawn = null;
		this.body.replaceChildren();
	}

	destroy() {
		this.asked?.abort();
		this.clear();
	}
}
