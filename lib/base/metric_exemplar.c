#include "lib/base/metric_exemplar.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "lib/base/attr.h"

enum { WORDS = sizeof(struct exemplar) / sizeof(uint64_t) };

_Static_assert(WORDS == N(((struct metric_exemplar *)0)->words), "all of it is stored");

static bool
parse_word(const char *text, uint64_t *ret_word)
{
	static const char digits[] = "0123456789abcdef";
	uint64_t word = 0;

	for (int i = 0; i < 16; i++) {
		const char *digit = text[i] ? strchr(digits, text[i]) : NULL;

		if (!digit)
			return false;
		word = word << 4 | (uint64_t)(digit - digits);
	}
	*ret_word = word;
	return true;
}

bool
exemplar_parse_id(const char *text, uint64_t ret_id[2])
{
	return strlen(text) == 32 && parse_word(text, &ret_id[0]) &&
	       parse_word(text + 16, &ret_id[1]) && (ret_id[0] | ret_id[1]) != 0;
}

/* Never 0. */
static uint64_t
sum_of(const uint64_t words[WORDS])
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (int i = 0; i < WORDS; i++)
		sum = (sum ^ words[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return sum | 1;
}

void
exemplar_store(struct metric_exemplar *into, const struct exemplar *e)
{
	uint64_t words[WORDS];

	memcpy(words, e, sizeof(words));
	for (int i = 0; i < WORDS; i++)
		atomic_store_explicit(&into->words[i], words[i], memory_order_relaxed);
	atomic_store_explicit(&into->check, sum_of(words), memory_order_relaxed);
}

bool
exemplar_load(const struct metric_exemplar *from, struct exemplar *ret)
{
	uint64_t words[WORDS];

	for (int i = 0; i < WORDS; i++)
		words[i] = atomic_load_explicit(&from->words[i], memory_order_relaxed);
	if (atomic_load_explicit(&from->check, memory_order_relaxed) != sum_of(words))
		return false;
	memcpy(ret, words, sizeof(*ret));
	return true;
}
