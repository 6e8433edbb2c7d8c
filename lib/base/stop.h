/*
 * The signals of a daemon that has one loop, as a descriptor to wait for beside others.
 */
#ifndef LIB_BASE_STOP_H
#define LIB_BASE_STOP_H

#include <stdbool.h>

/* Blocks SIGTERM, SIGINT and SIGHUP and returns the descriptor that tells of them; -1:
 * errno says why. SIGPIPE is ignored from now on. */
int stop_open(void);

/* Takes what has come, reopens the log for SIGHUP, and returns whether to stop. Never
 * blocks. */
bool stop_turn(int fd);

#endif
