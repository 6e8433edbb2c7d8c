// The first thing to see: what fires, and the dashboards.
import { all } from '../dashboards.js';
import { el, link } from '../dom.js';
import { alertItems } from '../panels/alertlist.js';
import { href } from '../route.js';
import { alerts } from '../sources/alertmanager.js';

export async function show(host) {
	document.title = 'Operations · terse';
	const firing = el('div', {}, el('p', { class: 'note' }, 'Loading…'));
	host.append(el('h1', {}, 'Operations'), el('h2', {}, 'Firing now'), firing, el('h2', {}, 'Dashboards'),
		el('ul', { class: 'cards' }, ...(await all()).map((one) => el('li', {}, link(href('d', one.uid), {}, one.title), el('p', { class: 'muted' }, one.description || '')))));
	try {
		const found = (await alerts()).filter(({ labels }) => labels.alertname !== 'Watchdog');
		firing.replaceChildren(found.length ? alertItems(found) : el('p', { class: 'note good' }, 'Nothing fires.'));
	} catch (error) {
		firing.replaceChildren(el('p', { class: 'panel-error', role: 'status' }, `Alertmanager: ${error.message}`));
	}
	return null;
}
