/*
 * A server on PostgreSQL's unix socket that lets everybody in and then answers each query
 * with prepared bytes: for what a real one does only when it breaks.
 */
#ifndef TESTS_UNIT_FAKE_PG_H
#define TESTS_UNIT_FAKE_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Answers, made of protocol messages. */
#define FAKE_OK                                                                                    \
	"1\0\0\0\4"                                                                                \
	"2\0\0\0\4"                                                                                \
	"n\0\0\0\4"                                                                                \
	"C\0\0\0\7OK\0"                                                                            \
	"Z\0\0\0\5I"
#define FAKE_POOLER "E\0\0\0\34SFATAL\0C08P01\0Mcrashed\0\0"
#define FAKE_NO_SERVER "E\0\0\0\62SFATAL\0C08P01\0Mserver login has been failing\0\0"
#define FAKE_SERIAL                                                                                \
	"E\0\0\0\31SERROR\0C40001\0Monce\0\0"                                                      \
	"Z\0\0\0\5I"
#define FAKE_PROTOCOL                                                                              \
	"E\0\0\0\31SERROR\0C08P01\0Mbind\0\0"                                                      \
	"Z\0\0\0\5I"

struct fake_answer {
	const char *bytes; /* NULL: stay silent */
	size_t n;
	bool close; /* hang up then */
};
#define FAKE_ANSWER(text, close)                                                                   \
	{                                                                                          \
		text, sizeof(text) - 1, close                                                      \
	}

struct fake_pg {
	const char *dir;
	const struct fake_answer *answers; /* one per query; the last again and again */
	int n_answers;
	const char *login; /* NULL: the right one; "": silence */
	int start_after_ms;
	pid_t pid;
	struct fake_counts {
		int connections, queries;
	} * counts; /* shared with the server */
};

/* Starts the server of f->dir; returns once it listens, or at once with start_after_ms. */
void fake_pg_start(struct fake_pg *f);
void fake_pg_stop(struct fake_pg *f);

#endif
