#include "lib/base/log_level.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/base/shm.h"

enum { LAYOUT = 1 };

struct log_level_word {
	_Atomic uint32_t value; /* 0: nobody has set one; else the level and 1 */
};

static const char *const names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARN] = "warn",
	[LOG_ERROR] = "error",
};

_Static_assert(N(names) == LOG__COUNT, "one name per level");

const char *
log_level_name(enum log_level level)
{
	assert((unsigned)level < LOG__COUNT);
	return names[level];
}

bool
log_level_parse(const char *name, enum log_level *ret_level)
{
	for (size_t i = 0; i < N(names); i++)
		if (strcasecmp(name, names[i]) == 0) {
			*ret_level = (enum log_level)i;
			return true;
		}
	if (strcasecmp(name, "warning") != 0)
		return false;
	*ret_level = LOG_WARN;
	return true;
}

enum log_level
log_level_of(const char *name)
{
	enum log_level level = LOG_INFO;

	(void)log_level_parse(name, &level);
	return level;
}

enum err
log_level_map(const char *run_dir, struct log_level_word **ret_word)
{
	void *map;
	enum err e = shm_map(run_dir, "log-level", LAYOUT, sizeof(struct log_level_word), &map);

	if (!e)
		*ret_word = map;
	return e;
}

void
log_level_unmap(struct log_level_word *word)
{
	shm_unmap(word, sizeof(*word));
}

static uint32_t
load(const struct log_level_word *word)
{
	uint32_t value = word ? atomic_load_explicit(&word->value, memory_order_relaxed) : 0;

	return value <= LOG__COUNT ? value : 0;
}

enum log_level
log_level_least(const struct log_level_word *word, enum log_level own)
{
	uint32_t value = load(word);

	return value ? (enum log_level)(value - 1) : own;
}

bool
log_level_is_set(const struct log_level_word *word)
{
	return load(word) != 0;
}

void
log_level_set(struct log_level_word *word, enum log_level level)
{
	atomic_store(&word->value, (uint32_t)level + 1);
}

void
log_level_clear(struct log_level_word *word)
{
	atomic_store(&word->value, 0);
}
