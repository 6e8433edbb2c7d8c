/*
 * The frame of a program of which one runs per host: settings, log, metrics, signals, and the
 * lock that makes a second one wait for the first one's end.
 */
#ifndef LIB_BASE_DAEMON_H
#define LIB_BASE_DAEMON_H

#include <stdbool.h>
#include <stddef.h>

struct settings;

struct daemon {
	const char *name; /* the program's */
	const char *lock; /* the lock's file */
	size_t home;      /* offset in struct settings of the text that names its folder */

	/* The program's work, until signal_fd (stop.h) says to end. False: it could not begin,
	 * and why (why_size bytes) says why. */
	bool (*serve)(const struct settings *s, int signal_fd, char *why, size_t why_size);
};

/* All of main; returns the exit status. */
int daemon_main(const struct daemon *d);

#endif
