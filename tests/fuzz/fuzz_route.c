/*
 * The route table: the row that is found fits the path, no row fits better, and the set of
 * allowed methods says just what another method would have got. The input is a byte for
 * the method, a byte whose lowest bit is the prefix, and a path.
 */
#include <assert.h>
#include <string.h>

#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/base/ctx.h"
#include "lib/http/route.h"
#include "tests/fuzz/fuzz.h"

static enum err
handle(struct app *app, struct req *rq, struct resp *rs)
{
	(void)app;
	(void)rq;
	(void)rs;
	return ERR_OK;
}

static const struct route table[] = {
	{ METHOD_GET, "/", handle, "a", AUTH_PUBLIC, false },
	{ METHOD_GET, "/:code", handle, "b", AUTH_PUBLIC, true },
	{ METHOD_POST, "/us", handle, "c", AUTH_PUBLIC, false },
	{ METHOD_GET, "/us/:id", handle, "d", AUTH_PUBLIC, false },
	{ METHOD_DELETE, "/us/:id", handle, "e", AUTH_PUBLIC, false },
	{ METHOD_PUT, "/us/bulk", handle, "f", AUTH_PUBLIC, false },
	{ METHOD_GET, "/us/:code/re", handle, "g", AUTH_PUBLIC, false },
	{ METHOD_PATCH, "/:a/:b/re", handle, "h", AUTH_PUBLIC, true },
	{ METHOD_HEAD, "/:a/:b/:c/:d", handle, "i", AUTH_PUBLIC, false },
};

/* Splits path where it is. */
static void
split(struct req *rq, char *path)
{
	char *segment;

	while ((segment = strsep(&path, "/"))) {
		if (rq->n_segments == REQ_SEGMENTS_MAX)
			rq->bad_path = true;
		else
			rq->segments[rq->n_segments++] = segment;
	}
}

/* Checks that the row's path with the parameters put in is the path that was asked for. */
static void
check_row(struct arena *a, const struct req *rq, const struct route *row)
{
	char *path = arena_strdup(a, row->path + 1), *segment;
	size_t i = 0, param = 0;

	while (*row->path && row->path[1] && (segment = strsep(&path, "/"))) {
		assert(i < rq->n_segments && *rq->segments[i] != '\0');
		if (*segment == ':')
			assert(rq->params[param++] == rq->segments[i]);
		else
			assert(strcmp(segment, rq->segments[i]) == 0);
		i++;
	}
	assert(i == rq->n_segments);
	assert(!row->root_only || !rq->prefixed);
	assert(
	    row->method == rq->method || (row->method == METHOD_GET && rq->method == METHOD_HEAD));
}

static void
check_found(struct arena *a, struct req *rq)
{
	struct route_match m = { 0 };
	enum err e = route_find(table, N(table), rq, &m);
	bool allowed = m.allowed & 1U << rq->method;

	assert((e == ERR_OK) == (m.route != NULL));
	assert((e == ERR_NOT_FOUND) == (m.allowed == 0));
	assert(e == ERR_OK || e == ERR_NOT_FOUND || e == ERR_METHOD);
	if (rq->method != METHOD_OPTIONS)
		assert((e == ERR_OK) == allowed);
	if (m.allowed)
		assert(strstr(route_allow(rq, m.allowed), "OPTIONS"));
	if (m.route)
		check_row(a, rq, m.route);
}

/* All methods see the same path. */
static void
check_methods(struct req rq)
{
	struct route_match m, first = { 0 };
	unsigned method;

	(void)!route_find(table, N(table), &rq, &first);
	for (method = 0; method < METHOD__COUNT; method++) {
		rq.method = (enum method)method;
		(void)!route_find(table, N(table), &rq, &m);
		assert(m.allowed == first.allowed);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *arena = arena_new((size_t)4 << 20);
	struct req rq = { 0 };
	struct ctx cx;

	assert(arena);
	if (n > 2) {
		ctx_init(&cx, arena, 1000);
		rq.cx = &cx;
		rq.method = (enum method)(data[0] % METHOD__COUNT);
		rq.prefixed = data[1] & 1;
		split(&rq, arena_strndup(arena, (const char *)data + 2, n - 2));
		check_found(arena, &rq);
		check_methods(rq);
	}
	arena_free(arena);
	return 0;
}
