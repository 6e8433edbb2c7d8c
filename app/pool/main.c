/*
 * terse-pool: keeps the workers of one socket, which it finds as its standard input.
 * usage: terse-pool [--min A] [--max B] -- WORKER [ARGUMENT]...
 */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/pool/pool.h"
#include "app/pool/signals.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/base/num.h"
#include "lib/base/settings.h"

/* Twice as many fit on the board: each may be replaced by a new one. */
enum { WORKERS_MAX = 32, LOG_AGE_US = 100 * 1000, USAGE = 2 };

struct arguments {
	int64_t min, max;
	char **worker;
	int n_worker;
};

static bool
parse_number(const char *text, int64_t *ret_n)
{
	return num_parse(text, strlen(text), 1, WORKERS_MAX, ret_n) == ERR_OK;
}

static bool
parse(int argc, char **argv, struct arguments *ret)
{
	static const struct option options[] = {
		{ "min", required_argument, NULL, 'm' },
		{ "max", required_argument, NULL, 'M' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	*ret = (struct arguments){ .min = 1 };
	while ((option = getopt_long(argc, argv, "+", options, NULL)) != -1)
		if (option == '?' || !parse_number(optarg, option == 'm' ? &ret->min : &ret->max))
			return false;
	ret->worker = argv + optind;
	ret->n_worker = argc - optind;
	return ret->n_worker > 0;
}

static void
loop(struct pool *p, int signal_fd)
{
	struct pollfd fd = { .fd = signal_fd, .events = POLLIN };
	int wait_ms = 0;

	while (wait_ms >= 0) {
		poll(&fd, 1, wait_ms);
		signals_turn(signal_fd, p);
		wait_ms = pool_turn(p);
		log_flush_if_older(LOG_AGE_US);
	}
}

static int
serve(const struct settings *s, const struct child_command *command, int signal_fd,
    const struct arguments *args)
{
	struct pool p;
	bool made = pool_init(&p, s, command, (unsigned)args->min, (unsigned)args->max);

	if (made) {
		log_event(LOG_INFO, "starts", "%s", s->pool);
		loop(&p, signal_fd);
		log_event(LOG_INFO, "stops", "%s", s->pool);
	} else {
		log_event(LOG_ERROR, "can't start", "%s: %s", s->pool, strerror(errno));
	}
	pool_release(&p);
	return made ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
run(const struct settings *s, const struct arguments *args)
{
	struct child_command command = { .n_args = args->n_worker };
	int signal_fd = signals_open(&command.mask), status;

	command.argv = calloc((size_t)args->n_worker + 3, sizeof(*command.argv));
	if (signal_fd < 0 || !command.argv) {
		log_event(LOG_ERROR, "can't start", "%s", strerror(errno));
		free(command.argv);
		return EXIT_FAILURE;
	}
	memcpy(command.argv, args->worker, (size_t)args->n_worker * sizeof(*command.argv));
	log_rotate_at(s->log_max_bytes, s->log_keep);
	log_obey(s->run_dir);
	if (metric_open(s->run_dir, NULL, 0) != ERR_OK)
		log_event(LOG_WARN, "metrics are private", "%s: %s", s->run_dir, strerror(errno));
	status = serve(s, &command, signal_fd, args);
	metric_close();
	free(command.argv);
	return status;
}

int
main(int argc, char **argv)
{
	struct arguments args;
	struct settings s;
	char why[256];
	int status = EXIT_FAILURE;

	if (!parse(argc, argv, &args)) {
		fprintf(stderr, "usage: terse-pool [--min 1..%d] [--max 1..%d] -- WORKER...\n",
		    WORKERS_MAX, WORKERS_MAX);
		return USAGE;
	}
	if (settings_load(&s, why, sizeof(why)) != ERR_OK)
		fprintf(stderr, "terse-pool: %s\n", why);
	else if (log_open(s.log_file, "terse-pool", log_level_of(s.log_level)) != ERR_OK)
		fprintf(stderr, "terse-pool: %s: %s\n", s.log_file, strerror(errno));
	else
		status = run(&s, &args);
	log_close();
	settings_release(&s);
	return status;
}
