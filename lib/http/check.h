/*
 * The checkers that field tables name: what a username, e-mail address, code, title or
 * event type may look like. Each returns NULL, or static text that says what is wrong.
 */
#ifndef LIB_HTTP_CHECK_H
#define LIB_HTTP_CHECK_H

#include <stdbool.h>

struct field_env;

const char *check_name(const struct field_env *env, const char *value);   /* not blank */
const char *check_email(const struct field_env *env, const char *value);  /* user@host.tld */
const char *check_code(const struct field_env *env, const char *value);   /* custom short code */
const char *check_target(const struct field_env *env, const char *value); /* target URL */

/* Whether the first path segment is one of the service's own (now or by the contract). */
bool check_is_reserved(const char *segment);

#endif
