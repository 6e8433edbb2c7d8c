// RUNBOOK.md; of one alert only its own section.
import { getFile } from '../api.js';
import { el, link } from '../dom.js';
import { render, slug } from '../markdown.js';
import { href } from '../route.js';

export async function show(host, { id }) {
	const text = await (await getFile('/ops/runbook.md')).text();
	const section = id ? sectionOf(text, id) : null;
	document.title = `${id || 'Runbook'} · terse`;
	if (id && !section) host.append(el('p', { class: 'note' }, `The runbook has no section ${id}. All of it:`));
	if (section) host.append(el('p', {}, link(href('runbook'), {}, 'The whole runbook'), ' · ', link(href('alerts'), {}, 'Alerts')));
	host.append(el('article', { class: 'prose' }, ...render(section || text)));
	host.addEventListener('click', jump);
	return () => host.removeEventListener('click', jump);
}

/** A heading and what is under it, up to the next of its level. */
function sectionOf(text, name) {
	const lines = text.split('\n');
	const first = lines.findIndex((line) => /^#+ /.test(line) && slug(line.replace(/^#+ /, '')) === slug(name));
	if (first < 0) return null;
	const level = /^#+/.exec(lines[first])[0].length;
	const length = lines.slice(first + 1).findIndex((line) => new RegExp(`^#{1,${level}} `).test(line));
	return lines.slice(first, length < 0 ? undefined : first + 1 + length).join('\n');
}

/** Links within the text, to what may be in a section that is not shown: the address's fragment is the page's own. */
function jump(event) {
	const target = event.target.closest?.('a')?.getAttribute('href') || '';
	if (!/^#[^/]/.test(target)) return;
	event.preventDefault();
	const heading = document.getElementById(target.slice(1));
	if (heading) heading.scrollIntoView();
	else location.hash = href('runbook', target.slice(1));
}
