#include "lib/http/multipart.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/base/arena.h"
#include "lib/base/ctx.h"

enum { BOUNDARY_MAX = 70, HEADERS_MAX = 8192, WORK_BYTES = 16384 };

enum state {
	BODY,    /* of a part, or the preamble */
	AFTER,   /* a boundary */
	HEADERS, /* of a part; the work begins with the line break before them */
	END      /* the closing boundary was there; what follows does not count */
};

struct multipart {
	multipart_fn *fn;
	void *arg;
	const char *name;
	char delimiter[BOUNDARY_MAX + 5]; /* line break, "--", boundary */
	size_t delimiter_n;
	enum state state;
	bool is_wanted; /* the part that is being read */
	bool was_found;
	char work[WORK_BYTES];
	size_t n;
};

/*
 * Parameters of a header value (RFC 2045 5.1): `; name=token` or `; name="text"`.
 */

/* Past a quoted text that begins at s; NULL: it does not end. */
static const char *
after_quoted(const char *s, const char *end)
{
	for (s++; s < end; s++) {
		if (*s == '"')
			return s + 1;
		if (*s == '\\')
			s++;
	}
	return NULL;
}

static const char *
after_value(const char *s, const char *end)
{
	if (s < end && *s == '"')
		return after_quoted(s, end);
	while (s < end && *s != ';')
		s++;
	return s;
}

/* The value without its quotes and escapes. */
static const char *
value_text(struct arena *a, const char *s, const char *end)
{
	char *text = arena_alloc(a, (size_t)(end - s) + 1);
	size_t n = 0;

	if (text == NULL)
		return NULL;
	if (*s != '"') {
		while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
			end--;
		memcpy(text, s, (size_t)(end - s));
		return text;
	}
	for (s++; s < end - 1; s++) {
		if (*s == '\\' && s + 1 < end - 1)
			s++;
		text[n++] = *s;
	}
	return text;
}

/* The parameter `name` of a header value; NULL: none. */
static const char *
parameter(struct arena *a, const char *s, const char *end, const char *name)
{
	size_t n = strlen(name);

	while ((s = memchr(s, ';', (size_t)(end - s))) != NULL) {
		const char *value, *after;

		for (s++; s < end && (*s == ' ' || *s == '\t');)
			s++;
		value = memchr(s, '=', (size_t)(end - s));
		if (value == NULL)
			return NULL;
		value++;
		after = after_value(value, end);
		if (after == NULL)
			return NULL;
		if ((size_t)(value - 1 - s) == n && strncasecmp(s, name, n) == 0 && after > value)
			return value_text(a, value, after);
		s = after;
	}
	return NULL;
}

struct multipart *
multipart_new(
    struct arena *a, const char *content_type, const char *name, multipart_fn *fn, void *arg)
{
	struct multipart *m = arena_alloc(a, sizeof(*m));
	const char *boundary;
	size_t n;

	boundary = parameter(a, content_type, content_type + strlen(content_type), "boundary");
	n = boundary != NULL ? strlen(boundary) : 0;
	if (m == NULL || n == 0 || n > BOUNDARY_MAX)
		return NULL;
	m->fn = fn;
	m->arg = arg;
	m->name = name;
	memcpy(m->delimiter, "\r\n--", 4);
	memcpy(m->delimiter + 4, boundary, n);
	m->delimiter_n = n + 4;
	/* The first boundary may come without a line break before it. */
	memcpy(m->work, "\r\n", 2);
	m->n = 2;
	return m;
}

static void
drop(struct multipart *m, size_t n)
{
	memmove(m->work, m->work + n, m->n - n);
	m->n -= n;
}

/* Gives away the first n bytes of the work. */
static enum err
give(struct multipart *m, size_t n)
{
	enum err e = ERR_OK;

	if (m->is_wanted && n > 0)
		e = m->fn(m->arg, m->work, n);
	drop(m, n);
	return e;
}

/* Each step takes what it can of the work and says whether another one may take more. */

static enum err
step_body(struct multipart *m, bool *ret_again)
{
	const char *end = memmem(m->work, m->n, m->delimiter, m->delimiter_n);
	size_t kept = m->n < m->delimiter_n ? m->n : m->delimiter_n - 1;
	enum err e;

	*ret_again = end != NULL;
	if (end == NULL)
		return give(m, m->n - kept);
	e = give(m, (size_t)(end - m->work));
	drop(m, m->delimiter_n);
	m->state = AFTER;
	return e;
}

static enum err
step_after(struct multipart *m, struct ctx *cx, bool *ret_again)
{
	const char *eol;

	*ret_again = m->n >= 2 && memcmp(m->work, "--", 2) == 0;
	if (*ret_again) {
		m->state = END;
		return ERR_OK;
	}
	eol = memmem(m->work, m->n, "\r\n", 2);
	if (eol == NULL && m->n > HEADERS_MAX)
		return ctx_refuse(cx, ERR_MALFORMED, "a multipart boundary is not on a line alone");
	*ret_again = eol != NULL;
	if (eol != NULL) {
		drop(m, (size_t)(eol - m->work));
		m->state = HEADERS;
	}
	return ERR_OK;
}

/* Whether the headers, n bytes of the work, are those of the part that is wanted. */
static bool
is_wanted(struct multipart *m, struct ctx *cx, size_t n)
{
	static const char header[] = "\r\nContent-Disposition:";
	const char *name = NULL;

	for (size_t i = 0; i + sizeof(header) - 1 <= n; i++) {
		const char *s = m->work + i, *eol;

		if (strncasecmp(s, header, sizeof(header) - 1) != 0)
			continue;
		eol = memmem(s + 2, n + 2 - i, "\r\n", 2);
		name = parameter(cx->arena, s + 2, eol != NULL ? eol : m->work + n, "name");
		break;
	}
	return name != NULL && strcmp(name, m->name) == 0;
}

static enum err
step_headers(struct multipart *m, struct ctx *cx, bool *ret_again)
{
	const char *end = memmem(m->work, m->n, "\r\n\r\n", 4);

	*ret_again = end != NULL;
	if (end == NULL && m->n > HEADERS_MAX)
		return ctx_refuse(
		    cx, ERR_MALFORMED, "the headers of a multipart part are too long");
	if (end == NULL)
		return ERR_OK;
	/* Of several parts with the name the first counts. */
	m->is_wanted = !m->was_found && is_wanted(m, cx, (size_t)(end - m->work));
	m->was_found |= m->is_wanted;
	drop(m, (size_t)(end - m->work) + 4);
	m->state = BODY;
	return ERR_OK;
}

static enum err
step(struct multipart *m, struct ctx *cx, bool *ret_again)
{
	switch (m->state) {
	case BODY:
		return step_body(m, ret_again);
	case AFTER:
		return step_after(m, cx, ret_again);
	case HEADERS:
		return step_headers(m, cx, ret_again);
	case END:
		break;
	}
	m->n = 0;
	*ret_again = false;
	return ERR_OK;
}

enum err
multipart_feed(struct multipart *m, struct ctx *cx, const char *bytes, size_t n)
{
	while (n > 0) {
		size_t room = sizeof(m->work) - m->n;
		size_t taken = n < room ? n : room;
		bool again = true;

		memcpy(m->work + m->n, bytes, taken);
		m->n += taken;
		bytes += taken;
		n -= taken;
		while (again) {
			enum err e = step(m, cx, &again);

			if (e)
				return e;
		}
	}
	return ERR_OK;
}

enum err
multipart_end(struct multipart *m, struct ctx *cx)
{
	if (m->state != END)
		return ctx_refuse(cx, ERR_MALFORMED, "the multipart body has no closing boundary");
	if (!m->was_found)
		return ctx_refuse(cx, ERR_MALFORMED, "the form has no part of that name");
	return ERR_OK;
}
