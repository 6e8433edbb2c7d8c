// Any question to Prometheus or Loki, as a picture and as a table.
import { refreshPicker, timePicker } from '../controls.js';
import { el } from '../dom.js';
import { Panel } from '../panel.js';
import { setParams } from '../route.js';
import { onTheme } from '../theme.js';
import { resolve, seconds } from '../time.js';

export async function show(host, { params }) {
	document.title = 'Explore · terse';
	const raw = { from: params.get('from') || 'now-1h', to: params.get('to') || 'now' };
	const source = params.get('source') === 'loki' ? 'loki' : 'prometheus';
	const every = params.get('refresh') === 'off' ? '' : params.get('refresh') || '';
	const panels = params.get('expr') ? panelsOf(params.get('expr'), source) : [];
	const refresh = () => Promise.all(panels.map((panel) => panel.refresh({ range: resolve(raw), variables: [] })));
	const forget = onTheme(() => panels.forEach((panel) => panel.redraw()));
	const timer = seconds(every) ? setInterval(refresh, seconds(every) * 1000) : 0;
	host.append(el('h1', {}, 'Explore'), form(params.get('expr') || '', source, raw, every, refresh), el('div', { class: 'explore' }, ...panels.map(({ element }) => element)));
	await refresh();
	return () => {
		clearInterval(timer);
		forget();
		panels.forEach((panel) => panel.destroy());
	};
}

function panelsOf(expr, source) {
	const board = { syncKey: 'explore', annotations: [], onZoom: (from, to) => setParams({ from: Math.round(from * 1000), to: Math.round(to * 1000) }) };
	const make = (type, target) => new Panel({
		type, title: type === 'table' ? 'Now' : expr, datasource: { type: source }, targets: [{ refId: 'A', expr, ...target }],
		options: { legend: { displayMode: 'table', calcs: ['lastNotNull', 'max'] } },
		fieldConfig: { defaults: { unit: 'short', custom: { fillOpacity: 8 }, color: { mode: 'palette-classic' } }, overrides: [] },
	}, board);
	const isLines = source === 'loki' && /^\s*\{/.test(expr);
	return isLines ? [make('logs', {})] : [make('timeseries', {}), make('table', { instant: true, format: 'table' })];
}

function form(expr, source, raw, every, refresh) {
	const submit = (event) => {
		event.preventDefault();
		setParams(Object.fromEntries(new FormData(event.target)));
	};
	const area = el('textarea', { name: 'expr', rows: 2, spellcheck: 'false', 'aria-label': 'Query', placeholder: 'PromQL or LogQL' });
	area.value = expr;
	area.addEventListener('keydown', (event) => { if (event.key === 'Enter' && !event.shiftKey) { event.preventDefault(); event.target.form.requestSubmit(); } });
	return el('form', { class: 'controls', onsubmit: submit },
		el('select', { name: 'source', 'aria-label': 'Source' }, ...['prometheus', 'loki'].map((name) => el('option', { value: name, selected: name === source }, name))),
		area, el('button', { type: 'submit' }, 'Run'), timePicker(raw), refreshPicker(every, refresh));
}
