/*
 * A program that may run once only, per host or per folder: it holds a lock on a file, which
 * the kernel takes back when it dies.
 */
#ifndef LIB_BASE_LOCK_H
#define LIB_BASE_LOCK_H

#include <stdbool.h>

/* Opens the file `name` in dir; the directory is made when missing. -1: errno says why. The
 * caller closes it, which gives the lock back. */
int lock_open(const char *dir, const char *name);

/* Takes the lock if nobody holds it. */
bool lock_try(int fd);

#endif
