/*
 * The web server's side of FastCGI 1.0, for tests: sends one request, or any part of one,
 * and reads the answer. Client and server may share a thread, since what is sent waits in
 * the socket's buffer: requests and answers stay below 128 KiB.
 */
#ifndef TESTS_UNIT_FCGI_CLIENT_H
#define TESTS_UNIT_FCGI_CLIENT_H

#include <stdbool.h>
#include <stddef.h>

enum { FCGI_BEGIN = 1, FCGI_ABORT = 2, FCGI_PARAMS = 4, FCGI_STDIN = 5 };

struct fcgi_answer {
	bool complete; /* the end-of-request record came, and nothing after it */
	int status;    /* of the Status header; 0: none */
	char *head;    /* header lines with their CR LF; never NULL */
	char *body;    /* after the empty line, NUL-terminated; never NULL */
	size_t body_n;
};

/* A listening unix socket without a path, and connections to it; -1 with errno. */
int fcgi_client_listen(void);
int fcgi_client_connect(int listen_fd);

/* Sends bytes as they are. False: the server went away. */
bool fcgi_client_send(int fd, const void *bytes, size_t n);

/* Sends one record with at most 65,535 bytes of content. */
bool fcgi_client_record(int fd, int type, const void *content, size_t n);
bool fcgi_client_begin(int fd, int role);

/* Sends name, value, name, value, ..., NULL as parameters, without the record that ends
 * them; each pair is a record of its own. */
bool fcgi_client_params(int fd, const char *const *pairs);

/* Sends a whole request. */
bool fcgi_client_request(int fd, const char *const *pairs, const char *body, size_t n);

/* The same, asking for the connection to be kept. */
bool fcgi_client_request_kept(int fd, const char *const *pairs, const char *body, size_t n);

/* Reads until the server closes the connection and closes it here, too. Needs
 * fcgi_answer_release. */
void fcgi_client_answer(int fd, struct fcgi_answer *ret);

/* Reads to the end of the answer. It is complete when the connection then is still open. */
void fcgi_client_answer_kept(int fd, struct fcgi_answer *ret);
void fcgi_answer_release(struct fcgi_answer *a);

/* Whether the header lines have "Name: value" as a whole line. */
bool fcgi_answer_has(const struct fcgi_answer *a, const char *line);

#endif
