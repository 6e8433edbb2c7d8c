#include "lib/base/err.h"

#include <assert.h>

static const struct err_info errors[] = {
	[ERR_OK] = { "ok", "OK", 200, 0 },
	[ERR_MALFORMED] = { "malformed", "Bad Request", 400, 0 },
	[ERR_UNAUTHORIZED] = { "unauthorized", "Unauthorized", 401, 0 },
	[ERR_FORBIDDEN] = { "forbidden", "Forbidden", 403, 0 },
	[ERR_NOT_FOUND] = { "not-found", "Not Found", 404, 0 },
	[ERR_METHOD] = { "method-not-allowed", "Method Not Allowed", 405, 0 },
	[ERR_CONFLICT] = { "conflict", "Conflict", 409, 0 },
	[ERR_GONE] = { "gone", "Gone", 410, 0 },
	[ERR_PRECONDITION] = { "precondition-failed", "Precondition Failed", 412, 0 },
	[ERR_TOO_LARGE] = { "too-large", "Content Too Large", 413, 0 },
	[ERR_MEDIA_TYPE] = { "unsupported-media-type", "Unsupported Media Type", 415, 0 },
	[ERR_INVALID] = { "invalid", "Unprocessable Content", 422, 0 },
	[ERR_INTERNAL] = { "internal", "Internal Server Error", 500, 0 },
	[ERR_MEMORY] = { "overloaded", "Service Unavailable", 503, 1 },
	[ERR_UNAVAILABLE] = { "unavailable", "Service Unavailable", 503, 2 },
	[ERR_DEADLINE] = { "deadline", "Service Unavailable", 503, 1 },
	[ERR_ABORTED] = { "aborted", "Client Closed Request", 0, 0 },
};

_Static_assert(N(errors) == ERR__COUNT, "one row per error");

const struct err_info *
err_info(enum err e)
{
	assert((unsigned)e < ERR__COUNT);
	return &errors[e];
}
