#include "lib/http/fcgi.h"

#include <assert.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/base/num.h"
#include "lib/http/resp.h"

/* FastCGI 1.0: the only role served (6.2), records (3.3), and the type of parameters (8). */
enum { RESPONDER = 1, HEADER_BYTES = 8, PARAMS = 4 };

struct fcgi {
	FCGX_Request request;
	bool active; /* between fcgi_begin and fcgi_finish */
};

/* libfcgi's initialisation takes SIGPIPE and SIGUSR1 where they have no handler. An empty
 * handler for SIGPIPE is what we want, too; SIGUSR1 is the program's. */
bool
fcgi_init(void)
{
	struct sigaction usr1;
	int failed;

	sigaction(SIGUSR1, NULL, &usr1);
	failed = FCGX_Init();
	sigaction(SIGUSR1, &usr1, NULL);
	return !failed;
}

struct fcgi *
fcgi_new(void)
{
	struct fcgi *f = calloc(1, sizeof(*f));

	if (f)
		FCGX_InitRequest(&f->request, -1, 0);
	return f;
}

void
fcgi_free(struct fcgi *f)
{
	if (!f)
		return;
	if (f->active)
		fcgi_finish(f, false);
	free(f);
}

/*
 * Connections
 */

bool
fcgi_listens(int fd)
{
	int on = 0, flags = fcntl(fd, F_GETFL);
	socklen_t len = sizeof(on);

	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &on, &len) != 0 || !on)
		return false;
	return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

static void
set_timeout(int fd, int which, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	/* It fails only for a descriptor that is no socket. */
	(void)setsockopt(fd, SOL_SOCKET, which, &tv, sizeof(tv));
}

void
fcgi_read_timeout(int fd, int64_t ms)
{
	set_timeout(fd, SO_RCVTIMEO, ms);
}

int
fcgi_accept(int listen_fd, int64_t read_ms, int64_t write_ms)
{
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);

	if (fd >= 0) {
		fcgi_read_timeout(fd, read_ms);
		set_timeout(fd, SO_SNDTIMEO, write_ms);
	}
	return fd;
}

bool
fcgi_is_ready(int fd)
{
	unsigned char bytes[16 * 1024];
	ssize_t n = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
	size_t at = 0, len;

	while (n > 0 && at + HEADER_BYTES <= (size_t)n) {
		len = (size_t)bytes[at + 4] << 8 | bytes[at + 5];
		if (bytes[at + 1] == PARAMS && len == 0)
			return true;
		at += HEADER_BYTES + len + bytes[at + 6];
	}
	return n == 0 || n == (ssize_t)sizeof(bytes);
}

/*
 * The request
 */

/* Lets libfcgi parse the request on fd; it closes fd when that fails. */
static bool
parse(struct fcgi *f, int fd)
{
	FCGX_Request *r = &f->request;

	r->in = r->out = r->err = NULL;
	r->ipcFd = fd;
	/* FCGX_Accept_r first finishes "the last request": without this it would close fd. */
	r->keepConnection = 1;
	/* Detached, libfcgi closes a connection without waiting for the peer to do so: faster
	 * when all went well, and no way to hold a worker for seconds when it did not. */
	FCGX_Detach(r);
	/* listen_sock is -1, so when the parameters are broken and libfcgi goes on to accept
	 * another connection, it fails at once instead. */
	if (FCGX_Accept_r(r) < 0)
		return false;
	f->active = true;
	/* libfcgi takes an error between two parameters for their end. */
	return FCGX_GetError(r->in) == 0 && r->role == RESPONDER;
}

enum err
fcgi_begin(struct fcgi *f, int fd)
{
	assert(!f->active);
	if (parse(f, fd))
		return ERR_OK;
	if (f->active)
		fcgi_finish(f, false);
	return ERR_ABORTED;
}

int
fcgi_fd(const struct fcgi *f)
{
	assert(f->active);
	return f->request.ipcFd;
}

const char *
fcgi_param(const struct fcgi *f, const char *name)
{
	assert(f->active);
	return FCGX_GetParam(name, f->request.envp);
}

int64_t
fcgi_read(struct fcgi *f, char *bytes, size_t n)
{
	FCGX_Stream *in = f->request.in;
	int got, want = n < INT_MAX ? (int)n : INT_MAX;

	assert(f->active);
	got = FCGX_GetStr(bytes, want, in);
	return got < want && FCGX_GetError(in) != 0 ? -1 : got;
}

static void
put(struct fcgi *f, const char *bytes, size_t n)
{
	while (n > 0) {
		int piece = n < INT_MAX ? (int)n : INT_MAX;

		if (FCGX_PutStr(bytes, piece, f->request.out) < 0)
			return;
		bytes += piece;
		n -= (size_t)piece;
	}
}

static void
put_text(struct fcgi *f, const char *text)
{
	put(f, text, strlen(text));
}

static void
put_number(struct fcgi *f, size_t value)
{
	char digits[NUM_TEXT_SIZE];

	put(f, digits, num_format((int64_t)value, digits));
}

static void
put_header(struct fcgi *f, const char *name, const char *value)
{
	put_text(f, name);
	put(f, ": ", 2);
	put_text(f, value);
	put(f, "\r\n", 2);
}

static void
put_status(struct fcgi *f, int status)
{
	put_text(f, "Status: ");
	put_number(f, (size_t)status);
	put(f, " ", 1);
	put_text(f, resp_phrase(status));
	put(f, "\r\n", 2);
}

enum err
fcgi_send(struct fcgi *f, const struct resp *rs, bool head)
{
	unsigned i;

	assert(f->active);
	put_status(f, rs->status);
	if (rs->type)
		put_header(f, "Content-Type", rs->type);
	for (i = 0; i < rs->n_headers; i++)
		put_header(f, rs->headers[i].name, rs->headers[i].value);
	/* Without it the web server would chunk the answer. */
	put_text(f, "Content-Length: ");
	put_number(f, rs->body.len);
	put(f, "\r\n\r\n", 4);
	if (!head)
		put(f, rs->body.data, rs->body.len);
	return FCGX_GetError(f->request.out) == 0 ? ERR_OK : ERR_ABORTED;
}

int
fcgi_finish(struct fcgi *f, bool may_keep)
{
	char rest[4096];

	assert(f->active);
	/* A close with bytes unread resets the connection: the answer would be lost. What is
	 * left on a connection that is kept would be taken for the next request. */
	while (fcgi_read(f, rest, sizeof(rest)) > 0)
		;
	if (!may_keep)
		f->request.keepConnection = 0;
	FCGX_Finish_r(&f->request);
	f->active = false;
	/* libfcgi forgets a descriptor that it has closed. */
	return f->request.ipcFd;
}
