#include "lib/http/multipart.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "lib/base/arena.h"
#include "lib/base/ctx.h"

enum { BOUNDARY_MAX = 70, HEADERS_MAX = 8192, TAIL_MAX = 64, VALUE_SIZE = 256 };

enum state {
	BODY,    /* of a part, or the preamble */
	TAIL,    /* of a line that began with a boundary: is it one? */
	HEADERS, /* of a part */
	END      /* the closing boundary was there; what follows does not count */
};

struct multipart {
	multipart_fn *fn;
	void *arg;
	const char *name;
	enum state state;
	bool is_wanted; /* the part that is being read */
	bool was_found;
	char delimiter[4 + BOUNDARY_MAX]; /* line break, "--", boundary */
	size_t delimiter_n;
	size_t matched; /* bytes of it that the body ends in so far */
	char tail[TAIL_MAX];
	size_t tail_n;
	char headers[HEADERS_MAX]; /* after a line break, so that each line begins with one */
	size_t headers_n;
};

/*
 * Parameters of a header value (RFC 2045 5.1): `; name=token` or `; name="text"`.
 */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* The end of a value at s; NULL: it is quoted, and the quote is never closed. */
static const char *
value_end(const char *s, const char *end)
{
	const char *semicolon;

	if (s < end && *s == '"') {
		for (s++; s < end; s++) {
			if (*s == '"')
				return s + 1;
			if (*s == '\\')
				s++;
		}
		return NULL;
	}
	semicolon = memchr(s, ';', (size_t)(end - s));
	return semicolon ? semicolon : end;
}

/* Copies a value without its quotes and escapes; false: it is longer than any of ours. */
static bool
copy_value(const char *s, const char *end, char ret_value[VALUE_SIZE])
{
	bool quoted = s < end && *s == '"';
	size_t n = 0;

	if (quoted) {
		s++;
		end--;
	}
	while (!quoted && end > s && is_blank(end[-1]))
		end--;
	for (; s < end && n < VALUE_SIZE - 1; s++) {
		if (quoted && *s == '\\')
			s++;
		ret_value[n++] = *s;
	}
	ret_value[n] = '\0';
	return s >= end;
}

/* Finds the parameter `name` of the header value from s to end. */
static bool
parameter(const char *s, const char *end, const char *name, char ret_value[VALUE_SIZE])
{
	size_t n = strlen(name), key_n;
	const char *key, *after;

	while ((s = memchr(s, ';', (size_t)(end - s)))) {
		do
			s++;
		while (s < end && is_blank(*s));
		key = s;
		while (s < end && *s != '=' && *s != ';')
			s++;
		if (s == end || *s == ';')
			continue;
		key_n = (size_t)(s - key);
		after = value_end(++s, end);
		if (!after)
			return false;
		if (key_n == n && strncasecmp(key, name, n) == 0)
			return copy_value(s, after, ret_value);
		s = after;
	}
	return false;
}

static bool
is_boundary(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > BOUNDARY_MAX)
		return false;
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	}
	return true;
}

struct multipart *
multipart_new(
    struct arena *a, const char *content_type, const char *name, multipart_fn *fn, void *arg)
{
	struct multipart *m;
	char boundary[VALUE_SIZE];

	if (!parameter(content_type, content_type + strlen(content_type), "boundary", boundary) ||
	    !is_boundary(boundary))
		return NULL;
	m = arena_alloc(a, sizeof(*m));
	if (!m)
		return NULL;
	m->fn = fn;
	m->arg = arg;
	m->name = name;
	m->delimiter_n = 4 + strlen(boundary);
	memcpy(m->delimiter, "\r\n--", 4);
	memcpy(m->delimiter + 4, boundary, m->delimiter_n - 4);
	m->matched = 2; /* the first boundary needs no line break before it */
	return m;
}

static enum err
give(struct multipart *m, const char *bytes, size_t n)
{
	return m->is_wanted && n > 0 ? m->fn(m->arg, bytes, n) : ERR_OK;
}

/* Each of these takes some of the n > 0 bytes. */

/* A line break can begin a delimiter and is nowhere else in it, so that a match which fails
 * need not be tried again from its middle. */
static enum err
take_body(struct multipart *m, const char *bytes, size_t n, size_t *ret_taken)
{
	const char *line_break;
	size_t failed = m->matched;

	if (*bytes == m->delimiter[m->matched]) {
		*ret_taken = 1;
		if (++m->matched == m->delimiter_n) {
			m->state = TAIL;
			m->tail_n = 0;
		}
		return ERR_OK;
	}
	m->matched = 0;
	if (failed > 0) {
		*ret_taken = 0;
		return give(m, m->delimiter, failed);
	}
	line_break = memchr(bytes, '\r', n);
	*ret_taken = line_break ? (size_t)(line_break - bytes) : n;
	return give(m, bytes, *ret_taken);
}

/* The line is content after all. A carriage return at its end begins no delimiter: the
 * line feed that would come next ends the tail. */
static enum err
give_line(struct multipart *m)
{
	enum err e;

	m->state = BODY;
	m->matched = 0;
	e = give(m, m->delimiter, m->delimiter_n);
	if (e)
		return e;
	return give(m, m->tail, m->tail_n);
}

/* Whether c may come next: "--", or blanks and a line break. */
static bool
fits_tail(const struct multipart *m, char c)
{
	char last = m->tail_n > 0 ? m->tail[m->tail_n - 1] : ' ';

	if (m->tail_n == TAIL_MAX)
		return false;
	if (last == '\r')
		return c == '\n';
	if (last == '-')
		return c == '-';
	return is_blank(c) || c == '\r' || (c == '-' && m->tail_n == 0);
}

static enum err
take_tail(struct multipart *m, char c, size_t *ret_taken)
{
	*ret_taken = 0;
	if (!fits_tail(m, c))
		return give_line(m);
	*ret_taken = 1;
	m->tail[m->tail_n++] = c;
	if (c == '\n') {
		m->state = HEADERS;
		memcpy(m->headers, "\r\n", 2);
		m->headers_n = 2;
	} else if (c == '-' && m->tail_n == 2) {
		m->state = END;
	}
	return ERR_OK;
}

/* Whether the headers are those of the part that is wanted. */
static bool
has_our_name(const struct multipart *m)
{
	static const char line[] = "\r\nContent-Disposition:";
	const char *s = m->headers, *end = s + m->headers_n;
	char name[VALUE_SIZE];

	for (; (size_t)(end - s) >= sizeof(line) - 1; s++) {
		if (strncasecmp(s, line, sizeof(line) - 1) != 0)
			continue;
		s += sizeof(line) - 1;
		end = memchr(s, '\r', (size_t)(end - s));
		assert(end); /* they end in a line break */
		return parameter(s, end, "name", name) && strcmp(name, m->name) == 0;
	}
	return false;
}

static enum err
take_header(struct multipart *m, struct ctx *cx, char c)
{
	if (m->headers_n == HEADERS_MAX)
		return ctx_refuse(
		    cx, ERR_MALFORMED, "the headers of a multipart part are too long");
	m->headers[m->headers_n++] = c;
	if (m->headers_n < 4 || memcmp(m->headers + m->headers_n - 4, "\r\n\r\n", 4) != 0)
		return ERR_OK;
	/* Of several parts with the name the first counts. */
	m->is_wanted = !m->was_found && has_our_name(m);
	m->was_found |= m->is_wanted;
	m->state = BODY;
	m->matched = 0;
	return ERR_OK;
}

static enum err
take(struct multipart *m, struct ctx *cx, const char *bytes, size_t n, size_t *ret_taken)
{
	switch (m->state) {
	case BODY:
		return take_body(m, bytes, n, ret_taken);
	case TAIL:
		return take_tail(m, *bytes, ret_taken);
	case HEADERS:
		*ret_taken = 1;
		return take_header(m, cx, *bytes);
	case END:
		break;
	}
	*ret_taken = n;
	return ERR_OK;
}

enum err
multipart_feed(struct multipart *m, struct ctx *cx, const char *bytes, size_t n)
{
	size_t taken = 0;
	enum err e;

	for (; n > 0; bytes += taken, n -= taken) {
		e = take(m, cx, bytes, n, &taken);
		if (e)
			return e;
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
