// Rules for the scripts of the page /ops.
import js from '@eslint/js';
import globals from 'globals';

export default [
	js.configs.recommended,
	{
		languageOptions: { ecmaVersion: 2023, sourceType: 'module', globals: globals.browser },
		linterOptions: { reportUnusedDisableDirectives: 'error' },
		rules: {
			complexity: ['error', 14], eqeqeq: 'error', 'max-depth': ['error', 3], 'max-lines': ['error', 300], 'max-lines-per-function': ['error', 40],
			'max-params': ['error', 5], 'no-eval': 'error', 'no-implied-eval': 'error', 'no-shadow': 'error', 'no-var': 'error', 'prefer-const': 'error',
			'no-restricted-properties': ['error', ...['innerHTML', 'outerHTML', 'insertAdjacentHTML'].map((property) => ({ property }))],
		},
	},
];
