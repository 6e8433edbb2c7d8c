/*
 * The pull front: one request at a time, each on a connection of its own. Idle workers take
 * the next connection from the socket they share, which is the fairest balancing there is
 * for requests that wait for a database.
 */
#ifndef LIB_HTTP_PULL_H
#define LIB_HTTP_PULL_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct fcgi;
struct pull;

/* Serves the listening socket listen_fd (made non-blocking; stays the caller's). NULL: no
 * memory, or the descriptor is no listening socket. io_timeout_ms bounds each read of a body
 * and each write; a read of parameters is bounded by it or half a second, whichever is less. */
struct pull *pull_new(int listen_fd, int64_t io_timeout_ms);
void pull_free(struct pull *p);

/* Waits at most wait_ms for a request and parses its parameters; returns at once when a
 * signal arrives (see ready.h). *ret_f is the caller's until fcgi_finish(f, false).
 * ERR_DEADLINE: no request came. ERR_ABORTED: one came and was broken; it is gone. */
MUST_CHECK enum err pull_accept(struct pull *p, int64_t wait_ms, struct fcgi **ret_f);

#endif
