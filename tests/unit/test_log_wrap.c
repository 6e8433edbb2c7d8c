#include <criterion/criterion.h>
#include <string.h>

#include "app/terse/log_nginx.h"
#include "app/terse/log_wrap.h"
#include "lib/base/arena.h"
#include "lib/base/ctx.h"
#include "lib/base/log_line.h"
#include "lib/http/log_record.h"

#define SECOND_US INT64_C(1000000)
#define TLS                                                                                        \
	"2026/11/25 11:22:33 [info] 12#12: *6 SSL_do_handshake() failed (SSL: x) while SSL "       \
	"handshaking, client: 2001:db8::1, server: _"

static char out[LOG_LINE_BYTES + 1];
static struct log_wrap w;

static void
set_up(void)
{
	w = (struct log_wrap){ .service = "nginx",
		.client_ip = "network",
		.own_level = LOG_INFO,
		.scratch = arena_new(1 << 20) };
}

static void
tear_down(void)
{
	arena_free(w.scratch);
}

TestSuite(log_wrap, .init = set_up, .fini = tear_down);

/* What becomes of n bytes; "" if nothing does. */
static const char *
wrap_n(const char *bytes, size_t n)
{
	size_t len = log_wrap_line(&w, bytes, n, 1800000000 * SECOND_US, out);

	cr_assert_leq(len, LOG_LINE_BYTES);
	out[len] = '\0';
	if (len == 0)
		return out;
	cr_assert_eq(out[len - 1], '\n');
	cr_assert(log_record_is_valid(w.scratch, out, len - 1), "%s", out);
	return out;
}

static const char *
wrap(const char *line)
{
	return wrap_n(line, strlen(line));
}

static void
expect(const char *line, const char *part)
{
	const char *got = wrap(line);

	cr_assert(strstr(got, part), "%s lacks %s", got, part);
}

Test(log_wrap, passes_a_line_of_the_log)
{
	static const char line[] =
	    "{\"ts\":\"2026-01-01T00:00:00Z\",\"level\":\"warn\",\"msg\":\"x\"}";

	cr_assert(strncmp(wrap(line), line, strlen(line)) == 0);
	cr_assert_eq(strlen(out), strlen(line) + 1);
	w.own_level = LOG_ERROR;
	cr_assert_str_empty(wrap(line));
}

Test(log_wrap, takes_for_text_what_is_nearly_a_line_of_the_log)
{
	expect("{\"ts\":\"2026-01-01T00:00:00Z\",\"level\":\"info\",\"msg\":\"x\",\"status\":007}",
	    "\"msg\":\"output\"");
	expect("{\"ts\":\"yesterday\",\"level\":\"info\",\"msg\":\"x\"}", "\"msg\":\"output\"");
	expect("{\"ts\":\"2026-01-01T00:00:00Z\",\"level\":1,\"msg\":\"x\"}", "\"msg\":\"output\"");
	expect("{\"ts\":\"2026-01-01T00:00:00Z\"", "\"msg\":\"output\"");
}

Test(log_wrap, keeps_of_an_address_what_the_setting_says)
{
	static const char line[] =
	    "{\"ts\":\"2026-01-01T00:00:00Z\",\"level\":\"info\",\"msg\":\"x\","
	    "\"program\":\"nginx\",\"client_ip\":\"198.51.100.9\",\"pool\":\"\"}";

	expect(line, "\"client_ip\":\"198.51.100.0\",\"pool\"");
	w.client_ip = "none";
	expect(line, "\"client_ip\":\"\",\"pool\"");
	w.client_ip = "full";
	expect(line, "\"client_ip\":\"198.51.100.9\",\"pool\"");
	w.client_ip = "network";
	expect("{\"ts\":\"2026-01-01T00:00:00Z\",\"level\":\"info\",\"msg\":\"x\",\"program\":"
	       "\"nginx\","
	       "\"client_ip\":\"who knows\"}",
	    "\"client_ip\":\"\"");
	expect("{\"ts\":\"2026-01-01T00:00:00Z\",\"level\":\"info\",\"msg\":\"no address\","
	       "\"program\":\"nginx\"}",
	    "no address");
}

Test(log_wrap, guesses_how_bad_it_is)
{
	static const struct {
		const char *line, *level;
	} cases[] = {
		{ "x FATAL:  no", "error" },
		{ "[emerg] no", "error" },
		{ "12 WARNING you", "warn" },
		{ "level=warn err=error", "warn" },
		{ "x {\"level\":\"error\"}", "error" },
		{ "level=info error=none", "info" },
		{ "terrors and warned alertness", "info" },
		{ "nothing", "info" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		wrap(cases[i].line);
		cr_assert(log_record_has(out, strlen(out), "level", cases[i].level), "%s", out);
	}
	cr_assert_str_empty(wrap("level=debug x"));
	w.own_level = LOG_ERROR;
	cr_assert_str_empty(wrap("nothing"));
}

Test(log_wrap, makes_lines_of_any_bytes)
{
	char huge[20000];

	memset(huge, '"', sizeof(huge));
	cr_assert_neq(*wrap_n(huge, sizeof(huge)), '\0');
	memset(huge, 0xff, sizeof(huge));
	cr_assert_neq(*wrap_n(huge, sizeof(huge)), '\0');
	cr_assert_neq(*wrap_n("\0\1\r", 3), '\0');
	cr_assert_eq(*wrap_n("\r", 1), '\0');
	cr_assert_eq(*wrap_n("", 0), '\0');
}

Test(log_wrap, takes_nginx_errors_to_pieces)
{
	wrap("2026/11/25 11:22:33 [crit] 123#7: *5 connect() failed (2: No), client: 203.0.113.77, "
	     "server: _, request: \"GET /x?secret=1 HTTP/1.1\", upstream: \"fastcgi://u?secret\"");
	cr_assert_not_null(
	    strstr(out, "\"level\":\"error\",\"msg\":\"nginx\",\"program\":\"nginx\","
			"\"pid\":123,\"method\":\"GET\",\"path\":\"/x\","
			"\"client_ip\":\"203.0.113.0\","
			"\"diag\":\"connect() failed (2: No)\"}"),
	    "%s", out);
	w.service = "redis";
	expect("2026/11/25 11:22:33 [crit] 123#7: *5 x", "\"msg\":\"output\"");
}

Test(log_wrap, leaves_out_what_a_client_has_sent)
{
	wrap("2026/11/25 11:22:33 [info] 1#1: *5 client sent duplicate header line: "
	     "\"Authorization: "
	     "secret, client: 1.2.3.4\", previous value: \"secret\", client: 203.0.113.77");
	cr_assert_null(strstr(out, "secret"), "%s", out);
	cr_assert_not_null(strstr(out, "client sent duplicate header line"));
}

Test(log_wrap, leaves_out_a_target_that_is_no_path)
{
	wrap(
	    "2026/11/25 11:22:33 [info] 1#1: *5 client sent invalid request, client: 203.0.113.77, "
	    "request: \"GET http://user:secret@host/x HTTP/1.1\"");
	cr_assert_null(strstr(out, "secret"), "%s", out);
	cr_assert_not_null(strstr(out, "\"method\":\"GET\""));
}

Test(log_wrap, drops_the_noise)
{
	cr_assert_str_empty(wrap("2026/11/25 11:22:33 [info] 1#1: *6 client 1.2.3.4 closed"));
	cr_assert_str_empty(wrap("2026/11/25 11:22:33 [debug] 1#1: *6 x"));
	expect("2026/11/25 11:22:33 [notice] 1#1: reconfiguring", "reconfiguring");
}

Test(log_wrap, counts_refused_handshakes_when_there_are_too_many)
{
	int kept = 0;

	for (int i = 0; i < 1000; i++)
		kept += *wrap(TLS) != '\0';
	cr_assert_eq(kept, 100);
	cr_assert_gt(log_wrap_line(&w, TLS, strlen(TLS), 1800000001 * SECOND_US, out), 0);
	cr_assert_not_null(strstr(out, "\"left_out\":900"));
	cr_assert_not_null(strstr(out, "\"level\":\"warn\""));
}

Test(log_wrap, knows_other_lines_from_nginx_errors)
{
	static const char *const others[] = { "", "nginx: [emerg] x", "2026/11/25 11:22:33 x",
		"2026/11/25 11:22:33 [loud] 1#1: x", "2026/11/25 11:22:33 [info] x#1: y",
		"2026/11/25 11:22:33 [info] 1#1 y", "2026/11/25 11:22:33 [info] 1 y" };
	struct log_nginx l;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		cr_assert_not(log_nginx_parse(others[i], &l), "%s", others[i]);
	cr_assert(log_nginx_parse("2026/11/25 11:22:33 [alert] 1#1: *x", &l));
	cr_assert_str_eq(l.diag, "*x");
	cr_assert(
	    log_nginx_parse("2026/11/25 11:22:33 [warn] 1#1: y, client: 1, request: \"GET\"", &l));
	cr_assert_str_eq(l.method, "GET");
	cr_assert_str_eq(l.path, "");
}
