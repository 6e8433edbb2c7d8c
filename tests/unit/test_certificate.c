/* Where the certificate is looked at, and that a silent server costs nothing. */
#include <criterion/criterion.h>

#include "app/monitor/certificate.h"
#include "lib/base/attr.h"
#include "lib/base/metric.h"
#include "lib/http/client.h"
#include "tests/unit/fake_http.h"

Test(certificate, is_asked_for_where_this_machine_reaches_nginx)
{
	static const struct {
		const char *listen, *url;
	} rows[] = {
		{ "127.0.0.1 ::1", "https://127.0.0.1:8443/health" },
		{ " 10.0.0.5", "https://10.0.0.5:8443/health" },
		{ "::1", "https://[::1]:8443/health" },
		{ "0.0.0.0 ::", "https://127.0.0.1:8443/health" },
		{ "::", "https://127.0.0.1:8443/health" },
		{ "", "https://127.0.0.1:8443/health" },
	};

	for (size_t i = 0; i < N(rows); i++) {
		struct certificate t;

		certificate_init(&t, NULL, rows[i].listen, 8443);
		cr_assert_str_eq(t.url, rows[i].url);
	}
}

Test(certificate, is_asked_for_again_soon_when_there_is_none, .timeout = 60)
{
	static const char *const answers[] = { "no TLS" };
	struct fake_http server = { .answers = answers, .n_answers = N(answers) };
	struct client *c = client_new(1024);
	struct certificate t;
	int64_t now_us = 1;

	fake_http_start(&server);
	certificate_init(&t, c, "127.0.0.1", server.port);
	certificate_turn(&t, now_us);
	fake_http_stop(&server);
	cr_assert_eq(certificate_due_us(&t), INT64_MAX);
	while (t.call) {
		client_wait(c, NULL, 0, 100);
		certificate_turn(&t, now_us);
	}
	cr_assert_gt(certificate_due_us(&t), now_us);
	cr_assert_leq(certificate_due_us(&t), now_us + 5 * 1000 * 1000);
	cr_assert_eq(metric_get(M_CERTIFICATE_END), 0);
	now_us = certificate_due_us(&t);
	certificate_turn(&t, now_us);
	cr_assert_not_null(t.call);
	certificate_release(&t);
	client_free(c);
}
