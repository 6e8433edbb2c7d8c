/*
 * terse trace: the spans that are still in the host's ring, a JSON line each.
 */
#include "lib/base/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/terse/command.h"
#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/settings.h"
#include "lib/http/json.h"

enum { SPANS = 256, LINE_BYTES = 64 * 1024 };

static void
add_span_id(struct json *j, const char *name, uint64_t id)
{
	char text[17];

	snprintf(text, sizeof(text), "%016" PRIx64, id);
	json_add_text(j, NULL, name, id ? text : NULL);
}

static void
add_texts(struct json *j, const struct span *s)
{
	static const char *const kinds[] = { "internal", "server", "client", "producer",
		"consumer" };

	json_add_text(j, NULL, "name", s->name);
	json_add_text(j, NULL, "kind", s->kind < N(kinds) ? kinds[s->kind] : NULL);
	json_add_text(j, NULL, "detail", s->detail);
	json_add_text(j, NULL, "pool", s->pool);
	json_add_text(j, NULL, "request_id", s->request_id);
}

static void
print(struct arena *a, const struct span *s)
{
	char id[TRACE_ID_SIZE];
	struct json j;
	struct buf line;

	json_map_init(&j, a);
	json_add_text(&j, NULL, "trace_id", trace_id_format(s->trace_id, id));
	add_span_id(&j, "span_id", s->id);
	add_span_id(&j, "parent_id", s->parent);
	add_texts(&j, s);
	json_add_moment(&j, NULL, "start", s->start_us);
	json_add_int(&j, NULL, "duration_us", s->duration_us);
	json_add_int(&j, NULL, "status", s->status);
	json_add_bool(&j, NULL, "failed", s->failed);
	buf_init(&line, a);
	if (json_write(&j, &line) == ERR_OK)
		puts(buf_str(&line));
	arena_reset(a);
}

/* id: of the trace, or NULL for all. Returns how many there were. */
static size_t
print_all(struct trace_ring *r, struct arena *a, const char *id)
{
	static struct span spans[SPANS];
	uint64_t cursor = 0, missed;
	size_t n, n_found = 0;

	while ((n = trace_ring_take(r, &cursor, spans, SPANS, &missed)) > 0)
		for (size_t i = 0; i < n; i++) {
			char text[TRACE_ID_SIZE];

			if (id && strcmp(id, trace_id_format(spans[i].trace_id, text)) != 0)
				continue;
			print(a, &spans[i]);
			n_found++;
		}
	return n_found;
}

int
trace_command(const struct settings *s, int argc, char **argv)
{
	struct trace_ring *r;
	struct arena *a;
	size_t n;

	if (argc > 1) {
		fprintf(stderr, "usage: terse trace [TRACE_ID]\n");
		return 2;
	}
	r = trace_ring_open(s->run_dir);
	a = arena_new(LINE_BYTES);
	if (!r || !a) {
		fprintf(stderr, "terse trace: %s: %s\n", s->run_dir, strerror(errno));
		trace_ring_close(r);
		arena_free(a);
		return EXIT_FAILURE;
	}
	n = print_all(r, a, argc == 1 ? argv[0] : NULL);
	arena_free(a);
	trace_ring_close(r);
	return n > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
