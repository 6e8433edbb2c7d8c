/*
 * terse: the operator's command.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/terse/command.h"
#include "lib/base/attr.h"
#include "lib/base/settings.h"

static const struct command commands[] = {
	{ "log", "SERVICE", "append what a service prints to its log", log_command },
	{ "log-level", "[LEVEL | default]", "print or set what is logged", log_level_command },
	{ "logs", "[-f] [-n LINES] [--level L]...", "print the newest log lines", logs_command },
	{ "metrics", "--markdown", "print all metrics", metrics_command },
	{ "migrate", "", "bring the database's schema up to date", migrate_command },
	{ "settings", "--defaults | --markdown", "print all settings", settings_command },
	{ "trace", "[TRACE_ID]", "print the spans that are still in memory", trace_command },
	{ "version", "", "print the version", version_command },
};

int
version_command(const struct settings *s, int argc, char **argv)
{
	(void)s;
	(void)argc;
	(void)argv;
	puts(PACKAGE_STRING);
	return EXIT_SUCCESS;
}

static int
usage(void)
{
	fprintf(stderr, "usage: terse COMMAND\n");
	for (size_t i = 0; i < N(commands); i++)
		fprintf(stderr, "  %-9s %-24s %s\n", commands[i].name, commands[i].usage,
		    commands[i].help);
	return 2;
}

static int
run(const struct command *c, int argc, char **argv)
{
	struct settings s;
	char why[512];
	int status = EXIT_FAILURE;

	if (settings_load(&s, why, sizeof(why)) == ERR_OK)
		status = c->run(&s, argc, argv);
	else
		fprintf(stderr, "terse: %s\n", why);
	settings_release(&s);
	return status;
}

int
main(int argc, char **argv)
{
	if (argc < 2)
		return usage();
	for (size_t i = 0; i < N(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return run(&commands[i], argc - 2, argv + 2);
	return usage();
}
