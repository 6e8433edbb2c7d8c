#include "app/monitor/certificate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/metric.h"
#include "lib/http/client.h"

enum { EVERY_US = 60 * 1000 * 1000, RETRY_US = 5 * 1000 * 1000, LOOK_MS = 2000 };

/* How a program on this machine reaches somebody who listens on an address (n bytes). */
static void
write_url(char *url, size_t size, const char *address, size_t n, int64_t port)
{
	bool is_v6 = memchr(address, ':', n) != NULL;

	if (n == 0 || strncmp(address, "0.0.0.0", n) == 0 || strncmp(address, "::", n) == 0) {
		address = "127.0.0.1";
		n = strlen(address);
		is_v6 = false;
	}
	snprintf(url, size, "https://%s%.*s%s:%" PRId64 "/health", is_v6 ? "[" : "", (int)n,
	    address, is_v6 ? "]" : "", port);
}

void
certificate_init(struct certificate *t, struct client *c, const char *listen, int64_t https_port)
{
	listen += strspn(listen, " ");
	*t = (struct certificate){ .client = c };
	write_url(t->url, sizeof(t->url), listen, strcspn(listen, " "), https_port);
}

void
certificate_release(struct certificate *t)
{
	client_call_free(t->call);
}

static void
begin(struct certificate *t, int64_t now_us)
{
	const struct client_request rq = {
		.url = t->url,
		.timeout_ms = LOOK_MS,
		.trusts_anyone = true,
	};

	t->call = client_begin(t->client, &rq);
	t->due_us = now_us + RETRY_US;
}

void
certificate_turn(struct certificate *t, int64_t now_us)
{
	const struct client_answer *a = t->call ? client_answer(t->call) : NULL;

	if (a) {
		/* While nginx is away, what it showed last is still the best that is known. */
		if (a->certificate_end_s > 0) {
			metric_set(M_CERTIFICATE_END, (double)a->certificate_end_s);
			t->due_us = now_us + EVERY_US;
		}
		client_call_free(t->call);
		t->call = NULL;
	}
	if (!t->call && now_us >= t->due_us)
		begin(t, now_us);
}

int64_t
certificate_due_us(const struct certificate *t)
{
	return t->call ? INT64_MAX : t->due_us;
}
