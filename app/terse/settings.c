#include "lib/base/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/terse/command.h"

int
settings_command(const struct settings *s, int argc, char **argv)
{
	(void)s;
	if (argc == 1 && strcmp(argv[0], "--markdown") == 0)
		settings_print_markdown(stdout);
	else if (argc == 1 && strcmp(argv[0], "--defaults") == 0)
		settings_print_defaults(stdout);
	else {
		fprintf(stderr, "usage: terse settings --defaults | --markdown\n");
		return 2;
	}
	return EXIT_SUCCESS;
}
