/*
 * A server on a unix socket that answers with prepared bytes, whatever it is asked: for what
 * a real Redis does only when it breaks.
 */
#ifndef TESTS_UNIT_FAKE_REDIS_H
#define TESTS_UNIT_FAKE_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct fake_redis {
	/* Of each connection: one for each thing that is sent to it, "" for none. Then it hangs
	 * up, or stays silent. */
	const char *const *answers;
	size_t n_answers;
	bool hang_up;
	pid_t pid;
};

/* Returns once it listens. The answers must live as long as it does. */
void fake_redis_start(struct fake_redis *f, const char *socket);
void fake_redis_stop(struct fake_redis *f);

#endif
