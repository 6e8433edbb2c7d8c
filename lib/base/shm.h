/*
 * A file mapped by all processes of a host: fixed size, zero at first, kept when the
 * processes die. The file's name ends in a hash of its layout, so that two builds with
 * different layouts never share one.
 */
#ifndef LIB_BASE_SHM_H
#define LIB_BASE_SHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

/* Maps dir/name.<layout>, creating it (mode 0660) when it is not there; it is opened by
 * several processes at once without a race. ERR_UNAVAILABLE with errno otherwise. */
MUST_CHECK enum err shm_map(
    const char *dir, const char *name, uint64_t layout, size_t bytes, void **ret_map);

/* The same; the file stays open, for locks. The caller closes *ret_fd. */
MUST_CHECK enum err shm_map_open(
    const char *dir, const char *name, uint64_t layout, size_t bytes, void **ret_map, int *ret_fd);

void shm_unmap(void *map, size_t bytes);

/* The random number that all who map a file agree on: *word, drawn by whoever comes first.
 * Never 0. False: errno says why. */
MUST_CHECK bool shm_seed(_Atomic uint64_t *word, uint64_t *ret_seed);

#endif
