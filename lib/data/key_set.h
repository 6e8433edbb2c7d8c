/*
 * A set of texts, as many as it was made for; it borrows them. Its hash has a key of its own,
 * so that no file can be made to slow it down.
 */
#ifndef LIB_DATA_KEY_SET_H
#define LIB_DATA_KEY_SET_H

#include <stdbool.h>
#include <stddef.h>

struct key_set;

/* Room for `most` texts. NULL: no memory. */
struct key_set *key_set_new(size_t most);
void key_set_free(struct key_set *s);

bool key_set_has(const struct key_set *s, const char *text);

/* Adds a text, which must live until the set is cleared or freed. */
void key_set_add(struct key_set *s, const char *text);
void key_set_clear(struct key_set *s);

#endif
