/*
 * The daemons' HTTP client, over libcurl. Calls go on side by side while the program's own
 * loop does: client_wait is where it waits, for them and for its own descriptors, and nothing
 * else here blocks. Each call ends by its deadline. Redirects and proxies are not followed.
 */
#ifndef LIB_HTTP_CLIENT_H
#define LIB_HTTP_CLIENT_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

enum { CLIENT_HEADERS_MAX = 8, CLIENT_FDS_MAX = 8 };

struct client;
struct client_call;

/* Texts and body are borrowed until the call is freed. */
struct client_request {
	const char *method;                      /* NULL: GET */
	const char *url;                         /* http or https */
	const char *headers[CLIENT_HEADERS_MAX]; /* as "Name: value"; NULL ends them */
	const char *body;                        /* NULL: none */
	size_t body_n;
	int64_t timeout_ms;
	bool trusts_anyone; /* the peer's certificate is looked at, not believed */
};

/* Texts live as long as the call. */
struct client_answer {
	enum err e; /* ERR_DEADLINE, ERR_UNAVAILABLE, ERR_MEMORY, ERR_INVALID (the URL); status
	             * then is 0. An answer is ERR_OK, whatever its status. */
	int status;
	int64_t retry_after_s; /* -1: it does not say */
	const char *body;      /* what of it fits; ends in NUL */
	size_t body_n;
	int64_t certificate_end_s; /* since 1970: when the peer's expires; 0: not asked for */
	const char *why;           /* of an error */
};

/* Bodies of answers are cut after max_bytes. NULL: no memory. */
struct client *client_new(size_t max_bytes);
void client_free(struct client *c); /* its calls are freed before */

/* Begins; the caller frees the call. NULL: no memory. */
struct client_call *client_begin(struct client *c, const struct client_request *rq);
void client_call_free(struct client_call *call); /* ends it if it goes on */

/* NULL while it goes on. */
const struct client_answer *client_answer(const struct client_call *call);

/* Waits until a call can go on, one of fds (at most CLIENT_FDS_MAX) has one of its events, or
 * timeout_ms have passed; then does for all calls what can be done. It does not say which fd
 * is ready: try all. */
void client_wait(struct client *c, const struct pollfd *fds, size_t n, int timeout_ms);

#endif
