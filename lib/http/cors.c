#include "lib/http/cors.h"

#include <stdbool.h>
#include <string.h>

#include "lib/http/req.h"
#include "lib/http/resp.h"

/* The Origin of the request if the list has it; otherwise NULL. */
static const char *
allowed_origin(const char *origins, const struct req *rq)
{
	const char *origin = req_header(rq, "HTTP_ORIGIN");
	size_t n;

	if (!origin || *origin == '\0')
		return NULL;
	for (; *origins; origins += n) {
		origins += strspn(origins, ", ");
		n = strcspn(origins, ", ");
		if (n == strlen(origin) && memcmp(origins, origin, n) == 0)
			return origin;
	}
	return NULL;
}

void
cors_allow(const char *origins, const struct req *rq, struct resp *rs)
{
	const char *origin = allowed_origin(origins, rq);

	if (!origin)
		return;
	resp_header(rs, "Access-Control-Allow-Origin", origin);
	resp_header(rs, "Access-Control-Expose-Headers",
	    "ETag, Link, Location, Retry-After, Terse-Lag-Seconds, X-Request-Id");
	resp_header(rs, "Vary", "Origin");
}

void
cors_preflight(const char *origins, const char *methods, const struct req *rq, struct resp *rs)
{
	if (!allowed_origin(origins, rq))
		return;
	resp_header(rs, "Access-Control-Allow-Methods", methods);
	resp_header(rs, "Access-Control-Allow-Headers",
	    "Authorization, Content-Type, Idempotency-Key, If-Match, X-Api-Key, X-Request-Id");
	resp_header(rs, "Access-Control-Max-Age", "600");
}
