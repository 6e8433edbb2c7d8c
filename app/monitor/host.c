#include "app/monitor/host.h"

#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/base/attr.h"
#include "lib/base/metric.h"
#include "lib/base/num.h"

enum { FILE_MAX = 4096 };

/* Columns of /proc/stat's first line. */
enum { USER, NICE, SYSTEM, IDLE, IOWAIT, IRQ, SOFTIRQ, STEAL, COLUMNS };

/* The next number of a line, behind blanks; *at moves on. */
static bool
next_number(const char **at, int64_t *ret_number)
{
	const char *s = *at + strspn(*at, " ");
	size_t n = strspn(s, "0123456789");

	*at = s + n;
	return num_parse(s, n, 0, INT64_MAX / 1024, ret_number) == ERR_OK;
}

bool
host_cpu_parse(const char *text, struct host_cpu *ret_cpu)
{
	struct host_cpu cpu = { 0 };
	const char *at = text + 4;

	if (strncmp(text, "cpu ", 4) != 0)
		return false;
	for (int i = 0; i < COLUMNS; i++) {
		int64_t ticks;

		if (!next_number(&at, &ticks))
			return false;
		cpu.all += ticks;
		cpu.used += i == IDLE || i == IOWAIT ? 0 : ticks;
	}
	*ret_cpu = cpu;
	return true;
}

double
host_cpu_ratio(const struct host_cpu *was, const struct host_cpu *is)
{
	int64_t all = is->all - was->all, used = is->used - was->used;

	if (all <= 0 || used < 0) /* the kernel's sums may go back a little */
		return 0;
	return used > all ? 1 : (double)used / (double)all;
}

/* The kilobytes on the line that begins with label. */
static bool
kilobytes(const char *text, const char *label, int64_t *ret_kilobytes)
{
	const char *line = strstr(text, label);

	if (!line)
		return false;
	line += strlen(label);
	return next_number(&line, ret_kilobytes);
}

double
host_memory_ratio(const char *text)
{
	int64_t total, available;

	if (!kilobytes(text, "MemTotal:", &total) || total == 0 ||
	    !kilobytes(text, "MemAvailable:", &available))
		return -1;
	return 1 - (double)available / (double)total;
}

static void
read_start(const char *path, char text[FILE_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, FILE_MAX - 1);

	text[n < 0 ? 0 : n] = '\0';
	if (fd >= 0)
		close(fd);
}

static void
look_at_disk(const char *dir)
{
	struct statvfs fs;

	if (statvfs(dir, &fs) != 0)
		return;
	metric_set(M_DISK_FREE, (double)fs.f_bavail * (double)fs.f_frsize);
	metric_set(M_DISK_SIZE, (double)fs.f_blocks * (double)fs.f_frsize);
}

void
host_look(struct host_cpu *cpu, const char *journal_dir)
{
	char text[FILE_MAX];
	struct host_cpu now;
	double memory;

	read_start("/proc/stat", text);
	if (host_cpu_parse(text, &now)) {
		metric_set(M_HOST_CPU, host_cpu_ratio(cpu, &now));
		*cpu = now;
	}
	read_start("/proc/meminfo", text);
	memory = host_memory_ratio(text);
	if (memory >= 0)
		metric_set(M_HOST_MEMORY, memory);
	look_at_disk(journal_dir);
}
