#include "app/terse/log_nginx.h"

#include <ctype.h>
#include <string.h>

#include "lib/base/attr.h"
#include "lib/base/num.h"
#include "lib/base/utf8.h"

enum { STAMP_LEN = 20 }; /* "2026/11/25 11:22:33 " */

static const struct {
	const char *name;
	enum log_level level;
} levels[] = {
	{ "debug", LOG_DEBUG },
	{ "info", LOG_INFO },
	{ "notice", LOG_INFO },
	{ "warn", LOG_WARN },
	{ "error", LOG_ERROR },
	{ "crit", LOG_ERROR },
	{ "alert", LOG_ERROR },
	{ "emerg", LOG_ERROR },
};

static bool
begins(const char *s, const char *with)
{
	return strncmp(s, with, strlen(with)) == 0;
}

/* Whether s begins like the pattern, in which '0' stands for a digit. */
static bool
is_like(const char *s, const char *pattern)
{
	for (; *pattern != '\0'; s++, pattern++)
		if (*pattern == '0' ? !isdigit((unsigned char)*s) : *s != *pattern)
			return false;
	return true;
}

/* The level in brackets at *s, and what is after it. */
static bool
read_level(const char **s, enum log_level *ret)
{
	for (size_t i = 0; i < N(levels); i++) {
		size_t n = strlen(levels[i].name);

		if (begins(*s, levels[i].name) && begins(*s + n, "] ")) {
			*s += n + 2;
			*ret = levels[i].level;
			return true;
		}
	}
	return false;
}

/* "123#0: " */
static bool
read_pid(const char **s, int64_t *ret)
{
	size_t n = strspn(*s, "0123456789"), thread;

	if ((*s)[n] != '#' || num_parse(*s, n, 0, INT32_MAX, ret) != ERR_OK)
		return false;
	*s += n + 1;
	thread = strspn(*s, "0123456789");
	if (!begins(*s + thread, ": "))
		return false;
	*s += thread + 2;
	return true;
}

/* "*5 ", the number of the connection, which not all lines have. */
static void
skip_connection(const char **s)
{
	size_t n;

	if (**s != '*')
		return;
	n = 1 + strspn(*s + 1, "0123456789");
	if ((*s)[n] == ' ')
		*s += n + 1;
}

static void
copy(char *out, size_t size, const char *s, size_t n)
{
	utf8_copy_clean(out, size, s, n);
}

/* What is between `before` and one of the bytes `ends`; "" if there is none. */
static const char *
find_part(const char *s, const char *before, const char *ends, size_t *ret_n)
{
	const char *at = strstr(s, before);

	at = at ? at + strlen(before) : "";
	*ret_n = strcspn(at, ends);
	return at;
}

static void
read_request(const char *s, struct log_nginx *ret)
{
	size_t n;
	const char *at = find_part(s, ", client: ", ",", &n);

	copy(ret->client, sizeof(ret->client), at, n);
	at = find_part(s, ", request: \"", " ?\"", &n);
	copy(ret->method, sizeof(ret->method), at, n);
	/* A target that is no path may name a user, with the password. */
	if (at[n] != ' ' || at[n + 1] != '/')
		return;
	at += n + 1;
	copy(ret->path, sizeof(ret->path), at, strcspn(at, " ?\""));
}

/* Up to what was said of the request, or to what the client has sent. */
static size_t
message_length(const char *s)
{
	const char *end = strstr(s, ", client: "), *quoted = strstr(s, ": \"");

	if (begins(s, "client sent") && quoted && (!end || quoted < end))
		end = quoted;
	return end ? (size_t)(end - s) : strlen(s);
}

/* On the level info nginx tells of each connection that ends. */
static void
judge(struct log_nginx *l, bool is_info)
{
	bool is_tls = strstr(l->diag, "SSL") != NULL;

	l->is_chaff = is_tls || begins(l->diag, "client sent");
	l->is_noise = is_info && !l->is_chaff;
	/* Whatever a client does in a handshake is no error of ours, though nginx takes some of
	 * it for one. */
	if (is_tls && l->client[0] != '\0')
		l->level = LOG_WARN;
}

bool
log_nginx_parse(const char *line, struct log_nginx *ret)
{
	const char *s = line;
	bool is_info;

	memset(ret, 0, sizeof(*ret));
	if (!is_like(s, "0000/00/00 00:00:00 ["))
		return false;
	s += STAMP_LEN + 1;
	is_info = begins(s, "info]");
	if (!read_level(&s, &ret->level) || !read_pid(&s, &ret->pid))
		return false;
	skip_connection(&s);
	copy(ret->diag, sizeof(ret->diag), s, message_length(s));
	read_request(s, ret);
	judge(ret, is_info);
	return true;
}
