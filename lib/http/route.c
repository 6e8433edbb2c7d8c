#include "lib/http/route.h"

#include <assert.h>
#include <string.h>

#include "lib/base/buf.h"

#define BIT(method) (1U << (method))
#define NO_MATCH (-1)

/* The segment of a row's path after *path, and its length; false at the end. */
static bool
next_segment(const char **path, const char **ret_segment, size_t *ret_n)
{
	if (**path != '/' || (*path)[1] == '\0')
		return false;
	*ret_segment = *path + 1;
	*ret_n = strcspn(*ret_segment, "/");
	*path = *ret_segment + *ret_n;
	return true;
}

static bool
is_param(const char *segment)
{
	return *segment == ':';
}

/* How well a row's path fits: a bit per text segment, the leftmost highest, so that the
 * greater number is the better fit. NO_MATCH: not at all. */
static int
fit(const char *path, const struct req *rq)
{
	const char *segment;
	size_t n, i = 0;
	int result = 0;

	for (; next_segment(&path, &segment, &n); i++) {
		const char *given = i < rq->n_segments ? rq->segments[i] : "";
		bool text = !is_param(segment);

		if (*given == '\0')
			return NO_MATCH;
		if (text && (strncmp(segment, given, n) != 0 || given[n] != '\0'))
			return NO_MATCH;
		result = 2 * result + text;
	}
	return i == rq->n_segments ? result : NO_MATCH;
}

static bool
answers(enum method row, enum method asked)
{
	return row == asked || (row == METHOD_GET && asked == METHOD_HEAD);
}

static void
fill_params(struct req *rq, const char *path)
{
	const char *segment;
	size_t n, i, filled = 0;

	for (i = 0; next_segment(&path, &segment, &n); i++) {
		if (!is_param(segment))
			continue;
		assert(filled < REQ_PARAMS_MAX);
		rq->params[filled++] = rq->segments[i];
	}
}

static unsigned
methods_of(const struct route *row)
{
	unsigned set = BIT(row->method) | BIT(METHOD_OPTIONS);

	return row->method == METHOD_GET ? set | BIT(METHOD_HEAD) : set;
}

/* Notes a row that fits as well as the best so far. */
static void
note(struct route_match *m, const struct route *row, enum method asked)
{
	m->allowed |= methods_of(row);
	if (!m->route && answers(row->method, asked))
		m->route = row;
}

enum err
route_find(const struct route *table, size_t n, struct req *rq, struct route_match *ret_match)
{
	struct route_match m = { 0 };
	int best = NO_MATCH;
	size_t i;

	for (i = 0; i < n && !rq->bad_path; i++) {
		int f = rq->prefixed && table[i].root_only ? NO_MATCH : fit(table[i].path, rq);

		if (f == NO_MATCH || f < best)
			continue;
		if (f > best)
			m = (struct route_match){ 0 };
		best = f;
		note(&m, &table[i], rq->method);
	}
	*ret_match = m;
	if (m.route) {
		fill_params(rq, m.route->path);
		return ERR_OK;
	}
	return m.allowed ? ERR_METHOD : ERR_NOT_FOUND;
}

const char *
route_allow(struct req *rq, unsigned allowed)
{
	struct buf out;
	unsigned m;

	buf_init(&out, rq->cx->arena);
	for (m = 0; m < METHOD_OTHER; m++) {
		if (!(allowed & BIT(m)))
			continue;
		if (out.len > 0)
			buf_adds(&out, ", ");
		buf_adds(&out, req_method_name((enum method)m));
	}
	return buf_str(&out);
}
