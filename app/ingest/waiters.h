/*
 * The server's side of lib/data/barrier.h: workers that wait until what was journaled before
 * they came is stored. It never blocks; it is one descriptor to wait for and a call to make
 * when that is readable.
 */
#ifndef APP_INGEST_WAITERS_H
#define APP_INGEST_WAITERS_H

#include <stdint.h>

struct waiters;

/* Listens on run_dir's socket (mode 0660), in place of one that a dead process left: the
 * caller holds the lock that makes it the only one. At most `most` may wait; more are told
 * so at once. NULL: errno says why. */
struct waiters *waiters_new(const char *run_dir, int most);

/* Removes the socket; those that wait are hung up on. */
void waiters_free(struct waiters *w);

/* Readable when waiters_turn has something to do. */
int waiters_fd(const struct waiters *w);

/* Takes in who has come, and forgets who has hung up. */
void waiters_turn(struct waiters *w);

/* How many wait. */
int waiters_count(const struct waiters *w);

/* Everything journaled before stored_us (clock_mono_us() scale) is stored: answers those
 * that came before it. */
void waiters_answer(struct waiters *w, int64_t stored_us);

#endif
