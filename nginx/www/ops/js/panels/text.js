// A text in Markdown.
import { el } from '../dom.js';
import { render } from '../markdown.js';

export function draw(host, { panel, expand }) {
	host.append(el('div', { class: 'scroll prose', tabindex: '0', role: 'region', 'aria-label': panel.title || 'Text' }, ...render(expand(panel.options?.content || ''))));
	return {};
}
