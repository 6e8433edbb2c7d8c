/*
 * Servers that tests start: as an unprivileged user, in a directory of their own, and never
 * outliving the process that started them.
 */
#ifndef TESTS_UNIT_DAEMON_H
#define TESTS_UNIT_DAEMON_H

#include <sys/types.h>

/* Makes an empty directory under /tmp that the servers own. */
void daemon_dir(char dir[64], const char *name);
void daemon_remove_dir(const char *dir);

/* Starts argv[0] (searched in PATH) with its output in dir/log. */
pid_t daemon_start(const char *dir, const char *const argv[]);

/* Sends sig and waits for the end. Returns the exit status as waitpid gives it. */
int daemon_stop(pid_t pid, int sig);

/* Starts it and waits for its end; a status other than 0 ends this process, too. */
void daemon_run(const char *dir, const char *const argv[]);

#endif
