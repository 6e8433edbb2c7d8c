/*
 * terse logs: the newest lines of this host's log, and those that come.
 */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "app/terse/command.h"
#include "app/terse/log_follow.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"
#include "lib/base/settings.h"
#include "lib/http/log_find.h"

enum { LINES = 100, SEARCH_MS = 60000, MEMORY = 64 << 20, POLL_MS = 100 };

struct options {
	struct log_query query;
	bool must_follow;
};

static const struct option names[] = {
	{ "follow", no_argument, NULL, 'f' },
	{ "lines", required_argument, NULL, 'n' },
	{ "level", required_argument, NULL, 'l' },
	{ "request-id", required_argument, NULL, 'i' },
	{ "route", required_argument, NULL, 'r' },
	{ "since", required_argument, NULL, 's' },
	{ "text", required_argument, NULL, 't' },
	{ "service", required_argument, NULL, 'S' },
	{ 0 },
};

static bool
read_lines(const char *text, int *ret)
{
	int64_t n;

	if (num_parse(text, strlen(text), 1, LOG_FIND_MAX, &n) != ERR_OK)
		return false;
	*ret = (int)n;
	return true;
}

/* False: it is no option, or its value is wrong. */
static bool
take_option(struct options *o, struct arena *a, int name, const char *value)
{
	struct log_filter *f = &o->query.filter;

	switch (name) {
	case 'f':
		o->must_follow = true;
		return true;
	case 'n':
		return read_lines(value, &o->query.limit);
	case 'l':
		return log_level_parse(value, &f->least);
	case 'i':
		f->request_id = value;
		return true;
	case 'r':
		f->route = value;
		return true;
	case 's':
		return log_since_parse(value, clock_wall_us(), &f->since_us);
	case 't':
		f->text = log_filter_text(a, value);
		return f->text != NULL;
	case 'S':
		f->service = value;
		return true;
	default:
		return false;
	}
}

/* argv[-1] is the command's name. */
static bool
read_options(int argc, char **argv, struct arena *a, struct options *ret)
{
	int name;

	*ret = (struct options){ .query = { .limit = LINES, .time_ms = SEARCH_MS } };
	optind = 1;
	while ((name = getopt_long(argc + 1, argv - 1, "fn:", names, NULL)) != -1)
		if (!take_option(ret, a, name, optarg))
			return false;
	return optind == argc + 1;
}

static void
print_line(void *arg, const char *line, size_t n)
{
	fwrite(line, 1, n, arg);
}

/* Goes on until nobody reads. */
static enum err
follow(const char *dir, const struct options *o, const struct log_found *found)
{
	static const struct timespec pause = { .tv_nsec = POLL_MS * 1000000L };
	struct log_follow *f = log_follow_new(dir, &o->query.filter, found->ends, found->n_ends);
	enum err e = f ? ERR_OK : ERR_MEMORY;

	while (!e) {
		e = log_follow_poll(f, print_line, stdout);
		if (fflush(stdout) != 0)
			break;
		nanosleep(&pause, NULL);
	}
	log_follow_free(f);
	return e;
}

static enum err
show(const struct settings *s, const struct options *o, struct arena *a)
{
	struct log_found found;
	const char *dir = arena_printf(a, "%s/log", s->state_dir);
	enum err e = dir ? log_find(dir, &o->query, a, &found) : ERR_MEMORY;

	if (e)
		return e;
	if (found.is_partial)
		fprintf(stderr, "terse logs: there was no time to look at older files\n");
	for (int i = 0; i < found.n; i++)
		puts(found.lines[i]);
	return o->must_follow ? follow(dir, o, &found) : ERR_OK;
}

int
logs_command(const struct settings *s, int argc, char **argv)
{
	struct arena *a = arena_new(MEMORY);
	struct options o;
	int status = 2;

	if (!a) {
		fprintf(stderr, "terse logs: no memory\n");
		return EXIT_FAILURE;
	}
	if (!read_options(argc, argv, a, &o)) {
		fprintf(stderr, "usage: terse logs [-f] [-n LINES] [--level L] [--request-id ID] "
				"[--route R] [--since 15m] [--text T] [--service S]\n");
	} else if (show(s, &o, a) != ERR_OK) {
		fprintf(stderr, "terse logs: %s/log: %s\n", s->state_dir, strerror(errno));
		status = EXIT_FAILURE;
	} else if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "terse logs: not all could be written\n");
		status = EXIT_FAILURE;
	} else {
		status = EXIT_SUCCESS;
	}
	arena_free(a);
	return status;
}
