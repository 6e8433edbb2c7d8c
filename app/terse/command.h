/*
 * The operator's commands: one file each, one row each in main.c's table.
 */
#ifndef APP_TERSE_COMMAND_H
#define APP_TERSE_COMMAND_H

struct settings;

struct command {
	const char *name;
	const char *usage; /* of its arguments */
	const char *help;
	/* Runs with what follows the name; the exit status. */
	int (*run)(const struct settings *s, int argc, char **argv);
};

int log_command(const struct settings *s, int argc, char **argv);
int log_level_command(const struct settings *s, int argc, char **argv);
int logs_command(const struct settings *s, int argc, char **argv);
int metrics_command(const struct settings *s, int argc, char **argv);
int migrate_command(const struct settings *s, int argc, char **argv);
int settings_command(const struct settings *s, int argc, char **argv);
int trace_command(const struct settings *s, int argc, char **argv);
int version_command(const struct settings *s, int argc, char **argv);

#endif
