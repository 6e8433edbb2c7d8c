#include "lib/http/client.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum { CONNECTIONS_MAX = 8 };

struct client {
	CURLM *multi;
	size_t max_bytes;
};

struct client_call {
	struct client *client;
	CURL *easy;
	struct curl_slist *headers;
	bool is_done;
	char *body; /* room for max_bytes and a NUL */
	char why[CURL_ERROR_SIZE];
	struct client_answer answer;
};

struct client *
client_new(size_t max_bytes)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->max_bytes = max_bytes;
	c->multi = curl_multi_init();
	if (!c->multi) {
		free(c);
		return NULL;
	}
	curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_MAX);
	return c;
}

void
client_free(struct client *c)
{
	if (!c)
		return;
	curl_multi_cleanup(c->multi);
	free(c);
}

/*
 * A call
 */

static size_t
take_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct client_call *call = arg;
	size_t room = call->client->max_bytes - call->answer.body_n;
	size_t taken = size * n < room ? size * n : room;

	memcpy(call->body + call->answer.body_n, bytes, taken);
	call->answer.body_n += taken;
	return size * n;
}

static bool
set_headers(struct client_call *call, const struct client_request *rq)
{
	for (size_t i = 0; i < CLIENT_HEADERS_MAX && rq->headers[i]; i++) {
		struct curl_slist *more = curl_slist_append(call->headers, rq->headers[i]);

		if (!more)
			return false;
		call->headers = more;
	}
	/* libcurl would wait for a "100 Continue" before it sends a large body. */
	if (rq->body) {
		struct curl_slist *more = curl_slist_append(call->headers, "Expect:");

		if (!more)
			return false;
		call->headers = more;
	}
	return curl_easy_setopt(call->easy, CURLOPT_HTTPHEADER, call->headers) == CURLE_OK;
}

static void
set_body(CURL *easy, const struct client_request *rq)
{
	if (rq->body) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, rq->body);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)rq->body_n);
	}
	if (rq->method)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, rq->method);
}

static bool
set_up(struct client_call *call, const struct client_request *rq)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->why);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* Its end is not to wait for the thread that still looks a name up. */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)rq->timeout_ms);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	if (rq->trusts_anyone) {
		curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
		/* A connection that is used again shows no certificate. */
		curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
		curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
		curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L);
	}
	set_body(easy, rq);
	return curl_easy_setopt(easy, CURLOPT_URL, rq->url) == CURLE_OK && set_headers(call, rq);
}

struct client_call *
client_begin(struct client *c, const struct client_request *rq)
{
	struct client_call *call = calloc(1, sizeof(*call));

	if (!call)
		return NULL;
	call->client = c;
	call->answer.why = call->why;
	call->answer.retry_after_s = -1;
	call->answer.body = call->body = calloc(1, c->max_bytes + 1);
	call->easy = curl_easy_init();
	if (!call->body || !call->easy || !set_up(call, rq) ||
	    curl_multi_add_handle(c->multi, call->easy)) {
		client_call_free(call);
		return NULL;
	}
	return call;
}

void
client_call_free(struct client_call *call)
{
	if (!call)
		return;
	curl_multi_remove_handle(call->client->multi, call->easy); /* no harm if it is not in */
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	free(call->body);
	free(call);
}

const struct client_answer *
client_answer(const struct client_call *call)
{
	return call->is_done ? &call->answer : NULL;
}

/*
 * Its end
 */

static bool
was_sent(CURL *easy)
{
	long bytes = 0;

	return curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &bytes) == CURLE_OK && bytes > 0;
}

static enum err
err_of(CURL *easy, CURLcode code)
{
	switch ((int)code) {
	case CURLE_OK:
		return ERR_OK;
	case CURLE_OPERATION_TIMEDOUT:
		return ERR_DEADLINE;
	case CURLE_OUT_OF_MEMORY:
		return ERR_MEMORY;
	case CURLE_URL_MALFORMAT:
		return ERR_INVALID;
	case CURLE_UNSUPPORTED_PROTOCOL: /* the URL's; or what was answered is not HTTP */
		return was_sent(easy) ? ERR_UNAVAILABLE : ERR_INVALID;
	default:
		return ERR_UNAVAILABLE;
	}
}

/* When the peer's own certificate, the first of the chain, expires. */
static int64_t
certificate_end(CURL *easy)
{
	static const char label[] = "Expire date:";
	struct curl_certinfo *info = NULL;

	if (curl_easy_getinfo(easy, CURLINFO_CERTINFO, &info) || !info || info->num_of_certs < 1)
		return 0;
	for (struct curl_slist *l = info->certinfo[0]; l; l = l->next) {
		if (strncmp(l->data, label, sizeof(label) - 1) == 0)
			return curl_getdate(l->data + sizeof(label) - 1, NULL);
	}
	return 0;
}

/* libcurl says 0 for a header that is not there. */
static int64_t
retry_after(CURL *easy)
{
	curl_off_t seconds = 0;

	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
	return seconds > 0 ? seconds : -1;
}

static void
finish(struct client_call *call, CURLcode code)
{
	struct client_answer *a = &call->answer;
	long status = 0;

	a->e = err_of(call->easy, code);
	a->certificate_end_s = certificate_end(call->easy);
	if (a->e == ERR_OK) {
		curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
		a->status = (int)status;
		a->retry_after_s = retry_after(call->easy);
	} else if (call->why[0] == '\0') {
		a->why = curl_easy_strerror(code);
	}
	call->is_done = true;
}

static void
step(struct client *c)
{
	const CURLMsg *m;
	int n;

	curl_multi_perform(c->multi, &n);
	while ((m = curl_multi_info_read(c->multi, &n))) {
		struct client_call *call = NULL;

		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &call);
		finish(call, m->data.result);
	}
}

/* poll(2) and libcurl have their own numbers for the same events. */
static short
to_curl(short events)
{
	return (short)((events & POLLIN ? CURL_WAIT_POLLIN : 0) |
		       (events & POLLOUT ? CURL_WAIT_POLLOUT : 0));
}

void
client_wait(struct client *c, const struct pollfd *fds, size_t n, int timeout_ms)
{
	struct curl_waitfd waits[CLIENT_FDS_MAX] = { 0 };

	assert(n <= N(waits));
	step(c);
	for (size_t i = 0; i < n; i++)
		waits[i] =
		    (struct curl_waitfd){ .fd = fds[i].fd, .events = to_curl(fds[i].events) };
	curl_multi_poll(c->multi, waits, (unsigned)n, timeout_ms, NULL);
	step(c);
}
