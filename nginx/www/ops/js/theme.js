// Dark or light: as the system says, until the reader chooses.
const NAME = 'terse-theme';
const system = matchMedia('(prefers-color-scheme: light)');
const listeners = new Set();

export function theme() {
	return localStorage.getItem(NAME) || (system.matches ? 'light' : 'dark');
}

export function toggleTheme() {
	localStorage.setItem(NAME, theme() === 'dark' ? 'light' : 'dark');
	apply();
}

/** Calls listener after each change, until the function that is returned is called. */
export function onTheme(listener) {
	listeners.add(listener);
	return () => listeners.delete(listener);
}

export function apply() {
	document.documentElement.dataset.theme = theme();
	for (const listener of listeners) listener();
}

system.addEventListener('change', apply);

/** A colour of the style sheet, for the canvas. */
export function cssColor(name) {
	return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
