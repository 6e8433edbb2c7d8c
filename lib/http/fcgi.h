/*
 * FastCGI over libfcgi: the only module that knows it. It accepts connections itself, so
 * that a worker can also be told to stop, and lets libfcgi parse the request and frame
 * the response. Pull front: one request per connection. Each read and write is bounded in
 * time, the request as a whole is not: the peer is the web server, which alone may connect.
 */
#ifndef LIB_HTTP_FCGI_H
#define LIB_HTTP_FCGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct fcgi;
struct resp;

/* Serves the listening socket listen_fd (made non-blocking; stays the caller's). NULL: no
 * memory, or the descriptor is no listening socket. io_timeout_ms bounds each read of a body
 * and each write; a read of parameters is bounded by it or half a second, whichever is less.
 * SIGPIPE gets an empty handler if it had none. */
struct fcgi *fcgi_new(int listen_fd, int64_t io_timeout_ms);
void fcgi_free(struct fcgi *f);

/* Waits at most wait_ms for a request and parses its parameters; returns at once when a
 * signal arrives. Signals that the caller blocks are let in while it waits, and nowhere else,
 * so none is lost between the caller's check and the wait. ERR_DEADLINE: no request came.
 * ERR_ABORTED: one came and was broken; it is gone. */
MUST_CHECK enum err fcgi_accept(struct fcgi *f, int64_t wait_ms);

/* A parameter of the request; NULL when absent. Lives until fcgi_finish. */
const char *fcgi_param(const struct fcgi *f, const char *name);

/* Reads body bytes: the number read (n unless the end came), 0 at the end, -1 when the web
 * server broke off or fell silent. */
int64_t fcgi_read(struct fcgi *f, char *bytes, size_t n);

/* Writes status line, headers and body of rs (no body for HEAD, which still has its
 * Content-Length); what is short leaves with fcgi_finish. ERR_ABORTED: the web server went
 * away. */
MUST_CHECK enum err fcgi_send(struct fcgi *f, const struct resp *rs, bool head);

/* Reads the rest of the body, ends the request and closes its connection. */
void fcgi_finish(struct fcgi *f);

#endif
