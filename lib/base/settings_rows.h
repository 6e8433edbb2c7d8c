/*
 * The one table of settings: names, types, ranges, defaults. settings.c goes by it.
 */
#ifndef LIB_BASE_SETTINGS_ROWS_H
#define LIB_BASE_SETTINGS_ROWS_H

#include <stddef.h>
#include <stdint.h>

enum setting_type {
	INT,    /* min..max */
	SWITCH, /* on or off */
	TEXT,   /* min..max bytes, as all below */
	PATH,   /* absolute, or the default */
	WORD,   /* one of the words in `unit` */
	URL,    /* http or https, no slash at its end */
	SECRET, /* never printed; may be empty whatever min says */
	TYPE__COUNT
};

struct setting {
	const char *name;
	enum setting_type type;
	const char *unit; /* "": none */
	int64_t min, max;
	const char *initial;
	size_t offset;
	const char *help;
};

extern const struct setting settings_rows[];
extern const size_t settings_n_rows; /* at most SETTINGS_MAX */

#endif
