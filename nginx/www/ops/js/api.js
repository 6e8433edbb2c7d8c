// Questions to the servers behind nginx, with the operator's key.
import { askForKey, forgetKey, currentKey } from './key.js';

/** What a server answered when it was not the data. */
export class ApiError extends Error {
	constructor(status, text) {
		super(text);
		this.status = status;
	}
}

/**
 * Asks for JSON. A key that is missing or refused is asked for, and the question put again.
 * @param {string} path
 * @param {Object<string, *>} [params]
 * @param {AbortSignal} [signal]
 */
export async function getJson(path, params = {}, signal) {
	for (;;) {
		const key = currentKey() || await askForKey();
		const reply = await send(path, params, key, signal);
		if (reply.status !== 401) return read(reply);
		forgetKey(key);
	}
}

function send(path, params, key, signal) {
	const url = new URL(path, location.origin);
	for (const [name, value] of Object.entries(params)) {
		for (const one of [value].flat()) {
			if (one !== undefined && one !== null && one !== '') url.searchParams.append(name, one);
		}
	}
	return fetch(url, {
		headers: { Authorization: `Bearer ${key}`, Accept: 'application/json' },
		credentials: 'omit', cache: 'no-store', signal,
	}).catch((error) => {
		if (error.name === 'AbortError') throw error;
		throw new ApiError(0, 'the service does not answer');
	});
}

async function read(reply) {
	const text = await reply.text();
	let body = null;
	try {
		body = JSON.parse(text);
	} catch {
		if (reply.ok) throw new ApiError(reply.status, 'the answer is no JSON');
	}
	if (reply.ok) return body;
	throw new ApiError(reply.status, body?.detail || body?.error || text.slice(0, 300) || reply.statusText);
}

/** A file of the page itself, for which no key is needed. */
export async function getFile(path) {
	const reply = await fetch(path, { credentials: 'omit' });
	if (!reply.ok) throw new ApiError(reply.status, `${path}: ${reply.status}`);
	return reply;
}
