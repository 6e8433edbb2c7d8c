// The dashboards' files: Grafana's own.
import { getFile } from './api.js';

const FOLDER = '/ops/dashboards/';
let known = null;

/** @returns {Promise<Object[]>} all of them, the first that an engineer looks at first */
export function all() {
	known ??= load().catch((error) => {
		known = null;
		throw error;
	});
	return known;
}

async function load() {
	const files = await (await getFile(FOLDER)).json();
	const names = files.map(({ name }) => name).filter((name) => name.endsWith('.json'));
	const found = await Promise.all(names.map(async (name) => (await getFile(FOLDER + encodeURIComponent(name))).json()));
	return found.sort((a, b) => a.title.localeCompare(b.title));
}

export async function byUid(uid) {
	return (await all()).find((one) => one.uid === uid) || null;
}
