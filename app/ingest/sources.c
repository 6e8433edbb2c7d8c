#include "app/ingest/sources.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/num.h"

bool
sources_init(struct sources *s)
{
	*s = (struct sources){ 0 };
	s->lists[0] = calloc(SOURCES_MAX, sizeof(*s->lists[0]));
	s->lists[1] = calloc(SOURCES_MAX, sizeof(*s->lists[1]));
	s->listed = calloc(SOURCES_MAX, sizeof(*s->listed));
	s->list = s->lists[0];
	return s->lists[0] != NULL && s->lists[1] != NULL && s->listed != NULL;
}

void
sources_release(struct sources *s)
{
	free(s->lists[0]);
	free(s->lists[1]);
	free(s->listed);
}

/* What is known of a segment. Both lists are in order: *from is where the last search
 * ended. */
static struct source
recall(const struct sources *s, int *from, const struct segment *segment)
{
	struct source source = { .offset = -1 };

	while (*from < s->n && strcmp(s->list[*from].segment.name, segment->name) < 0)
		++*from;
	if (*from < s->n && strcmp(s->list[*from].segment.name, segment->name) == 0)
		source = s->list[*from];
	source.segment = *segment;
	source.has_tail = false;
	return source;
}

enum err
sources_list(struct sources *s, const char *dir)
{
	struct source *next = s->list == s->lists[0] ? s->lists[1] : s->lists[0];
	int i, known = 0, n = journal_list(dir, s->listed, SOURCES_MAX);

	if (n < 0)
		return ERR_UNAVAILABLE;
	s->is_complete = n <= SOURCES_MAX;
	if (!s->is_complete)
		n = SOURCES_MAX;
	for (i = 0; i < n; i++)
		next[i] = recall(s, &known, &s->listed[i]);
	s->before = s->list;
	s->n_before = s->n;
	s->list = next;
	s->n = n;
	return ERR_OK;
}

void
sources_forget_offsets(struct sources *s)
{
	int i;

	for (i = 0; i < s->n; i++) {
		s->list[i].reached = source_reached(&s->list[i]);
		s->list[i].offset = -1;
	}
}

int64_t
source_reached(const struct source *source)
{
	return source->offset >= 0 ? source->offset : source->reached;
}

int64_t
sources_pending(const struct sources *s)
{
	int64_t pending = 0;
	int i;

	for (i = 0; i < s->n; i++) {
		int64_t left = s->list[i].segment.bytes - source_reached(&s->list[i]);

		if (left > 0 && !s->list[i].is_removed)
			pending += left;
	}
	return pending;
}

static bool
sync_fd(struct source *source, int fd)
{
	struct stat st;
	int64_t safe =
	    source->synced_bytes > source->offset ? source->synced_bytes : source->offset;

	if (fstat(fd, &st) != 0)
		return false;
	if (st.st_size <= safe)
		return true;
	if (fdatasync(fd) != 0)
		return false;
	source->synced_bytes = st.st_size;
	return true;
}

static bool
sync_source(struct source *source, const char *dir)
{
	char path[PATH_MAX];
	bool done;
	int fd, why;

	snprintf(path, sizeof(path), "%s/%s", dir, source->segment.name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT;
	done = sync_fd(source, fd);
	why = errno;
	close(fd);
	errno = why;
	return done;
}

enum err
sources_sync(struct sources *s, const char *dir)
{
	int i, why = 0;

	for (i = 0; i < s->n; i++)
		if (!sync_source(&s->list[i], dir))
			why = errno;
	errno = why;
	return why ? ERR_UNAVAILABLE : ERR_OK;
}

int64_t
source_began_us(const struct source *source)
{
	const char *name = source->segment.name;
	int64_t began_us = 0;

	if (num_parse(name, strcspn(name, "-"), 0, INT64_MAX, &began_us) != ERR_OK)
		return 0;
	return began_us;
}

bool
source_is_spent(const struct source *source)
{
	return source->has_tail || (source->offset >= 0 && source->offset >= source->segment.bytes);
}
