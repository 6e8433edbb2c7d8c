#include "lib/data/sqlstate.h"

#include <stddef.h>
#include <string.h>

struct rule {
	const char *prefix;
	enum err err;
};

/* The first rule whose prefix fits counts. */
static const struct rule rules[] = {
	{ "22", ERR_INVALID },        /* data exception */
	{ "23503", ERR_NOT_FOUND },   /* foreign key: what it names is not there */
	{ "23505", ERR_CONFLICT },    /* unique */
	{ "25006", ERR_UNAVAILABLE }, /* read-only: a standby that is being promoted */
	{ "40", ERR_UNAVAILABLE },    /* rolled back by the server; retries are spent */
	{ "42703", ERR_UNAVAILABLE }, /* the schema is not there yet: a column ... */
	{ "42P01", ERR_UNAVAILABLE }, /* ... or a table */
	{ "53", ERR_UNAVAILABLE },    /* out of memory, disk, connections */
	{ "54", ERR_INVALID },        /* a value too large for an index or a row */
	{ "55P03", ERR_UNAVAILABLE }, /* lock_timeout */
	{ "57014", ERR_DEADLINE },    /* statement_timeout */
	{ "57", ERR_UNAVAILABLE },    /* shutting down, starting, an operator's hand */
	{ "58", ERR_UNAVAILABLE },    /* the server's disk */
};

enum err
sqlstate_err(const char *state)
{
	for (size_t i = 0; i < N(rules); i++)
		if (strncmp(state, rules[i].prefix, strlen(rules[i].prefix)) == 0)
			return rules[i].err;
	return ERR_INTERNAL;
}

bool
sqlstate_is_retryable(const char *state)
{
	return strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0;
}
