/*
 * Short codes: base62 from libsodium's CSPRNG, by rejection sampling.
 */
#ifndef LIB_DATA_CODE_H
#define LIB_DATA_CODE_H

#include "lib/data/url_target.h"

/* Draws length (4..32) characters and a NUL. */
void code_draw(int length, char code[CODE_MAX + 1]);

#endif
