/*
 * A server on a port of 127.0.0.1 that answers each connection with prepared bytes, whatever
 * it is asked, and hangs up; what the last one asked can be read.
 */
#ifndef TESTS_UNIT_FAKE_HTTP_H
#define TESTS_UNIT_FAKE_HTTP_H

#include <stddef.h>
#include <sys/types.h>

enum { FAKE_HTTP_ASKED = 1 << 20 };

struct fake_http {
	/* One per connection, the last again and again; NULL: silence. */
	const char *const *answers;
	size_t n_answers;
	int port;
	pid_t pid;
	struct fake_http_seen {
		int connections;
		size_t n;
		char asked[FAKE_HTTP_ASKED]; /* of the last whole request; ends in NUL */
	} * seen;                            /* shared with the server */
};

/* Returns once it listens. */
void fake_http_start(struct fake_http *f);
void fake_http_stop(struct fake_http *f);

#endif
