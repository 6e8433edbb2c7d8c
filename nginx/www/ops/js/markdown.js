// Markdown as elements: headings, paragraphs, lists, tables, code, quotes, links, emphasis.
// Everything else, HTML above all, stays the text that it is.
import { el, link } from './dom.js';

const INLINE = /`([^`]+)`|\*\*(.+?)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\(([^)\s]+)\)|<?(https?:\/\/[^\s<>)]+)>?/;

const BLOCKS = [
	{ begins: /^```/, read: fence },
	{ begins: /^#{1,6} /, read: heading },
	{ begins: /^( {4}|\t)/, read: indented },
	{ begins: /^\s*([-*]|\d+[.)]) /, read: list },
	{ begins: /^>/, read: quote },
	{ begins: /^\|/, read: table },
	{ begins: /^<!--/, read: comment },
];

/** @param {string} text @returns {Node[]} */
export function render(text) {
	const lines = text.replace(/\r/g, '').split('\n');
	const found = [];
	while (lines.length) {
		if (!lines[0].trim()) lines.shift();
		else found.push((BLOCKS.find(({ begins }) => begins.test(lines[0]))?.read || paragraph)(lines));
	}
	return found.filter(Boolean);
}

/** The id of a heading. */
export function slug(text) {
	return text.toLowerCase().replace(/[^\w -]/g, '').trim().replace(/ /g, '-');
}

function take(lines, goesOn) {
	const taken = [];
	while (lines.length && goesOn(lines[0])) taken.push(lines.shift());
	return taken;
}

function fence(lines) {
	lines.shift();
	const code = take(lines, (line) => !line.startsWith('```'));
	lines.shift();
	return block(code);
}

function indented(lines) {
	const code = take(lines, (line) => /^( {4}|\t)/.test(line) || !line.trim());
	while (code.length && !code.at(-1).trim()) code.pop();
	return block(code.map((line) => line.replace(/^( {4}|\t)/, '')));
}

function block(code) {
	return el('pre', { tabindex: '0' }, el('code', {}, code.join('\n')));
}

function heading(lines) {
	const [, marks, text] = /^(#+) +(.*?)#*$/.exec(lines.shift());
	return el(`h${marks.length}`, { id: slug(text) }, ...inline(text));
}

function list(lines) {
	const kind = /^\s*\d/.test(lines[0]) ? 'ol' : 'ul';
	const items = [];
	while (lines.length) {
		const item = /^\s*(?:[-*]|\d+[.)]) +(.*)$/.exec(lines[0]);
		if (item) items.push([item[1]]);
		else if (/^\s+\S/.test(lines[0])) items.at(-1).push(lines[0].trim());
		else break;
		lines.shift();
	}
	return el(kind, {}, ...items.map((item) => el('li', {}, ...inline(item.join(' ')))));
}

function quote(lines) {
	const inner = take(lines, (line) => line.startsWith('>')).map((line) => line.replace(/^> ?/, ''));
	return el('blockquote', {}, ...render(inner.join('\n')));
}

function table(lines) {
	const rows = take(lines, (line) => line.startsWith('|'))
		.map((line) => line.replace(/^\||\|\s*$/g, '').split(/(?<!\\)\|/).map((text) => text.trim().replace(/\\\|/g, '|')));
	const [head, ...body] = rows.filter((row) => !row.every((text) => /^:?-+:?$/.test(text)));
	return el('div', { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Table' }, el('table', { class: 'data' },
		el('thead', {}, el('tr', {}, ...head.map((text) => el('th', { scope: 'col' }, ...inline(text))))),
		el('tbody', {}, ...body.map((row) => el('tr', {}, ...row.map((text) => el('td', {}, ...inline(text))))))));
}

function comment(lines) {
	take(lines, (line) => !line.includes('-->'));
	lines.shift();
	return null;
}

function paragraph(lines) {
	const text = [lines.shift(), ...take(lines, (line) => line.trim() && !BLOCKS.some(({ begins }) => begins.test(line)))];
	return el('p', {}, ...inline(text.join(' ')));
}

function inline(text) {
	const found = INLINE.exec(text);
	if (!found) return text ? [text] : [];
	const [all, code, strong, soft, title, target, url] = found;
	const node = code ? el('code', {}, code) : strong ? el('strong', {}, ...inline(strong)) : soft ? el('em', {}, ...inline(soft))
		: link(target || url, {}, title || url);
	return [text.slice(0, found.index), node, ...inline(text.slice(found.index + all.length))];
}
