// Making elements. Text is only ever set as text: no data becomes markup.

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {string} tag
 * @param {Object<string, *>} [props] class, attributes, onX listeners, style (an object)
 * @param {...(Node|string|null|Array)} children
 * @returns {HTMLElement}
 */
export function el(tag, props = {}, ...children) {
	return build(document.createElement(tag), props, children);
}

/** The same for SVG. @returns {SVGElement} */
export function svg(tag, props = {}, ...children) {
	return build(document.createElementNS(SVG, tag), props, children);
}

function build(node, props, children) {
	for (const [name, value] of Object.entries(props)) {
		if (value === null || value === undefined || value === false) continue;
		if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
		else if (name === 'style') setStyle(node, value);
		else node.setAttribute(name, value === true ? '' : value);
	}
	node.append(...children.flat().filter((child) => child !== null && child !== undefined));
	return node;
}

/** Styles by the object model, which the page's policy allows; attributes it does not. */
export function setStyle(node, styles) {
	for (const [name, value] of Object.entries(styles)) {
		if (name.startsWith('--')) node.style.setProperty(name, value);
		else node.style[name] = value;
	}
}

/** A link; one whose address is not http(s) or of this page is shown as text. */
export function link(url, props, ...children) {
	const safe = safeUrl(url);
	return safe ? el('a', { href: safe, ...props }, ...children) : el('span', {}, ...children);
}

function safeUrl(url) {
	try {
		const { protocol } = new URL(url, location.href);
		return protocol === 'http:' || protocol === 'https:' ? url : null;
	} catch {
		return null;
	}
}
