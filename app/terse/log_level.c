/*
 * terse log-level: what all programs of this host log, from now on.
 */
#include "lib/base/log_level.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/terse/command.h"
#include "lib/base/settings.h"

static void
print(const struct settings *s, const struct log_level_word *word)
{
	enum log_level own = log_level_of(s->log_level);

	printf("%s%s\n", log_level_name(log_level_least(word, own)),
	    log_level_is_set(word) ? "" : " (TERSE_LOG_LEVEL)");
}

/* False: there is no such level. */
static bool
change(struct log_level_word *word, const char *name)
{
	enum log_level level;

	if (strcmp(name, "default") == 0)
		log_level_clear(word);
	else if (log_level_parse(name, &level))
		log_level_set(word, level);
	else
		return false;
	return true;
}

int
log_level_command(const struct settings *s, int argc, char **argv)
{
	struct log_level_word *word;
	bool is_right;

	if (log_level_map(s->run_dir, &word) != ERR_OK) {
		fprintf(stderr, "terse log-level: %s: %s\n", s->run_dir, strerror(errno));
		return EXIT_FAILURE;
	}
	is_right = argc == 0 || (argc == 1 && change(word, argv[0]));
	if (is_right)
		print(s, word);
	else
		fprintf(stderr, "usage: terse log-level [debug|info|warn|error|default]\n");
	log_level_unmap(word);
	return is_right ? EXIT_SUCCESS : 2;
}
