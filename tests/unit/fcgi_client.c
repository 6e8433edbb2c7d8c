#include "tests/unit/fcgi_client.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	HEADER_BYTES = 8,
	RECORD_MOST = 65535,
	RESPONDER = 1,
	REQUEST_ID = 1,
	STDOUT = 6,
	END_REQUEST = 3,
	PATIENCE_S = 20,
	BACKLOG = 64
};

struct bytes {
	char *data;
	size_t n;
};

int
fcgi_client_listen(void)
{
	struct sockaddr_un any = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* An address of nothing but its family makes the kernel choose a free name. */
	if (bind(fd, (struct sockaddr *)&any, sizeof(any.sun_family)) < 0 ||
	    listen(fd, BACKLOG) < 0)
		return -1;
	return fd;
}

int
fcgi_client_connect(int listen_fd)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_un name;
	socklen_t len = sizeof(name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (getsockname(listen_fd, (struct sockaddr *)&name, &len) < 0 ||
	    connect(fd, (struct sockaddr *)&name, len) < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	return fd;
}

bool
fcgi_client_send(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);

		if (sent < 0)
			return false;
		at += sent;
		n -= (size_t)sent;
	}
	return true;
}

bool
fcgi_client_record(int fd, int type, const void *content, size_t n)
{
	unsigned char header[HEADER_BYTES] = { 1, (unsigned char)type, 0, REQUEST_ID,
		(unsigned char)(n >> 8), (unsigned char)n, 0, 0 };

	return fcgi_client_send(fd, header, sizeof(header)) && fcgi_client_send(fd, content, n);
}

static bool
begin(int fd, int role, bool keep)
{
	unsigned char body[8] = { 0, (unsigned char)role, keep };

	return fcgi_client_record(fd, FCGI_BEGIN, body, sizeof(body));
}

bool
fcgi_client_begin(int fd, int role)
{
	return begin(fd, role, false);
}

/* Writes a length in the four-byte form, which fits any. */
static void
put_length(unsigned char *at, size_t n)
{
	at[0] = (unsigned char)(0x80 | n >> 24);
	at[1] = (unsigned char)(n >> 16);
	at[2] = (unsigned char)(n >> 8);
	at[3] = (unsigned char)n;
}

/* Sends content of any length in as many records as it takes. */
static bool
send_stream(int fd, int type, const char *content, size_t n)
{
	while (n > 0) {
		size_t piece = n < RECORD_MOST ? n : RECORD_MOST;

		if (!fcgi_client_record(fd, type, content, piece))
			return false;
		content += piece;
		n -= piece;
	}
	return true;
}

static bool
send_pair(int fd, const char *name, const char *value)
{
	size_t name_n = strlen(name), value_n = strlen(value), n = 8 + name_n + value_n;
	unsigned char *pair = malloc(n);
	bool sent;

	put_length(pair, name_n);
	put_length(pair + 4, value_n);
	memcpy(pair + 8, name, name_n);
	memcpy(pair + 8 + name_n, value, value_n);
	sent = send_stream(fd, FCGI_PARAMS, (char *)pair, n);
	free(pair);
	return sent;
}

bool
fcgi_client_params(int fd, const char *const *pairs)
{
	for (; pairs[0]; pairs += 2)
		if (!send_pair(fd, pairs[0], pairs[1]))
			return false;
	return true;
}

static bool
send_rest(int fd, const char *const *pairs, const char *body, size_t n)
{
	return fcgi_client_params(fd, pairs) && fcgi_client_record(fd, FCGI_PARAMS, "", 0) &&
	       send_stream(fd, FCGI_STDIN, body, n) && fcgi_client_record(fd, FCGI_STDIN, "", 0);
}

bool
fcgi_client_request(int fd, const char *const *pairs, const char *body, size_t n)
{
	return begin(fd, RESPONDER, false) && send_rest(fd, pairs, body, n);
}

bool
fcgi_client_request_kept(int fd, const char *const *pairs, const char *body, size_t n)
{
	return begin(fd, RESPONDER, true) && send_rest(fd, pairs, body, n);
}

static bool
receive(int fd, void *bytes, size_t n)
{
	return recv(fd, bytes, n, MSG_WAITALL) == (ssize_t)n;
}

static void
append(struct bytes *b, const char *data, size_t n)
{
	b->data = realloc(b->data, b->n + n + 1);
	memcpy(b->data + b->n, data, n);
	b->n += n;
	b->data[b->n] = '\0';
}

/* Takes one record; adds it to out when it is standard output. Returns its type, or -1. */
static int
receive_record(int fd, struct bytes *out)
{
	static char content[RECORD_MOST + UINT8_MAX];
	unsigned char header[HEADER_BYTES];
	size_t n;

	if (!receive(fd, header, sizeof(header)))
		return -1;
	n = (size_t)header[4] << 8 | header[5];
	if (!receive(fd, content, n + header[6]))
		return -1;
	if (header[1] == STDOUT)
		append(out, content, n);
	return header[1];
}

static int
parse_status(const char *head)
{
	const char *at = strstr(head, "Status: ");

	return at ? (int)strtol(at + strlen("Status: "), NULL, 10) : 0;
}

/* Takes the records up to the end of the request; complete: it came. */
static void
take_answer(int fd, struct fcgi_answer *ret)
{
	struct bytes out = { 0 };
	size_t head_n = 0;
	const char *blank;
	int type;

	append(&out, "", 0);
	while ((type = receive_record(fd, &out)) > 0 && type != END_REQUEST)
		;
	*ret = (struct fcgi_answer){ .complete = type == END_REQUEST };
	blank = strstr(out.data, "\r\n\r\n");
	head_n = blank ? (size_t)(blank - out.data) + 2 : 0;
	ret->head = strndup(out.data, head_n);
	ret->body_n = blank ? out.n - head_n - 2 : 0;
	ret->body = calloc(1, ret->body_n + 1);
	if (blank)
		memcpy(ret->body, blank + 4, ret->body_n);
	ret->status = parse_status(ret->head);
	free(out.data);
}

void
fcgi_client_answer(int fd, struct fcgi_answer *ret)
{
	char more;

	take_answer(fd, ret);
	ret->complete = ret->complete && recv(fd, &more, 1, 0) == 0;
	close(fd);
}

void
fcgi_client_answer_kept(int fd, struct fcgi_answer *ret)
{
	char more;

	take_answer(fd, ret);
	ret->complete = ret->complete && recv(fd, &more, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

void
fcgi_answer_release(struct fcgi_answer *a)
{
	free(a->head);
	free(a->body);
}

bool
fcgi_answer_has(const struct fcgi_answer *a, const char *line)
{
	size_t n = strlen(line);
	const char *at = a->head;

	while (*at) {
		if (strncmp(at, line, n) == 0 && strncmp(at + n, "\r\n", 2) == 0)
			return true;
		at += strcspn(at, "\n");
		at += *at == '\n';
	}
	return false;
}
