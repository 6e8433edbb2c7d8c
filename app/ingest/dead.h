/*
 * Dead letters: what could not be stored is kept, byte for byte, in a file per segment, for
 * a person to look at.
 */
#ifndef APP_INGEST_DEAD_H
#define APP_INGEST_DEAD_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

/* Appends n bytes at offset of the segment dir/name to dir/dead/name.dead and waits until
 * they are on disk. ERR_UNAVAILABLE: they are not (errno), and the file is as it was. */
MUST_CHECK enum err dead_append(const char *dir, const char *name, int64_t offset, int64_t n);

#endif
