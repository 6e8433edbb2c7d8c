#include <criterion/criterion.h>

#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/http/cors.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"
#include "tests/unit/served.h"

static const char origins[] = "https://a.example, https://b.example:8443";
static struct served served;
static struct req rq;
static struct resp rs;

static void
setup(void)
{
	served_start(&served);
}

static void
teardown(void)
{
	served_stop(&served);
}

TestSuite(cors, .init = setup, .fini = teardown, .timeout = 60);

/* A request of that Origin; NULL: of none. */
static void
come_from(const char *origin)
{
	const char *const with[] = { "HTTP_ORIGIN", origin, NULL };

	served_request(&served, origin ? with : (const char *const[]){ NULL }, "", 0);
	cr_assert_eq(req_init(&rq, &served.cx, served.fcgi), ERR_OK);
	resp_init(&rs, served.arena);
}

Test(cors, allows_a_listed_origin)
{
	come_from("https://b.example:8443");
	cors_allow(origins, &rq, &rs);
	cr_assert_str_eq(resp_find(&rs, "Access-Control-Allow-Origin"), "https://b.example:8443");
	cr_assert_str_eq(resp_find(&rs, "Vary"), "Origin");
	cr_assert_not_null(resp_find(&rs, "Access-Control-Expose-Headers"));
}

Test(cors, says_nothing_to_others)
{
	static const char *const others[] = { NULL, "", "null", "https://a.exampl",
		"https://a.example.evil", "http://a.example", "https://A.example", ",", " ",
		"https://a.example, https://b.example:8443" };
	size_t i;

	for (i = 0; i < N(others); i++) {
		come_from(others[i]);
		cors_allow(origins, &rq, &rs);
		cors_preflight(origins, "GET", &rq, &rs);
		cr_assert_eq(rs.n_headers, 0, "origin %zu", i);
		served_drop(&served);
	}
}

Test(cors, is_off_without_a_list)
{
	come_from("https://a.example");
	cors_allow("", &rq, &rs);
	cors_preflight("", "GET", &rq, &rs);
	cr_assert_eq(rs.n_headers, 0);
}

Test(cors, answers_a_preflight)
{
	come_from("https://a.example");
	cors_preflight(origins, "GET, OPTIONS", &rq, &rs);
	cr_assert_str_eq(resp_find(&rs, "Access-Control-Allow-Methods"), "GET, OPTIONS");
	cr_assert_not_null(resp_find(&rs, "Access-Control-Allow-Headers"));
	cr_assert_str_eq(resp_find(&rs, "Access-Control-Max-Age"), "600");
}
