#include "app/terse/log_follow.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/http/log_find.h"
#include "lib/http/log_record.h"

enum {
	FILES_MAX = 512,
	NUMBERS_MAX = 1000,
	PATH_SIZE = 4096 + 300,
	BLOCK_BYTES = 64 * 1024,
	SCRATCH_BYTES = 4 << 20
};

/* Who looked at the path before it was renamed has written by then. */
#define GRACE_US INT64_C(2000000)

struct tailed {
	char service[256];
	int fd;
	dev_t dev;
	ino_t ino;
	off_t at;
	int64_t named_us; /* when it was last seen under its first name, or grew */
};

struct log_follow {
	const char *dir;
	const struct log_filter *filter;
	struct arena *scratch;
	struct tailed files[FILES_MAX]; /* a service's older ones before its newer ones */
	int n;
	char block[BLOCK_BYTES];
};

static void
path_of(const struct log_follow *f, const char *service, int number, char out[PATH_SIZE])
{
	if (number == 0)
		snprintf(out, PATH_SIZE, "%s/%s/terse.log", f->dir, service);
	else
		snprintf(out, PATH_SIZE, "%s/%s/terse.log.%d", f->dir, service, number);
}

static struct tailed *
find(struct log_follow *f, const struct stat *st)
{
	for (int i = 0; i < f->n; i++)
		if (f->files[i].dev == st->st_dev && f->files[i].ino == st->st_ino)
			return &f->files[i];
	return NULL;
}

/* Follows the file of a number; false: it is not there, or there are too many. */
static bool
add(struct log_follow *f, const char *service, int number)
{
	struct tailed *t = &f->files[f->n];
	char path[PATH_SIZE];
	struct stat st;
	int fd;

	path_of(f, service, number, path);
	if (f->n == FILES_MAX ||
	    (fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)) < 0)
		return false;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || find(f, &st)) {
		close(fd);
		return false;
	}
	*t = (struct tailed){
		.fd = fd, .dev = st.st_dev, .ino = st.st_ino, .named_us = clock_mono_us()
	};
	snprintf(t->service, sizeof(t->service), "%s", service);
	f->n++;
	return true;
}

static void
drop(struct log_follow *f, int i)
{
	close(f->files[i].fd);
	f->n--;
	memmove(&f->files[i], &f->files[i + 1], (size_t)(f->n - i) * sizeof(*f->files));
}

/* The file may have been renamed since. */
static void
resume(struct log_follow *f, const struct log_end *end)
{
	for (int number = 0; number < NUMBERS_MAX; number++) {
		if (!add(f, end->service, number))
			return;
		if (f->files[f->n - 1].dev == end->dev && f->files[f->n - 1].ino == end->ino) {
			f->files[f->n - 1].at = end->at;
			return;
		}
		drop(f, f->n - 1);
	}
}

struct log_follow *
log_follow_new(const char *dir, const struct log_filter *filter, const struct log_end *ends, int n)
{
	struct log_follow *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->scratch = arena_new(SCRATCH_BYTES);
	if (!f->scratch) {
		free(f);
		return NULL;
	}
	f->dir = dir;
	f->filter = filter;
	for (int i = 0; i < n; i++)
		resume(f, &ends[i]);
	return f;
}

void
log_follow_free(struct log_follow *f)
{
	if (!f)
		return;
	while (f->n > 0)
		drop(f, f->n - 1);
	arena_free(f->scratch);
	free(f);
}

static bool
is_followed(const struct log_follow *f, const char *service)
{
	for (int i = 0; i < f->n; i++)
		if (strcmp(f->files[i].service, service) == 0)
			return true;
	return false;
}

/* How many files of a service are newer than all that are followed. */
static int
count_new(struct log_follow *f, const char *service)
{
	bool had_any = is_followed(f, service);
	char path[PATH_SIZE];
	struct stat st;
	int number;

	for (number = 0; number < NUMBERS_MAX; number++) {
		struct tailed *t;

		path_of(f, service, number, path);
		if (stat(path, &st) != 0)
			break;
		t = find(f, &st);
		if (t && number == 0)
			t->named_us = clock_mono_us();
		if (t)
			break;
		if (!had_any)
			return 1;
	}
	return number;
}

static void
look_for_new(struct log_follow *f, const char *service)
{
	/* A rotation in between moves them up, which the next look finds. */
	for (int number = count_new(f, service); number > 0; number--)
		(void)add(f, service, number - 1);
}

static enum err
look_at_dir(struct log_follow *f)
{
	DIR *entries = opendir(f->dir);
	struct dirent *entry;

	if (!entries)
		return ERR_UNAVAILABLE;
	while ((entry = readdir(entries))) {
		const char *name = entry->d_name, *only = f->filter->service;

		if (*name != '.' && (!only || strcmp(only, name) == 0))
			look_for_new(f, name);
	}
	closedir(entries);
	return ERR_OK;
}

/* Gives the lines among n bytes; returns how many bytes whole lines are. */
static size_t
give(const struct log_follow *f, size_t n, log_follow_fn *fn, void *arg)
{
	size_t done = 0;

	while (done < n) {
		const char *line = f->block + done, *end = memchr(line, '\n', n - done);
		size_t len;

		if (!end)
			break;
		len = (size_t)(end - line);
		if (log_filter_fits(f->filter, line, len) &&
		    log_record_is_valid(f->scratch, line, len))
			fn(arg, line, len + 1);
		done += len + 1;
	}
	/* Nothing that fills the block without an end is a line of ours. */
	return done == 0 && n == sizeof(f->block) ? n : done;
}

static void
read_on(struct log_follow *f, struct tailed *t, log_follow_fn *fn, void *arg)
{
	for (;;) {
		ssize_t n = pread(t->fd, f->block, sizeof(f->block), t->at);
		size_t done = n > 0 ? give(f, (size_t)n, fn, arg) : 0;

		if (done == 0)
			return;
		t->at += (off_t)done;
		t->named_us = clock_mono_us();
	}
}

enum err
log_follow_poll(struct log_follow *f, log_follow_fn *fn, void *arg)
{
	enum err e = look_at_dir(f);

	if (e)
		return e;
	for (int i = 0; i < f->n; i++)
		read_on(f, &f->files[i], fn, arg);
	for (int i = f->n - 1; i >= 0; i--)
		if (clock_mono_us() - f->files[i].named_us > GRACE_US)
			drop(f, i);
	return ERR_OK;
}
