/*
 * The mux front: many kept connections in one epoll loop, of which it hands over those that
 * have a request, a batch at a time. It never waits on a connection for longer than
 * MUX_IO_MS, and for one of them only in a turn, so that no half-sent request starves the
 * others. A request that has to wait for something else is parked: its connection leaves the
 * loop until it is answered.
 */
#ifndef LIB_HTTP_MUX_H
#define LIB_HTTP_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fcgi;
struct mux;

#define MUX_BATCH 16
#define MUX_IO_MS 100

/* Serves the listening socket listen_fd (made non-blocking; stays the caller's). NULL: no
 * memory, or the descriptor is no listening socket. */
struct mux *mux_new(int listen_fd);

/* Closes all connections; requests that were handed over must have been finished. */
void mux_free(struct mux *m);

/* Waits at most wait_ms for something to do. Returns as soon as a signal arrives (see ready.h)
 * or the watched descriptor is ready. */
void mux_wait(struct mux *m, int64_t wait_ms);

/* Reads the requests of those that mux_wait found ready; the number. */
size_t mux_take(struct mux *m, struct fcgi *ready[MUX_BATCH]);

/* Takes the connection of a request that was handed over out of the loop until mux_finish. */
void mux_park(struct mux *m, struct fcgi *f);

/* Ends a request (fcgi_finish). Its connection waits for the next one, or is closed. */
void mux_finish(struct mux *m, struct fcgi *f);

/* Waits for this descriptor, too: events are POLLIN and POLLOUT; fd -1: for none. Nothing is
 * remembered of a descriptor that was closed, so it is called anew before each mux_wait in
 * which it matters. */
void mux_watch(struct mux *m, int fd, short events);

/* Accepts no more connections, and closes each as soon as it has no request under way. */
void mux_drain(struct mux *m);

/* Connections there are, with those of parked requests. */
size_t mux_connections(const struct mux *m);

#endif
