/*
 * The segments of the journal that terse-ingest knows of, and how far each of them is
 * stored and safe on disk.
 */
#ifndef APP_INGEST_SOURCES_H
#define APP_INGEST_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"
#include "lib/data/journal.h"

enum { SOURCES_MAX = 4096 };

struct source {
	struct segment segment;
	int64_t offset;       /* stored up to here; -1: to be asked from the database */
	int64_t reached;      /* what it was before it was forgotten */
	int64_t synced_bytes; /* on disk up to here */
	bool has_tail;        /* what follows offset is no whole line */
	bool is_removed;      /* by us, since all of it is stored */
	bool is_short;        /* it was found to lack what is stored */
};

struct sources {
	struct source *list; /* by name, which is by time */
	int n;
	bool is_complete;            /* there were no more than these */
	const struct source *before; /* the list before this one */
	int n_before;
	/* owned */
	struct source *lists[2];
	struct segment *listed;
};

/* False: no memory. Needs sources_release either way. */
bool sources_init(struct sources *s);
void sources_release(struct sources *s);

/* Lists dir anew; what is known of a segment stays known. ERR_UNAVAILABLE (errno). */
MUST_CHECK enum err sources_list(struct sources *s, const char *dir);

/* Forgets all offsets, because a transaction may have moved them. */
void sources_forget_offsets(struct sources *s);

/* Writes to disk what is in no database yet. ERR_UNAVAILABLE (errno): some of it is not. */
MUST_CHECK enum err sources_sync(struct sources *s, const char *dir);

/* When it was begun, as its name says (wall clock); 0: the name does not say. */
int64_t source_began_us(const struct source *source);

/* Its bytes that are stored, as far as is known. */
int64_t source_reached(const struct source *source);

/* Bytes of all of them that are not stored. */
int64_t sources_pending(const struct sources *s);

/* Whether all of it that ever will be is stored. */
bool source_is_spent(const struct source *source);

#endif
