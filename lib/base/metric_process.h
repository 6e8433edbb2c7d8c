/*
 * What a process uses, as metrics by its program: it is there, CPU time, memory, open files.
 * For loops that turn at least every second or so; a call costs a look at the clock's value
 * that the loop has, and every second some system calls.
 */
#ifndef LIB_BASE_METRIC_PROCESS_H
#define LIB_BASE_METRIC_PROCESS_H

#include <stdint.h>

#include "lib/base/metric_label.h"

/* Zeroed but for program. */
struct metric_process {
	enum metric_program program;
	int64_t due_us, files_due_us; /* clock_mono_us() scale */
	int64_t cpu_us;               /* that is counted */
};

/* Measures anew when a second has passed since the last time. */
void metric_process_turn(struct metric_process *p, int64_t now_us);

#endif
