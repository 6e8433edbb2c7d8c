/*
 * terse log SERVICE: the log process of a service. It ends when nobody can write any more,
 * and not before: the service could not go on without somebody who reads.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/terse/command.h"
#include "app/terse/log_pipe.h"
#include "app/terse/log_wrap.h"
#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/log_file.h"
#include "lib/base/log_line.h"
#include "lib/base/metric.h"
#include "lib/base/settings.h"

enum { OUT_BYTES = 256 * 1024, SCRATCH_BYTES = 4 << 20 };

struct intake {
	const struct settings *s;
	struct log_wrap wrap;
	struct log_file file;
	struct log_pipe pipe;
	bool is_cut;   /* what comes up to the next newline belongs to a line that was cut */
	uint64_t lost; /* lines that found no room, and of which the log does not tell yet */
	size_t n_out;
	char out[OUT_BYTES];
};

/* The log can't tell, so standard error does; the count goes to /metrics. */
static void
lose(struct intake *in, uint64_t lines)
{
	if (in->lost == 0) {
		fprintf(stderr, "terse log %s: %s: lines find no room\n", in->wrap.service,
		    in->file.path);
		if (metric_open(in->s->run_dir, NULL, 0) != ERR_OK)
			fprintf(stderr, "terse log: %s: %s\n", in->s->run_dir, strerror(errno));
	}
	in->lost += lines;
	metric_add(M_LOG_DROPPED, 0, 0, 0, lines);
}

/* There is room again. */
static void
confess(struct intake *in)
{
	const struct log_head head = { clock_wall_us(), LOG_ERROR, "log", in->wrap.service,
		getpid() };
	char bytes[LOG_LINE_BYTES], why[64];
	struct log_line line;

	snprintf(why, sizeof(why), "%llu lines found no room", (unsigned long long)in->lost);
	log_line_begin(&line, bytes, &head);
	log_line_text(&line, "diag", why);
	log_line_end(&line);
	if (log_file_append(&in->file, line.bytes, line.len) < line.len)
		return;
	in->lost = 0;
	metric_close();
}

static void
flush(struct intake *in)
{
	size_t done = 0;
	uint64_t lines = 0;

	if (in->n_out > 0)
		done = log_file_append(&in->file, in->out, in->n_out);
	for (size_t i = done; i < in->n_out; i++)
		lines += in->out[i] == '\n';
	if (lines > 0)
		lose(in, lines);
	else if (in->lost > 0)
		confess(in);
	in->n_out = 0;
}

static void
put_line(struct intake *in, const char *bytes, size_t n, int64_t wall_us)
{
	in->n_out += log_wrap_line(&in->wrap, bytes, n, wall_us, in->out + in->n_out);
	if (in->n_out > sizeof(in->out) - LOG_LINE_BYTES)
		flush(in);
}

/* Bytes that end in a newline, or half a line. */
static void
put_lines(struct intake *in, const char *bytes, size_t n)
{
	int64_t wall_us = clock_wall_us();

	while (n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t len = end ? (size_t)(end - bytes) : n, taken = end ? len + 1 : n;

		if (!in->is_cut)
			put_line(in, bytes, len, wall_us);
		in->is_cut = !end && (in->is_cut || n >= LOG_LINE_BYTES);
		bytes += taken;
		n -= taken;
	}
	flush(in);
}

static void
work(struct intake *in)
{
	while (log_pipe_look(&in->pipe)) {
		size_t n = log_pipe_lines(&in->pipe);

		put_lines(in, in->pipe.bytes, n);
		log_pipe_take(&in->pipe, n);
	}
}

/* What can't be opened does not keep the service from working: lines go to standard error. */
static void
open_file(struct intake *in, const char *service)
{
	char path[LOG_FILE_PATH_SIZE];

	in->file = (struct log_file){
		.fd = STDERR_FILENO,
		.max_bytes = in->s->log_max_bytes,
		.keep = in->s->log_keep,
	};
	snprintf(path, sizeof(path), "%s/log/%s/terse.log", in->s->state_dir, service);
	if (log_file_open(&in->file, path) != ERR_OK)
		fprintf(stderr, "terse log: %s: %s\n", path, strerror(errno));
}

static struct log_level_word *
host_level(const char *run_dir)
{
	struct log_level_word *word = NULL;

	if (log_level_map(run_dir, &word) != ERR_OK)
		fprintf(stderr, "terse log: %s: %s\n", run_dir, strerror(errno));
	return word;
}

static int
serve(struct intake *in, const char *service)
{
	struct log_level_word *word = host_level(in->s->run_dir);
	int status = EXIT_FAILURE;

	in->wrap = (struct log_wrap){
		.service = service,
		.client_ip = in->s->log_client_ip,
		.host_level = word,
		.own_level = log_level_of(in->s->log_level),
		.scratch = arena_new(SCRATCH_BYTES),
	};
	if (in->wrap.scratch && log_pipe_open(&in->pipe, STDIN_FILENO) == ERR_OK) {
		open_file(in, service);
		work(in);
		log_file_close(&in->file);
		log_pipe_close(&in->pipe);
		status = EXIT_SUCCESS;
	} else {
		fprintf(stderr, "terse log: %s\n", strerror(errno));
	}
	arena_free(in->wrap.scratch);
	log_level_unmap(word);
	return status;
}

static bool
is_service(const char *name)
{
	return *name != '\0' && *name != '.' && !strchr(name, '/') && strlen(name) < 64;
}

int
log_command(const struct settings *s, int argc, char **argv)
{
	struct intake *in;
	int status;

	if (argc != 1 || !is_service(argv[0])) {
		fprintf(stderr, "usage: terse log SERVICE\n");
		return 2;
	}
	/* The supervisor sends it while the service still has something to say. */
	signal(SIGTERM, SIG_IGN);
	/* Nor is it the end when nobody hears what standard error tells of a full disk. */
	signal(SIGPIPE, SIG_IGN);
	in = calloc(1, sizeof(*in));
	if (!in) {
		fprintf(stderr, "terse log: no memory\n");
		return EXIT_FAILURE;
	}
	in->s = s;
	status = serve(in, argv[0]);
	free(in);
	return status;
}
