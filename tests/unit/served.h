/*
 * One FastCGI front and its client in one thread: what a test needs to have a request that
 * really came over a socket. A failure of the machinery itself is an assert().
 */
#ifndef TESTS_UNIT_SERVED_H
#define TESTS_UNIT_SERVED_H

#include <stddef.h>

#include "lib/base/ctx.h"
#include "tests/unit/fcgi_client.h"

struct dispatch;
struct pull;

struct served {
	struct pull *pull;
	struct fcgi *fcgi; /* the request accepted last */
	struct arena *arena;
	struct ctx cx;
	int listen_fd;
	int fd; /* the client's end of the connection */
};

void served_start(struct served *s);
void served_stop(struct served *s);

/* Sends a request (pairs as for fcgi_client_params) and accepts it. */
void served_request(struct served *s, const char *const *pairs, const char *body, size_t n);

/* Answers the request as d says, with memory of a, and ends it. */
void served_answer(struct served *s, const struct dispatch *d, struct arena *a);

/* Ends the request unanswered, so that another can come. */
void served_drop(struct served *s);

#endif
