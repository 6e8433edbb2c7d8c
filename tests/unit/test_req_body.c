#include <criterion/criterion.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/attr.h"
#include "lib/http/fcgi.h"
#include "lib/http/pull.h"
#include "lib/http/req.h"
#include "tests/unit/served.h"

static struct served served;
static struct req rq;
static const struct field_env env;

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

TestSuite(req_body, .init = setup, .fini = teardown, .timeout = 60);

static void
come_with_body(const char *const *pairs, const char *body, size_t n)
{
	served_request(&served, pairs, body, n);
	cr_assert_eq(req_init(&rq, &served.cx, served.fcgi), ERR_OK);
	rq.env = &env;
	rq.body_max = 64;
}

static void
come(const char *name, const char *value)
{
	const char *const pairs[] = { name, value, NULL };

	come_with_body(pairs, "", 0);
}

struct in {
	unsigned given;
	const char *name;
	int64_t page;
};

static const struct field rows[] = {
	{ "name", FIELD_TEXT, 1, 8, FIELD_REQUIRED, NULL, offsetof(struct in, name) },
	{ "page", FIELD_INT, 1, 100, 0, NULL, offsetof(struct in, page) },
};

/* Reads a JSON body with that label (NULL: none). */
static enum err
read_json(const char *type, const char *body, struct in *in)
{
	const char *const labelled[] = { "CONTENT_TYPE", type, NULL };

	*in = (struct in){ 0 };
	come_with_body(type ? labelled : (const char *const[]){ NULL }, body, strlen(body));
	return req_json_fields(&rq, rows, N(rows), in);
}

Test(req_body, reads_a_json_body_whatever_its_label_looks_like)
{
	static const char *const types[] = { "application/json", "Application/JSON",
		"application/json; charset=utf-8", " application/json ;a=b", "application/json;",
		"application/merge-patch+json", "application/vnd.a+JSON; v=1" };
	struct in in;
	size_t i;

	for (i = 0; i < N(types); i++) {
		cr_assert_eq(
		    read_json(types[i], "{\"name\":\"ann\"}", &in), ERR_OK, "%s", types[i]);
		cr_assert_str_eq(in.name, "ann");
		cr_assert_eq(in.given, FIELD_GIVEN(0));
		served_drop(&served);
	}
}

Test(req_body, refuses_a_body_with_another_label_or_none)
{
	static const char *const types[] = { NULL, "", " ", ";", "text/plain", "application/jso",
		"application/jsonx", "application/json,text/plain", "text/json", "+json", "json",
		"application/x-www-form-urlencoded",
		"multipart/form-data; boundary=application/json" };
	struct in in;
	size_t i;

	for (i = 0; i < N(types); i++) {
		cr_assert_eq(read_json(types[i], "{\"name\":\"ann\"}", &in), ERR_MEDIA_TYPE, "%s",
		    types[i] ? types[i] : "none");
		cr_assert_not_null(served.cx.detail);
		served_drop(&served);
	}
}

Test(req_body, refuses_a_compressed_body)
{
	static const struct {
		const char *coding;
		enum err wanted;
	} codings[] = { { "gzip", ERR_MEDIA_TYPE }, { "identity, br", ERR_MEDIA_TYPE },
		{ "Identity", ERR_OK }, { "", ERR_OK } };
	struct in in = { 0 };
	size_t i;

	for (i = 0; i < N(codings); i++) {
		const char *const pairs[] = { "CONTENT_TYPE", "application/json",
			"HTTP_CONTENT_ENCODING", codings[i].coding, NULL };

		come_with_body(pairs, "{\"name\":\"ann\"}", 14);
		cr_assert_eq(req_json_fields(&rq, rows, N(rows), &in), codings[i].wanted);
		served_drop(&served);
	}
}

Test(req_body, calls_an_empty_body_malformed)
{
	struct in in;

	cr_assert_eq(read_json(NULL, "", &in), ERR_MALFORMED);
	served_drop(&served);
	cr_assert_eq(read_json("application/json", "", &in), ERR_MALFORMED);
	cr_assert_str_eq(served.cx.detail, "The body is empty.");
}

Test(req_body, calls_a_body_malformed_that_is_no_json_object)
{
	static const char *const bodies[] = { "{", "[]", "null", "\"a\"", "{}x", "1", " " };
	struct in in;
	size_t i;

	for (i = 0; i < N(bodies); i++) {
		cr_assert_eq(
		    read_json("application/json", bodies[i], &in), ERR_MALFORMED, "%s", bodies[i]);
		served_drop(&served);
	}
}

Test(req_body, collects_the_faults_of_a_body)
{
	struct in in;

	cr_assert_eq(read_json("application/json", "{\"page\":\"x\"}", &in), ERR_INVALID);
	cr_assert(rq.faults_in_body);
	cr_assert_eq(rq.faults.n, 2);
}

Test(req_body, takes_a_body_of_the_greatest_size_and_none_larger)
{
	char body[66];
	struct in in;

	memset(body, ' ', sizeof(body));
	memcpy(body, "{\"name\":\"ann\"}", 14);
	body[64] = '\0';
	cr_assert_eq(read_json("application/json", body, &in), ERR_OK);
	served_drop(&served);
	body[64] = ' ';
	body[65] = '\0';
	cr_assert_eq(read_json("application/json", body, &in), ERR_TOO_LARGE);
}

Test(req_body, refuses_a_body_without_memory_for_it)
{
	const char *const pairs[] = { "CONTENT_TYPE", "application/json", NULL };
	struct arena *none = arena_new(0);
	struct in in = { 0 };

	come_with_body(pairs, "{\"name\":\"ann\"}", 14);
	served.cx.arena = none;
	cr_assert_eq(req_json_fields(&rq, rows, N(rows), &in), ERR_MEMORY);
	arena_free(none);
}

static enum err
add_up(void *arg, const char *bytes, size_t n)
{
	size_t *total = arg;

	(void)bytes;
	*total += n;
	return ERR_OK;
}

static enum err
refuse(void *arg, const char *bytes, size_t n)
{
	(void)arg;
	(void)bytes;
	(void)n;
	return ERR_CONFLICT;
}

Test(req_body, passes_a_long_body_on_in_pieces)
{
	static char body[100 * 1000];
	const char *const pairs[] = { "CONTENT_LENGTH", "100000", NULL };
	size_t total = 0;

	come_with_body(pairs, body, sizeof(body));
	cr_assert_eq(req_body_each(&rq, sizeof(body), add_up, &total), ERR_OK);
	cr_assert_eq(total, sizeof(body));
}

Test(req_body, stops_a_body_at_the_first_error)
{
	come_with_body((const char *const[]){ NULL }, "abc", 3);
	cr_assert_eq(req_body_each(&rq, 100, refuse, NULL), ERR_CONFLICT);
}

Test(req_body, goes_by_the_announced_length)
{
	static const struct {
		const char *length;
		enum err wanted;
	} lengths[] = { { "3", ERR_OK }, { "", ERR_OK }, { "4", ERR_ABORTED }, { "2", ERR_ABORTED },
		{ "101", ERR_TOO_LARGE }, { "-1", ERR_MALFORMED }, { "3x", ERR_MALFORMED },
		{ "99999999999999999999", ERR_MALFORMED },
		{ "9223372036854775807", ERR_TOO_LARGE } };
	size_t i, total;

	for (i = 0; i < N(lengths); i++) {
		const char *const pairs[] = { "CONTENT_LENGTH", lengths[i].length, NULL };

		come_with_body(pairs, "abc", 3);
		total = 0;
		cr_assert_eq(req_body_each(&rq, 100, add_up, &total), lengths[i].wanted, "%s",
		    lengths[i].length);
		served_drop(&served);
	}
}

Test(req_body, notices_a_body_that_breaks_off)
{
	size_t total = 0;
	int fd = fcgi_client_connect(served.listen_fd);

	cr_assert(fcgi_client_begin(fd, 1));
	cr_assert(fcgi_client_record(fd, FCGI_PARAMS, "", 0));
	cr_assert(fcgi_client_record(fd, FCGI_STDIN, "abc", 3));
	close(fd);
	cr_assert_eq(pull_accept(served.pull, 1000, &served.fcgi), ERR_OK);
	ctx_init(&served.cx, served.arena, 1000);
	cr_assert_eq(req_init(&rq, &served.cx, served.fcgi), ERR_OK);
	cr_assert_eq(req_body_each(&rq, 100, add_up, &total), ERR_ABORTED);
	cr_assert_neq(served.cx.diag[0], '\0');
}

Test(req_body, compares_media_types_without_case_and_parameters)
{
	come("CONTENT_TYPE", "Multipart/Form-Data; boundary=x");
	cr_assert(req_has_type(&rq, "multipart/form-data"));
	cr_assert_not(req_has_type(&rq, "multipart/form-dat"));
	cr_assert_not(req_has_type(&rq, "multipart/form-data2"));
	cr_assert_not(req_has_type(&rq, ""));
}

Test(req_body, knows_no_media_type_of_a_compressed_body)
{
	static const char *const pairs[] = { "CONTENT_TYPE", "text/csv", "HTTP_CONTENT_ENCODING",
		"gzip", NULL };

	come_with_body(pairs, "x", 1);
	cr_assert_not(req_has_type(&rq, "text/csv"));
}
