/*
 * There is one terse-ingest per journal: it holds a lock on a file in the journal's
 * directory, which the kernel takes back when it dies.
 */
#ifndef APP_INGEST_LOCK_H
#define APP_INGEST_LOCK_H

#include <stdbool.h>

/* Opens dir's lock file; the directory is made when missing. -1: errno says why. The
 * caller closes it, which gives the lock back. */
int lock_open(const char *dir);

/* Takes the lock if nobody holds it. */
bool lock_try(int fd);

#endif
