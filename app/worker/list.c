#include "app/worker/list.h"

#include <inttypes.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"

enum err
list_read(struct req *rq, const struct field *rows, size_t n, void *query_struct,
    struct list_query *q, struct page *ret_page)
{
	const unsigned *given = query_struct;
	enum err e;

	q->page = 1;
	q->per_page = LIST_PER_PAGE;
	e = req_query_fields(rq, rows, n, query_struct);
	if (e)
		return e;
	ret_page->is_keyset = (*given & FIELD_GIVEN(n - 1)) != 0;
	ret_page->after = q->after;
	ret_page->limit = q->per_page;
	ret_page->offset = ret_page->is_keyset ? 0 : (q->page - 1) * q->per_page;
	return ERR_OK;
}

int
list_shown(const struct page *page, int n)
{
	return n > page->limit ? (int)page->limit : n;
}

/* One link, to the same list with another value of the parameter `name`. */
static void
add_link(struct buf *out, struct req *rq, const char *name, int64_t value, const char *rel)
{
	static const char *const ours[] = { "page", "after" };
	size_t path_n = strcspn(rq->target, "?");
	struct buf others;

	buf_init(&others, rq->cx->arena);
	req_query_without(rq, ours, N(ours), &others);
	if (out->len > 0)
		buf_adds(out, ", ");
	buf_addc(out, '<');
	buf_add(out, rq->target, path_n);
	buf_printf(out, "?%s%s%s=%" PRId64 ">; rel=\"%s\"", others.len > 0 ? buf_str(&others) : "",
	    others.len > 0 ? "&" : "", name, value, rel);
}

enum err
list_link(struct req *rq, struct resp *rs, const struct page *page, int n, int64_t last_id)
{
	int64_t number = page->offset / page->limit + 1;
	struct buf out;

	buf_init(&out, rq->cx->arena);
	if (n > page->limit && page->is_keyset)
		add_link(&out, rq, "after", last_id, "next");
	else if (n > page->limit)
		add_link(&out, rq, "page", number + 1, "next");
	if (number > 1)
		add_link(&out, rq, "page", number - 1, "prev");
	if (buf_str(&out) == NULL)
		return ERR_MEMORY;
	if (out.len > 0)
		resp_header(rs, "Link", buf_str(&out));
	return ERR_OK;
}
