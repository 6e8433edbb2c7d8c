/*
 * Cross-origin requests (the Fetch standard's CORS protocol), by an allow-list.
 */
#ifndef LIB_HTTP_CORS_H
#define LIB_HTTP_CORS_H

struct req;
struct resp;

/* Adds what a page of the request's Origin needs to read the response, if origins
 * (comma-separated, compared byte for byte) has that Origin. */
void cors_allow(const char *origins, const struct req *rq, struct resp *rs);

/* Adds what the answer to a preflight says besides; methods is the value of Allow. Nothing
 * without an allowed Origin. */
void cors_preflight(
    const char *origins, const char *methods, const struct req *rq, struct resp *rs);

#endif
