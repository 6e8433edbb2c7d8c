/*
 * Removes L1 tables that are in use no more: of another build, of another size, or of a file
 * of generations that is gone.
 */
#ifndef LIB_DATA_L1_SWEEP_H
#define LIB_DATA_L1_SWEEP_H

#include <stdint.h>

/* Removes run_dir's tables, but for the one of this layout, whose every owner has died. If one
 * is opened at this moment, its opener keeps it for itself, which does no harm. */
void l1_sweep(const char *run_dir, uint64_t layout);

#endif
