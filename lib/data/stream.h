/*
 * A connection to a unix socket of this host, by deadlines (clock_mono_us() scale). It never
 * raises SIGPIPE and never waits longer than it is told.
 */
#ifndef LIB_DATA_STREAM_H
#define LIB_DATA_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

/* All: ERR_DEADLINE: not in time. ERR_UNAVAILABLE: nobody listens, or the peer has closed. */

/* Connects; the caller closes *ret_fd. */
MUST_CHECK enum err stream_connect(const char *path, int64_t deadline_us, int *ret_fd);

/* Sends all n bytes. */
MUST_CHECK enum err stream_send(int fd, const void *bytes, size_t n, int64_t deadline_us);

/* Takes what comes first, at least one byte, at most cap. */
MUST_CHECK enum err stream_receive(
    int fd, void *bytes, size_t cap, int64_t deadline_us, size_t *ret_n);

/* Waits until one of poll(2)'s events. */
MUST_CHECK enum err stream_wait(int fd, short events, int64_t deadline_us);

/* Whether one of poll(2)'s events, or an error, is there now. */
bool stream_is_ready(int fd, short events);

/* Whether there is something to read now: bytes, or the peer's end. */
bool stream_has_input(int fd);

#endif
