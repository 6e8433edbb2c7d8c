// Begins here: the bar at the top, and the view that the address names.
import { all } from './dashboards.js';
import { closeMenusOutside } from './controls.js';
import { el, link } from './dom.js';
import { current, href } from './route.js';
import * as themes from './theme.js';
import * as alerts from './views/alerts.js';
import * as dashboard from './views/dashboard.js';
import * as explore from './views/explore.js';
import * as home from './views/home.js';
import * as logs from './views/logs.js';
import * as runbook from './views/runbook.js';
import * as traces from './views/traces.js';

const VIEWS = { '': home, alerts, d: dashboard, explore, logs, runbook, traces };
const PAGES = [['alerts', 'Alerts'], ['logs', 'Logs'], ['traces', 'Traces'], ['explore', 'Explore'], ['runbook', 'Runbook']];

const bar = document.getElementById('bar');
const view = document.getElementById('view');
let shown = 0;
let leave = null;

/** Prometheus names its own pages in links: /ops/graph?g0.expr=... */
function takeOver() {
	if (location.pathname !== '/ops/graph') return;
	const expr = new URLSearchParams(location.search).get('g0.expr') || '';
	history.replaceState(null, '', `/ops/${href('explore', '', { expr })}`);
}

function fillBar(boards) {
	const here = current();
	const item = (url, text, isHere) => el('li', {}, link(url, { 'aria-current': isHere ? 'page' : null }, text));
	bar.replaceChildren(link('#/', { class: 'brand' }, 'terse'),
		el('nav', { 'aria-label': 'Pages' }, el('ul', {},
			...boards.map(({ uid, title }) => item(href('d', uid), title, here.name === 'd' && here.id === uid)),
			...PAGES.map(([name, text]) => item(href(name), text, here.name === name)))),
		el('button', { type: 'button', class: 'theme', 'aria-label': 'Dark or light', title: 'Dark or light', onclick: themes.toggleTheme }, '◐'));
}

async function open() {
	const turn = shown += 1;
	const route = current();
	const host = el('div', { class: `page page-${route.name || 'home'}` });
	leave?.();
	leave = null;
	view.replaceChildren(host);
	all().then(fillBar, () => fillBar([]));
	try {
		const end = await (VIEWS[route.name] || home).show(host, route);
		if (turn === shown) leave = end;
		else end?.();
	} catch (error) {
		host.append(el('p', { class: 'panel-error', role: 'alert' }, error.message));
	}
	if (turn === shown) view.dataset.ready = location.hash;
}

document.getElementById('skip').addEventListener('click', (event) => {
	event.preventDefault();
	view.focus();
});
addEventListener('hashchange', open);
takeOver();
themes.apply();
closeMenusOutside();
fillBar([]);
open();
