// Matchers of labels, as in {alertname!="Watchdog", severity=~"critical|warning"}.

const MATCHER = /(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"/g;

const TESTS = {
	'=': (value, wanted) => value === wanted,
	'!=': (value, wanted) => value !== wanted,
	'=~': (value, wanted) => whole(wanted).test(value),
	'!~': (value, wanted) => !whole(wanted).test(value),
};

function whole(text) {
	try {
		return new RegExp(`^(?:${text})$`);
	} catch {
		return /(?!)/;
	}
}

export function matchesLabels(labels, matchers) {
	return [...matchers.matchAll(MATCHER)].every(([, name, operator, wanted]) => TESTS[operator](labels[name] ?? '', wanted));
}
