/*
 * "Reads see the clicks before them": a reader asks terse-ingest, over its unix socket, to
 * store all that this host journaled until now, and waits for the word.
 */
#ifndef LIB_DATA_BARRIER_H
#define LIB_DATA_BARRIER_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct ctx;

/* Name of the socket in run_dir. */
#define BARRIER_SOCKET "ingest.sock"
/* What terse-ingest answers, one byte. */
#define BARRIER_DONE 'd'
#define BARRIER_BUSY 'b'

/* Waits at most timeout_ms. ERR_OK: everything is stored. ERR_DEADLINE: not in time, or too
 * many wait already. ERR_UNAVAILABLE: no terse-ingest. Neither is an error for the client. */
MUST_CHECK enum err barrier_wait(const char *run_dir, struct ctx *cx, int64_t timeout_ms);

#endif
