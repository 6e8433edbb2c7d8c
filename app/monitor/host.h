/*
 * What the kernel says of this machine: CPU, memory, and the disk that clicks wait on.
 */
#ifndef APP_MONITOR_HOST_H
#define APP_MONITOR_HOST_H

#include <stdbool.h>
#include <stdint.h>

/* Ticks since the machine's boot. */
struct host_cpu {
	int64_t used, all;
};

/* Reads what /proc/stat holds. False: that is no such file. */
bool host_cpu_parse(const char *text, struct host_cpu *ret_cpu);

/* Part of the time between two looks that was used, 0..1; 0 when no time has passed. */
double host_cpu_ratio(const struct host_cpu *was, const struct host_cpu *is);

/* Part of the memory that is used, of what /proc/meminfo holds; negative: no such file. */
double host_memory_ratio(const char *text);

/* Sets the gauges; cpu is the last look's, all zero at first. */
void host_look(struct host_cpu *cpu, const char *journal_dir);

#endif
