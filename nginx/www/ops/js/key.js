// The operator's key: asked for once, and kept as long as the browser's tab is open.
import { el } from './dom.js';

const NAME = 'terse-admin-key';
let asking = null;

export function currentKey() {
	return sessionStorage.getItem(NAME) || '';
}

/** Drops the key that was refused, unless another has taken its place meanwhile. */
export function forgetKey(refused) {
	if (currentKey() !== refused) return;
	sessionStorage.removeItem(NAME);
	askForKey('That key is not the right one.');
}

/** Whoever asks while the dialogue is open gets the same answer. @returns {Promise<string>} */
export function askForKey(why = '') {
	asking ??= dialogue(why).finally(() => { asking = null; });
	return asking;
}

function dialogue(why) {
	return new Promise((resolve) => {
		const input = el('input', {
			type: 'password', id: 'key', autocomplete: 'current-password', required: true, 'aria-describedby': 'key-why',
		});
		const give = (event) => {
			event.preventDefault();
			const key = input.value.trim();
			if (!key) return;
			sessionStorage.setItem(NAME, key);
			box.close();
			box.remove();
			resolve(key);
		};
		const box = el('dialog', { class: 'login', 'aria-labelledby': 'key-title', oncancel: (event) => event.preventDefault() },
			el('form', { onsubmit: give },
				el('h2', { id: 'key-title' }, 'The operator’s key'),
				el('p', { id: 'key-why', role: 'alert' }, why || 'It is in secrets/admin_key of the state folder.'),
				el('label', { for: 'key' }, 'Admin key'), input,
				el('button', { type: 'submit' }, 'Open')));
		document.body.append(box);
		box.showModal();
	});
}
