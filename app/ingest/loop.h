/*
 * The event loop of terse-ingest: it runs each task when it is due, one after the other,
 * and waits for workers and signals in between.
 */
#ifndef APP_INGEST_LOOP_H
#define APP_INGEST_LOOP_H

struct ingest;

/* Runs until a signal of signal_fd says to stop; then stores what the journal holds, for
 * at most three seconds, and returns. */
void loop_run(struct ingest *in, int signal_fd);

#endif
