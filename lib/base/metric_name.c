#include "lib/base/metric_name.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "lib/base/metric_family.h"

/* The text is written by all who know it, the same bytes. */
unsigned
metric_name_number(struct metric_name *names, unsigned n, const char *name)
{
	uint64_t hash = metric_hash(METRIC_HASH_START, name), words[METRIC_NAME_WORDS] = { 0 };
	unsigned i;
	size_t w;

	hash = hash ? hash : 1;
	memcpy(words, name, strnlen(name, sizeof(words)));
	for (i = 0; i < n - 1; i++) {
		uint64_t found = 0;

		if (!atomic_compare_exchange_strong(&names[i].hash, &found, hash) && found != hash)
			continue;
		for (w = 0; w < METRIC_NAME_WORDS; w++)
			atomic_store(&names[i].words[w], words[w]);
		return i;
	}
	return n - 1;
}

const char *
metric_name_text(
    const struct metric_name *names, unsigned n, unsigned number, char text[METRIC_NAME_SIZE])
{
	uint64_t words[METRIC_NAME_WORDS];
	size_t w;

	if (number == n - 1)
		return "other";
	for (w = 0; w < METRIC_NAME_WORDS; w++)
		words[w] = atomic_load(&names[number].words[w]);
	memcpy(text, words, sizeof(words));
	text[sizeof(words)] = '\0';
	return text;
}
