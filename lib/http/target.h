/*
 * Target URLs: the one rule of what terse redirects to, and the Location that goes out.
 * Used at create, edit and import, and again before redirecting. Parsing is libcurl's,
 * host names are libidn2's.
 */
#ifndef LIB_HTTP_TARGET_H
#define LIB_HTTP_TARGET_H

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct arena;
struct target_rules;

/* Most bytes of a Location. */
#define TARGET_MAX 2048

/* Rules that refuse our own addresses: base_url's, and each of own_hosts (comma-separated
 * host or host:port; without a port any port). NULL: no memory, or not such a list. */
struct target_rules *target_rules_new(const char *base_url, const char *own_hosts);
void target_rules_free(struct target_rules *r);

/* NULL: url may be followed. Otherwise static text: why not. url is valid UTF-8 without
 * NUL; host is the request's Host header, also refused as our own, or NULL. */
const char *target_refusal(const struct target_rules *r, const char *host, const char *url);

/* The Location of a checked url: url itself when it is ASCII; otherwise other
 * bytes percent-encoded and the host as punycode (RFC 3987 3.1, RFC 5891). NULL: no memory,
 * or longer than TARGET_MAX, or the host has no such form. */
const char *target_location(struct arena *a, const char *url);

#endif
