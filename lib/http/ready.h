/*
 * What both fronts wait by: epoll_wait(2), with the signals that the caller blocks let in
 * meanwhile, so that none is lost between a look at them and the wait, and none waits for
 * the end of a load under which there is always a request.
 */
#ifndef LIB_HTTP_READY_H
#define LIB_HTTP_READY_H

#include <stdint.h>

struct epoll_event;

struct ready {
	int epoll_fd; /* the caller's */
	int64_t heard_us;
};

/* Waits at most wait_ms for some of at most max events; their number, 0 also when a signal has
 * arrived. */
int ready_wait(struct ready *r, struct epoll_event *events, int max, int64_t wait_ms);

#endif
