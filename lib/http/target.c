#include "lib/http/target.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <idn2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/num.h"
#include "lib/base/utf8.h"

#define HOST_MAX 253 /* RFC 1035, without the trailing dot */
#define LABEL_MAX 63
#define RAW_HOST_MAX 1024 /* before IDNA */
#define PORT_TEXT_MAX 16

/* Where a server is, in the one form in which two of them can be compared. */
struct address {
	char host[HOST_MAX + 1];
	int64_t port; /* 0: any */
};

struct target_rules {
	struct address *own;
	size_t n;
};

/* A URL taken apart: scheme "://" host port rest. */
struct parts {
	const char *host, *port, *rest; /* port with its ':', if it has one */
	size_t scheme_len, host_len, port_len;
};

static const char bad_host[] = "has no valid host";

static bool
is_ascii(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] & 0x80)
			return false;
	}
	return true;
}

/* The bytes of the host that s begins with, brackets included. */
static size_t
host_length(const char *s, size_t n)
{
	const char *end = memchr(s, *s == '[' ? ']' : ':', n);

	if (!end)
		return n;
	return (size_t)(end - s) + (*s == '[' ? 1 : 0);
}

/* NULL, or why url is none of ours to take apart. */
static const char *
split(const char *url, struct parts *ret_parts)
{
	struct parts p = { 0 };
	size_t n;

	if (strncasecmp(url, "http://", 7) == 0)
		p.scheme_len = 4;
	else if (strncasecmp(url, "https://", 8) == 0)
		p.scheme_len = 5;
	else
		return "must begin with http:// or https://";
	p.host = url + p.scheme_len + 3;
	n = strcspn(p.host, "/?#");
	if (memchr(p.host, '@', n))
		return "must not hold a user name or password";
	p.host_len = n ? host_length(p.host, n) : 0;
	if (p.host_len == 0)
		return "has no host";
	p.port = p.host + p.host_len;
	p.port_len = n - p.host_len;
	p.rest = p.host + n;
	*ret_parts = p;
	return NULL;
}

/* The host as the DNS has it (RFC 5891; UTS 46, not transitional). */
static bool
to_ascii(const char *host, size_t n, char ret_host[HOST_MAX + 2])
{
	char raw[RAW_HOST_MAX + 1];
	uint8_t *name;
	bool fits;

	if (n >= sizeof(raw))
		return false;
	memcpy(raw, host, n);
	raw[n] = '\0';
	if (is_ascii(raw, n))
		return snprintf(ret_host, HOST_MAX + 2, "%s", raw) <= HOST_MAX + 1;
	if (idn2_lookup_u8((const uint8_t *)raw, &name, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL))
		return false;
	fits = snprintf(ret_host, HOST_MAX + 2, "%s", (const char *)name) <= HOST_MAX + 1;
	idn2_free(name);
	return fits;
}

/* Whether name is labels of letters, digits, '-' and '_', joined by dots. */
static bool
has_valid_labels(const char *name)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789-_";
	size_t n;

	for (;; name += n + 1) {
		n = strspn(name, allowed);
		if (n == 0 || n > LABEL_MAX)
			return false;
		if (name[n] == '\0')
			return true;
		if (name[n] != '.')
			return false;
	}
}

/* A host in ASCII, without the trailing dot, in the form that libcurl takes. */
static bool
clean_host(const char *host, size_t n, char ret_host[HOST_MAX + 2])
{
	size_t length;

	if (!to_ascii(host, n, ret_host))
		return false;
	if (host[0] == '[') /* libcurl checks it, but takes a zone, too */
		return !strchr(ret_host, '%');
	length = strlen(ret_host);
	if (length > 0 && ret_host[length - 1] == '.')
		ret_host[--length] = '\0';
	return length <= HOST_MAX && has_valid_labels(ret_host);
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), n_end = strlen(end);

	return n >= n_end && strcmp(s + n - n_end, end) == 0;
}

/* Gives all spellings of one address the same text. This machine has many names, and any
 * of them may be in base_url. */
static void
unify_host(char host[HOST_MAX + 1])
{
	struct in6_addr v6;
	struct in_addr v4;
	bool local = strcmp(host, "localhost") == 0 || ends_with(host, ".localhost");

	if (host[0] == '[') {
		host[strlen(host) - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, &v6) != 1)
			return;
		(void)inet_ntop(AF_INET6, &v6, host, HOST_MAX + 1);
		local = IN6_IS_ADDR_LOOPBACK(&v6) || IN6_IS_ADDR_UNSPECIFIED(&v6);
		if (IN6_IS_ADDR_V4MAPPED(&v6))
			(void)inet_ntop(AF_INET, &v6.s6_addr[12], host, HOST_MAX + 1);
	}
	if (inet_pton(AF_INET, host, &v4) == 1)
		local = (ntohl(v4.s_addr) >> 24) == 127 || v4.s_addr == 0;
	if (local)
		memcpy(host, "localhost", sizeof("localhost"));
}

static bool
url_part(CURLU *u, CURLUPart what, unsigned flags, char *ret_text, size_t size)
{
	char *text;
	int n;

	if (curl_url_get(u, what, &text, flags))
		return false;
	n = snprintf(ret_text, size, "%s", text);
	curl_free(text);
	return n >= 0 && (size_t)n < size;
}

/* Has libcurl read scheme, host and port, which settles the spellings of IP addresses. */
static bool
read_address(const char *text, struct address *ret_address)
{
	char port[PORT_TEXT_MAX];
	CURLU *u = curl_url();
	bool ok;

	ok = u && curl_url_set(u, CURLUPART_URL, text, 0) == CURLUE_OK &&
	     url_part(u, CURLUPART_HOST, 0, ret_address->host, sizeof(ret_address->host)) &&
	     url_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, port, sizeof(port)) &&
	     num_parse(port, strlen(port), 1, 65535, &ret_address->port) == ERR_OK;
	curl_url_cleanup(u);
	return ok;
}

/* Whether s is nothing, or ':' and digits; the value is libcurl's to check. */
static bool
is_port(const char *s, size_t n)
{
	if (n > PORT_TEXT_MAX || (n > 0 && *s != ':'))
		return false;
	for (size_t i = 1; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
	}
	return true;
}

static const char *
locate(const struct parts *p, struct address *ret_address)
{
	char host[HOST_MAX + 2];
	char text[sizeof("https://") + sizeof(host) + PORT_TEXT_MAX];

	if (!clean_host(p->host, p->host_len, host))
		return bad_host;
	if (!is_port(p->port, p->port_len))
		return "has no valid port";
	(void)snprintf(text, sizeof(text), "%s://%s%.*s", p->scheme_len == 4 ? "http" : "https",
	    host, (int)p->port_len, p->port);
	if (!read_address(text, ret_address))
		return "has no valid host or port";
	for (char *c = ret_address->host; *c; c++) {
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	}
	unify_host(ret_address->host);
	return NULL;
}

/* The address in `host` or `host:port`, n bytes; without a port, port is absent_port. */
static bool
locate_host(const char *s, size_t n, int64_t absent_port, struct address *ret_address)
{
	struct parts p = { .host = s, .scheme_len = 4 };

	if (n == 0)
		return false;
	p.host_len = host_length(s, n);
	p.port = s + p.host_len;
	p.port_len = n - p.host_len;
	if (locate(&p, ret_address))
		return false;
	if (p.port_len == 0)
		ret_address->port = absent_port;
	return true;
}

/* HTTP and HTTPS on their default ports are one site. */
static bool
same_port(int64_t a, int64_t b)
{
	return a == b || ((a == 80 || a == 443) && (b == 80 || b == 443));
}

static bool
is_at(const struct address *own, const struct address *a)
{
	return strcmp(own->host, a->host) == 0 && (own->port == 0 || same_port(own->port, a->port));
}

static bool
is_own(const struct target_rules *r, const char *host, const struct address *a)
{
	struct address asked;

	for (size_t i = 0; i < r->n; i++) {
		if (is_at(&r->own[i], a))
			return true;
	}
	return host && locate_host(host, strlen(host), 80, &asked) && is_at(&asked, a);
}

static size_t
count_commas(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s == ',';
	return n;
}

/* Adds each entry of a comma-separated list; false: not such a list. */
static bool
add_own_hosts(struct target_rules *r, const char *list)
{
	size_t n, trimmed;

	for (;; list += n + 1) {
		n = strcspn(list, ",");
		trimmed = n;
		for (; trimmed > 0 && *list == ' '; list++, n--)
			trimmed--;
		while (trimmed > 0 && list[trimmed - 1] == ' ')
			trimmed--;
		if (trimmed > 0) {
			if (!locate_host(list, trimmed, 0, &r->own[r->n]))
				return false;
			r->n++;
		}
		if (list[n] == '\0')
			return true;
	}
}

struct target_rules *
target_rules_new(const char *base_url, const char *own_hosts)
{
	struct target_rules *r = calloc(1, sizeof(*r));
	struct parts p;

	if (!r)
		return NULL;
	if (!own_hosts)
		own_hosts = "";
	r->own = calloc(count_commas(own_hosts) + 2, sizeof(*r->own));
	if (!r->own || split(base_url, &p) || locate(&p, &r->own[r->n++]) ||
	    !add_own_hosts(r, own_hosts)) {
		target_rules_free(r);
		return NULL;
	}
	return r;
}

void
target_rules_free(struct target_rules *r)
{
	if (!r)
		return;
	free(r->own);
	free(r);
}

/* Bytes of s once each that is not ASCII is written %XX. */
static size_t
encoded_length(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += *s & 0x80 ? 3 : 1;
	return n;
}

/* Whether url's Location fits TARGET_MAX. */
static bool
fits(const struct parts *p)
{
	char host[HOST_MAX + 2];
	size_t n = p->scheme_len + strlen("://") + p->port_len + encoded_length(p->rest);

	if (is_ascii(p->host, p->host_len))
		return n + p->host_len <= TARGET_MAX;
	return to_ascii(p->host, p->host_len, host) && n + strlen(host) <= TARGET_MAX;
}

const char *
target_refusal(const struct target_rules *r, const char *host, const char *url)
{
	struct address a;
	struct parts p;
	const char *why;

	if (utf8_has_blank(url) || utf8_has_control(url))
		return "must not hold blanks or control characters; percent-encode them";
	why = split(url, &p);
	if (why)
		return why;
	why = locate(&p, &a);
	if (why)
		return why;
	if (!fits(&p))
		return "is longer than 2048 bytes";
	if (is_own(r, host, &a))
		return "must not lead back to this service";
	return NULL;
}

static void
add_encoded(struct buf *out, const char *s)
{
	size_t run;

	for (; *s; s += run) {
		for (run = 0; s[run] && !(s[run] & 0x80); run++)
			continue;
		buf_add(out, s, run);
		if (run == 0) {
			buf_printf(out, "%%%02X", (unsigned)(unsigned char)*s);
			run = 1;
		}
	}
}

const char *
target_location(struct arena *a, const char *url)
{
	char host[HOST_MAX + 2];
	struct buf out;
	struct parts p;

	if (split(url, &p) || !fits(&p))
		return NULL;
	if (is_ascii(url, strlen(url)))
		return url;
	buf_init(&out, a);
	buf_add(&out, url, (size_t)(p.host - url));
	if (is_ascii(p.host, p.host_len))
		buf_add(&out, p.host, p.host_len);
	else if (to_ascii(p.host, p.host_len, host))
		buf_adds(&out, host);
	else
		return NULL;
	buf_add(&out, p.port, p.port_len);
	add_encoded(&out, p.rest);
	return buf_str(&out);
}
