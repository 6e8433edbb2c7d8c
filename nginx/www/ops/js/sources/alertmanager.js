// Alertmanager: what fires now, and what is silenced.
import { getJson } from '../api.js';

const API = '/ops/api/alertmanager/api/v2/';
const ORDER = { critical: 0, warning: 1, info: 2 };

export async function alerts(signal) {
	const found = await getJson(`${API}alerts`, {}, signal);
	return found.map(({ labels, annotations, startsAt, status, generatorURL }) => ({
		labels, annotations, since: Date.parse(startsAt) / 1000, state: status.state, source: generatorURL,
	})).sort((a, b) => (ORDER[a.labels.severity] ?? 3) - (ORDER[b.labels.severity] ?? 3) || b.since - a.since);
}

export async function silences(signal) {
	const found = await getJson(`${API}silences`, {}, signal);
	return found.filter(({ status }) => status.state === 'active');
}
