/*
 * Compiler attributes and array helpers used everywhere.
 */
#ifndef LIB_BASE_ATTR_H
#define LIB_BASE_ATTR_H

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))

/* Number of elements of an array (not of a pointer). */
#define N(array) (sizeof(array) / sizeof((array)[0]))

#endif
