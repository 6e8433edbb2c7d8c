/*
 * What a fuzz target is: one function that libFuzzer calls with each input, or replay.c
 * with the files of the corpus. A property that does not hold fails an assert().
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#endif
