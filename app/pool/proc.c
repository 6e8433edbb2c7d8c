#include "app/pool/proc.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/num.h"

/* Fields of /proc/PID/stat, counted from the state. */
enum { UTIME = 11, STIME = 12, STARTTIME = 19 };

static const char *
field(const char *s, unsigned n)
{
	while (n-- > 0) {
		s += strcspn(s, " ");
		s += strspn(s, " ");
	}
	return s;
}

static int64_t
ticks_us(const char *s, unsigned n)
{
	const char *at = field(s, n);
	int64_t ticks = 0;

	if (num_parse(at, strcspn(at, " "), 0, INT64_MAX / 1000000, &ticks))
		return 0;
	return ticks * 1000000 / sysconf(_SC_CLK_TCK);
}

bool
proc_read(int32_t pid, struct proc *ret_proc)
{
	char path[32], text[1024];
	const char *after;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRId32 "/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	after = strrchr(text, ')'); /* the program's name may hold anything */
	if (!after || after[1] != ' ')
		return false;
	after += 2;
	*ret_proc = (struct proc){
		.state = *after,
		.cpu_us = ticks_us(after, UTIME) + ticks_us(after, STIME),
		.started_us = ticks_us(after, STARTTIME),
	};
	return true;
}

bool
proc_is_left(int32_t pid)
{
	struct stat ours, theirs;
	struct proc we, they;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%" PRId32 "/cwd", pid);
	return pid > 0 && pid != getpid() && proc_read(getpid(), &we) && proc_read(pid, &they) &&
	       they.state != 'Z' && they.started_us <= we.started_us && stat(".", &ours) == 0 &&
	       stat(path, &theirs) == 0 && ours.st_dev == theirs.st_dev &&
	       ours.st_ino == theirs.st_ino;
}
