/*
 * The signals of terse-ingest, as a descriptor to wait for beside others.
 */
#ifndef APP_INGEST_SIGNALS_H
#define APP_INGEST_SIGNALS_H

#include <stdbool.h>

/* Blocks SIGTERM, SIGINT and SIGHUP and returns the descriptor that tells of them; -1:
 * errno says why. SIGPIPE is ignored from now on. */
int signals_open(void);

/* Takes what has come, reopens the log for SIGHUP, and returns whether to stop. Never
 * blocks. */
bool signals_turn(int fd);

#endif
