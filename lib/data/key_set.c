#include "lib/data/key_set.h"

#include <assert.h>
#include <sodium.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct key_set {
	unsigned char hash_key[crypto_shorthash_KEYBYTES];
	size_t n, most;
	size_t n_slots; /* a power of two, more than half of them free */
	const char *slots[];
};

struct key_set *
key_set_new(size_t most)
{
	struct key_set *s;
	size_t n_slots = 2;

	while (n_slots / 2 <= most)
		n_slots *= 2;
	s = calloc(1, sizeof(*s) + n_slots * sizeof(s->slots[0]));
	if (!s)
		return NULL;
	randombytes_buf(s->hash_key, sizeof(s->hash_key));
	s->most = most;
	s->n_slots = n_slots;
	return s;
}

void
key_set_free(struct key_set *s)
{
	free(s);
}

/* The slot that has the text, or where it would go. */
static size_t
find(const struct key_set *s, const char *text)
{
	uint64_t hash;
	size_t i;

	_Static_assert(sizeof(hash) == crypto_shorthash_BYTES, "the hash fills a word");
	crypto_shorthash(
	    (unsigned char *)&hash, (const unsigned char *)text, strlen(text), s->hash_key);
	i = (size_t)hash & (s->n_slots - 1);
	while (s->slots[i] && strcmp(s->slots[i], text) != 0)
		i = (i + 1) & (s->n_slots - 1);
	return i;
}

bool
key_set_has(const struct key_set *s, const char *text)
{
	return s->slots[find(s, text)] != NULL;
}

void
key_set_add(struct key_set *s, const char *text)
{
	size_t i = find(s, text);

	if (s->slots[i])
		return;
	assert(s->n < s->most);
	s->slots[i] = text;
	s->n++;
}

void
key_set_clear(struct key_set *s)
{
	memset(s->slots, 0, s->n_slots * sizeof(s->slots[0]));
	s->n = 0;
}
