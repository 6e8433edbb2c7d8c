// What fires now.
import { el, link } from '../dom.js';
import { matchesLabels } from '../labels.js';
import { format } from '../units.js';

export function draw(host, { alerts, panel }) {
	const { maxItems = 50, alertInstanceLabelFilter: filter = '', alertName = '' } = panel.options || {};
	const shown = alerts.filter(({ labels }) => matchesLabels(labels, filter) && labels.alertname.includes(alertName));
	host.append(shown.length ? el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': panel.title || 'Alerts' }, alertItems(shown.slice(0, maxItems)))
		: el('p', { class: 'note good' }, 'Nothing fires.'));
	return {};
}

export function alertItems(alerts) {
	return el('ul', { class: 'alerts' }, ...alerts.map(item));
}

function item({ labels, annotations, since, state }) {
	const rest = Object.entries(labels).filter(([name]) => !['alertname', 'severity', 'job'].includes(name));
	return el('li', { class: `alert ${labels.severity || ''}` },
		el('b', {}, labels.alertname), el('span', { class: `level ${labels.severity}` }, labels.severity || 'none'),
		el('span', { class: 'muted' }, `for ${format(Date.now() / 1000 - since, 's', 0)}${state === 'active' ? '' : `, ${state}`}`),
		el('p', {}, annotations.summary || ''), annotations.description ? el('p', { class: 'muted' }, annotations.description) : null,
		el('p', {}, ...rest.map(([name, value]) => el('code', {}, `${name}=${value}`)),
			annotations.runbook_url ? link(annotations.runbook_url, {}, 'Runbook') : null,
			annotations.dashboard ? link(annotations.dashboard, {}, 'Dashboard') : null));
}
