// Links of panels and of points in them.

const AROUND_S = 150; // how much of the time around a point its links show

/** Fills what stands for one value, such as ${__value.raw}. */
export function annotated(text, values) {
	return text.replace(/\$\{(__\w+(?:\.\w+)*)\}/g, (whole, name) => (name in values ? encodeURIComponent(values[name]) : whole));
}

/** Links as they are for a point in time; null: for the whole range. */
export function linksOf(links = [], expand, at) {
	const near = (text) => (at === null ? text : text.replace(/\$\{__from\}/g, Math.round((at - AROUND_S) * 1000)).replace(/\$\{__to\}/g, Math.round((at + AROUND_S) * 1000)));
	return links.map(({ title, url }) => ({ title, url: expand(near(url)) }));
}
