/*
 * One FastCGI request on a connection, over libfcgi: the only module that knows it. libfcgi
 * parses the request and frames the response; connections are accepted and kept by the
 * fronts (pull.h, mux.h). Each read and write is bounded in time, the request as a whole is
 * not: the peer is the web server, which alone may connect.
 */
#ifndef LIB_HTTP_FCGI_H
#define LIB_HTTP_FCGI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

struct fcgi;
struct resp;

/* Readies libfcgi, which takes SIGPIPE if that has no handler. False: it can't be. */
bool fcgi_init(void);

/* An object for one request after another. NULL: no memory. */
struct fcgi *fcgi_new(void);
void fcgi_free(struct fcgi *f);

/* Whether fd is a listening socket; it is then non-blocking, for fcgi_accept. */
bool fcgi_listens(int fd);

/* Accepts a connection, whose reads and writes then end after read_ms and write_ms. -1:
 * there is none, or errno says why. */
int fcgi_accept(int listen_fd, int64_t read_ms, int64_t write_ms);
void fcgi_read_timeout(int fd, int64_t ms);

/* Whether fcgi_begin would not have to wait: all parameters have come, or nothing more will.
 * Costs a system call. */
bool fcgi_is_ready(int fd);

/* Parses the parameters of the request that comes on fd, which is f's until fcgi_finish.
 * ERR_ABORTED: it is broken; fd is closed. */
MUST_CHECK enum err fcgi_begin(struct fcgi *f, int fd);

/* The connection of the request that f serves. */
int fcgi_fd(const struct fcgi *f);

/* A parameter of the request; NULL when absent. Lives until fcgi_finish. */
const char *fcgi_param(const struct fcgi *f, const char *name);

/* Reads body bytes: the number read (n unless the end came), 0 at the end, -1 when the web
 * server broke off or fell silent. */
int64_t fcgi_read(struct fcgi *f, char *bytes, size_t n);

/* Writes status line, headers and body of rs (no body for HEAD, which still has its
 * Content-Length); what is short leaves with fcgi_finish. ERR_ABORTED: the web server went
 * away. */
MUST_CHECK enum err fcgi_send(struct fcgi *f, const struct resp *rs, bool head);

/* Reads the rest of the body, and ends the request. Returns the connection's descriptor if
 * may_keep, the web server asked for that and nothing went wrong; else it is closed: -1. */
int fcgi_finish(struct fcgi *f, bool may_keep);

#endif
