/*
 * The pass over JSON text before json-c sees it. It refuses what json-c takes for JSON
 * though it isn't (NaN, control characters in texts, bytes after the value), and rewrites
 * what json-c would change without a word.
 */
#ifndef LIB_HTTP_JSON_SCAN_H
#define LIB_HTTP_JSON_SCAN_H

#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct buf;

/* Most lists and maps in one text: each costs json-c up to 800 bytes. */
#define JSON_SCAN_CONTAINERS_MAX 32768
/* Most of them inside one another. */
#define JSON_SCAN_DEPTH_MAX 32

/* Never in UTF-8: stands in a member's name where an escape stood for NUL or half a
 * surrogate pair, since json-c cuts names at a NUL. */
#define JSON_SCAN_NUL_IN_NAME 0xff

/* Appends n bytes of UTF-8 to out, with each unpaired surrogate escape in a text turned into
 * \u0000, and "e0" appended to each integer beyond int64_t (equal in value, no longer an
 * integer to json-c). ERR_MALFORMED: certainly not JSON (json-c finds the rest), or deeper
 * than JSON_SCAN_DEPTH_MAX. ERR_TOO_LARGE: more lists and maps than
 * JSON_SCAN_CONTAINERS_MAX. */
MUST_CHECK enum err json_scan(const char *bytes, size_t n, struct buf *out);

#endif
