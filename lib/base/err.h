/*
 * One enum for everything that can go wrong, and one table row for each: what the
 * client is told. Nothing else in the program maps an error to an HTTP status.
 */
#ifndef LIB_BASE_ERR_H
#define LIB_BASE_ERR_H

#include "lib/base/attr.h"

enum err {
	ERR_OK = 0,
	ERR_MALFORMED,    /* 400: syntax */
	ERR_UNAUTHORIZED, /* 401 */
	ERR_FORBIDDEN,    /* 403 */
	ERR_NOT_FOUND,    /* 404 */
	ERR_METHOD,       /* 405; the response carries Allow */
	ERR_CONFLICT,     /* 409: uniqueness */
	ERR_GONE,         /* 410 */
	ERR_PRECONDITION, /* 412: If-Match */
	ERR_TOO_LARGE,    /* 413 */
	ERR_MEDIA_TYPE,   /* 415 */
	ERR_INVALID,      /* 422: type, shape or range of a member */
	ERR_INTERNAL,     /* 500: our own fault */
	ERR_MEMORY,       /* 503: a cap or the machine's memory is spent */
	ERR_UNAVAILABLE,  /* 503: a dependency is away */
	ERR_DEADLINE,     /* 503: a dependency did not answer in time */
	ERR_ABORTED,      /* the client went away; nothing is answered */
	ERR__COUNT
};

struct err_info {
	const char *slug;  /* last part of the problem's type, stable */
	const char *title; /* RFC 9457 title */
	int status;        /* HTTP status; 0: nothing is answered */
	int retry_after_s; /* 0: no Retry-After */
};

/* The row of an error; never NULL. */
const struct err_info *err_info(enum err e);

#endif
