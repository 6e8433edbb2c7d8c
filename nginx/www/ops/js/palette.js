// Grafana's colours by name, in shades that can be told from both backgrounds.
import { cssColor, theme } from './theme.js';

const SERIES = ['green', 'yellow', 'blue', 'orange', 'red', 'purple', 'teal', 'pink', 'lime', 'sky', 'brown', 'violet'];
const SHADE = /^(?:super-light|light|semi-dark|dark)-/;

/** The colour of the n-th series. */
export function seriesColor(n) {
	return color(SERIES[n % SERIES.length]);
}

/** A colour as CSS: of a name (green, dark-red, text), or as it is. */
export function color(name = 'green') {
	if (name.startsWith('#') || name.startsWith('rgb')) return name;
	if (name === 'transparent') return 'transparent';
	return cssColor(`--c-${name.replace(SHADE, '')}`) || cssColor('--c-green');
}

/** The same, seen through. @param {number} alpha 0..1 */
export function faint(css, alpha) {
	const hex = /^#(..)(..)(..)$/.exec(css);
	return hex ? `rgba(${hex.slice(1).map((byte) => parseInt(byte, 16)).join(',')},${alpha})` : css;
}

/** What can be read on a colour of the palette. */
export function textOn() {
	return theme() === 'dark' ? '#0b0f14' : '#ffffff';
}
