/*
 * Problem documents (RFC 9457): the only way an error leaves the service.
 */
#ifndef LIB_HTTP_PROBLEM_H
#define LIB_HTTP_PROBLEM_H

#include "lib/base/err.h"

struct req;
struct resp;

/* Replaces rs by the problem document of e: type "urn:terse:problem:<slug>", title, status,
 * detail (cx's, or the title), instance (the target as sent), request_id, `error` (the short
 * text), and errors[] (pointer "/member", code, detail) for a body's faults; for a query's
 * faults the members are `parameter`, code, detail. Retry-After where the error has one; WWW-Authenticate for ERR_UNAUTHORIZED. A
 * document that finds no memory is sent without its optional members. */
void problem_write(struct resp *rs, const struct req *rq, enum err e);

#endif
