/*
 * What the kernel says of a process: whether it runs, sleeps or is stopped, and the CPU time
 * it has taken. Read from /proc, so not for every beat: only when one is late.
 */
#ifndef APP_POOL_PROC_H
#define APP_POOL_PROC_H

#include <stdbool.h>
#include <stdint.h>

struct proc {
	char state; /* R, S, D, T... as in proc(5) */
	int64_t cpu_us;
	int64_t started_us; /* since the machine's boot */
};

/* False: there is no such process. */
bool proc_read(int32_t pid, struct proc *ret_proc);

/* Whether pid works in the same directory as we do and is older: a worker that our
 * predecessor left, and not a stranger who has got its number. */
bool proc_is_left(int32_t pid);

#endif
