#include "lib/base/metric_process.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/base/metric.h"
#include "lib/base/num.h"

enum {
	SECOND_US = 1000 * 1000,
	INTERVAL_US = SECOND_US,
	FILES_INTERVAL_US = 10 * SECOND_US /* as many system calls as there are files */
};

static int64_t
microseconds(const struct timeval *t)
{
	return (int64_t)t->tv_sec * SECOND_US + t->tv_usec;
}

static void
count_cpu(struct metric_process *p)
{
	struct rusage used;
	int64_t cpu_us;

	if (getrusage(RUSAGE_SELF, &used) != 0)
		return;
	cpu_us = microseconds(&used.ru_utime) + microseconds(&used.ru_stime);
	if (cpu_us <= p->cpu_us)
		return;
	metric_add(M_PROCESS_CPU, p->program, 0, 0, (uint64_t)(cpu_us - p->cpu_us));
	p->cpu_us = cpu_us;
}

/* The second number in /proc/self/statm is the resident pages. */
static bool
resident_pages(int64_t *ret_pages)
{
	char text[128];
	const char *at;
	ssize_t n;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	at = text + strcspn(text, " ");
	at += *at == ' ';
	return num_parse(at, strcspn(at, " "), 0, INT64_MAX, ret_pages) == ERR_OK;
}

static void
set_memory(const struct metric_process *p)
{
	int64_t pages;

	if (resident_pages(&pages))
		metric_set_at(
		    M_PROCESS_MEMORY, p->program, 0, (double)pages * (double)sysconf(_SC_PAGESIZE));
}

static void
set_files(const struct metric_process *p)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = -1; /* but for the directory's own */
	const struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	closedir(dir);
	metric_set_at(M_PROCESS_FILES, p->program, 0, n);
}

void
metric_process_turn(struct metric_process *p, int64_t now_us)
{
	if (now_us < p->due_us)
		return;
	p->due_us = now_us + INTERVAL_US;
	metric_set_at(M_PROCESSES, p->program, 0, 1);
	count_cpu(p);
	set_memory(p);
	if (now_us < p->files_due_us)
		return;
	p->files_due_us = now_us + FILES_INTERVAL_US;
	set_files(p);
}
