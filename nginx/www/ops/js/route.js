// Where in the page: #/name/id?params, all of it in the address so that links can be shared.

/** @returns {{name: string, id: string, params: URLSearchParams}} */
export function current() {
	const [path, query = ''] = location.hash.replace(/^#\/?/, '').split(/\?(.*)/s);
	const [name = '', ...rest] = path.split('/');
	return { name, id: decode(rest.join('/')), params: new URLSearchParams(query) };
}

function decode(text) {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

export function href(name, id = '', params = '') {
	const query = new URLSearchParams(params).toString();
	return `#/${name}${id ? `/${encodeURIComponent(id)}` : ''}${query ? `?${query}` : ''}`;
}

/** Changes parameters of the address; an empty value takes one away. */
export function setParams(changes, { replace = false } = {}) {
	const { name, id, params } = current();
	for (const [key, value] of Object.entries(changes)) {
		params.delete(key);
		for (const one of [value].flat()) {
			if (one !== '' && one !== null && one !== undefined) params.append(key, one);
		}
	}
	const url = href(name, id, params);
	if (replace) {
		history.replaceState(null, '', url);
		dispatchEvent(new HashChangeEvent('hashchange'));
	} else {
		location.hash = url;
	}
}
