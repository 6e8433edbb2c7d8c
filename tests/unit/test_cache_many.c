/* cache with many codes at a time. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/base/metric.h"
#include "lib/data/breaker.h"
#include "lib/data/cache.h"
#include "lib/data/stream.h"
#include "tests/unit/fake_redis.h"
#include "tests/unit/redis.h"

enum { TIMEOUT_MS = 400 };

static struct redis redis;
static struct fake_redis fake;
static struct arena *arena;
static struct breaker *breaker;
static struct cache *cache;
static struct ctx cx;

static void
set_up(void)
{
	redis_create(&redis);
	arena = arena_new(8 << 20);
	breaker = breaker_new(redis.dir);
	cache = cache_new(redis.socket, TIMEOUT_MS, breaker);
	ctx_init(&cx, arena, 60000);
	cr_assert_eq(metric_open(redis.dir, NULL, 0), ERR_OK);
}

static void
tear_down(void)
{
	if (fake.pid)
		fake_redis_stop(&fake);
	metric_close();
	cache_free(cache);
	breaker_free(breaker);
	arena_free(arena);
	redis_destroy(&redis);
}

TestSuite(cache_many, .init = set_up, .fini = tear_down, .timeout = 60);

static struct url_target
target(int64_t version)
{
	return (struct url_target){ version, 7, 8, 301, true, "https://example.com/a" };
}

static void
start_fake(const char *const answers[], size_t n, bool hang_up)
{
	fake = (struct fake_redis){ .answers = answers, .n_answers = n, .hang_up = hang_up };
	fake_redis_start(&fake, redis.socket);
}

/* Sends Redis a line of its inline protocol and returns the start of its answer. */
static const char *
redis_says(const char *line)
{
	static char answer[8192];
	int64_t deadline_us = clock_mono_us() + 5000000;
	size_t n;
	int fd;

	cr_assert_eq(stream_connect(redis.socket, deadline_us, &fd), ERR_OK);
	cr_assert_eq(stream_send(fd, line, strlen(line), deadline_us), ERR_OK);
	cr_assert_eq(stream_receive(fd, answer, sizeof(answer) - 1, deadline_us, &n), ERR_OK);
	answer[n] = '\0';
	close(fd);
	return answer;
}

/* A counter of INFO. */
static long
redis_counts(const char *name)
{
	const char *text = redis_says("INFO stats\r\n"), *at = strstr(text, name);

	cr_assert_not_null(at, "%s", text);
	return strtol(at + strlen(name) + 1, NULL, 10);
}

/* How many codes came to this outcome. */
static long
counted(const char *outcome)
{
	char line[96];
	struct buf page;
	const char *text, *at;

	snprintf(line, sizeof(line), "terse_cache_calls_total{outcome=\"%s\"} ", outcome);
	buf_init(&page, arena);
	metric_render(&page, METRIC_TEXT);
	text = buf_str(&page);
	cr_assert_not_null(text);
	at = strstr(text, line);
	return at ? strtol(at + strlen(line), NULL, 10) : 0;
}

static const char *const abc[] = { "a", "b", "c" };

/* What came of a, b and c: one letter each. */
static const char *
look(void)
{
	static char letters[4];
	struct cache_found found[3];

	cache_get_many(cache, &cx, abc, 3, found);
	for (int i = 0; i < 3; i++)
		letters[i] = found[i].e == ERR_OK ? '+' : found[i].e == ERR_NOT_FOUND ? '-' : '?';
	return letters;
}

static enum err
put_abc(int64_t version)
{
	const struct url_target targets[] = { target(version), target(version), target(version) };

	return cache_put_many(cache, &cx, abc, targets, 3);
}

Test(cache_many, answers_in_order)
{
	static const char *const codes[] = { "hit", "miss", "gone", "garbage", "list", "hit",
		"MISS" };
	static const enum err errs[] = { ERR_OK, ERR_NOT_FOUND, ERR_OK, ERR_UNAVAILABLE,
		ERR_UNAVAILABLE, ERR_OK, ERR_NOT_FOUND };
	const struct url_target put[] = { target(5), { 6, 0, 0, 0, false, "" } };
	struct cache_found found[N(codes)];

	redis_start(&redis);
	redis_says("SET u:garbage zzz\r\n");
	redis_says("RPUSH u:list element\r\n");
	cr_assert_eq(
	    cache_put_many(cache, &cx, (const char *const[]){ "hit", "gone" }, put, 2), ERR_OK);
	cache_get_many(cache, &cx, codes, N(codes), found);
	for (size_t i = 0; i < N(codes); i++)
		cr_expect_eq(found[i].e, errs[i], "%s: %d", codes[i], found[i].e);
	cr_expect_eq(found[0].target.version, 5);
	cr_expect_str_eq(found[0].target.location, "https://example.com/a");
	cr_expect_eq(found[2].target.version, 6);
	cr_expect_eq(found[2].target.url_id, 0);
	cr_expect_str_eq(found[5].target.location, "https://example.com/a");
	cr_expect_eq(counted("ok"), 2 + 4, "two are stored, and garbage is an answer");
	cr_expect_eq(counted("miss"), 2);
	cr_expect_eq(counted("error"), 1);
	cr_expect_not(breaker_is_open(breaker));
}

Test(cache_many, takes_as_many_as_it_says)
{
	enum { BYTES = 8000 };
	static char text[CACHE_CODES_MAX][CODE_MAX + 1];
	static char locations[CACHE_CODES_MAX][BYTES + 1];
	const char *codes[CACHE_CODES_MAX];
	struct url_target targets[CACHE_CODES_MAX];
	struct cache_found found[CACHE_CODES_MAX];

	redis_start(&redis);
	for (int i = 0; i < CACHE_CODES_MAX; i++) {
		memset(text[i], 'c', CODE_MAX);
		snprintf(text[i] + CODE_MAX - 2, 3, "%02d", i);
		memset(locations[i], 'a' + i % 26, BYTES);
		codes[i] = text[i];
		targets[i] = target(i + 1);
		targets[i].location = locations[i];
	}
	cr_assert_eq(cache_put_many(cache, &cx, codes, targets, CACHE_CODES_MAX), ERR_OK);
	cache_get_many(cache, &cx, codes, CACHE_CODES_MAX, found);
	for (int i = 0; i < CACHE_CODES_MAX; i++) {
		cr_assert_eq(found[i].e, ERR_OK, "%d", i);
		cr_assert_eq(found[i].target.version, i + 1);
		cr_assert_str_eq(found[i].target.location, locations[i]);
	}
}

Test(cache_many, sends_a_batch_in_one_piece)
{
	const char *codes[CACHE_CODES_MAX];
	struct url_target targets[CACHE_CODES_MAX];
	struct cache_found found[CACHE_CODES_MAX];
	const long reads = 3; /* the batch, and INFO with its connection's end */
	long before;

	redis_start(&redis);
	cr_assert_eq(put_abc(1), ERR_OK, "the script is loaded");
	for (int i = 0; i < CACHE_CODES_MAX; i++) {
		codes[i] = "a";
		targets[i] = target(5);
	}
	before = redis_counts("total_reads_processed");
	cache_get_many(cache, &cx, codes, CACHE_CODES_MAX, found);
	cr_assert_eq(found[CACHE_CODES_MAX - 1].e, ERR_OK);
	cr_assert_leq(redis_counts("total_reads_processed") - before, reads);
	before = redis_counts("total_reads_processed");
	cr_assert_eq(cache_put_many(cache, &cx, codes, targets, CACHE_CODES_MAX), ERR_OK);
	cr_assert_leq(redis_counts("total_reads_processed") - before, reads);
}

Test(cache_many, of_none_is_nothing)
{
	struct cache_found found[1];

	cache_get_many(cache, &cx, NULL, 0, found);
	cr_assert_eq(cache_put_many(cache, &cx, NULL, NULL, 0), ERR_OK);
	cr_assert_eq(counted("ok") + counted("error") + counted("skipped"), 0);
}

Test(cache_many, each_only_moves_forward)
{
	const struct url_target targets[] = { target(5), target(9), target(7), target(8) };
	static const char *const codes[] = { "a", "b", "b", "a" };
	struct cache_found found[2];

	redis_start(&redis);
	cr_assert_eq(cache_put_many(cache, &cx, codes, targets, 4), ERR_OK);
	cache_get_many(cache, &cx, codes, 2, found);
	cr_assert_eq(found[0].target.version, 8);
	cr_assert_eq(found[1].target.version, 9);
}

Test(cache_many, tombstones_among_targets_stay_for_a_minute)
{
	const struct url_target targets[] = { target(5), { 6, 0, 0, 0, false, "" }, target(5) };

	redis_start(&redis);
	cr_assert_eq(cache_put_many(cache, &cx, abc, targets, 3), ERR_OK);
	cr_assert_str_eq(redis_says("TTL u:a\r\n"), ":-1\r\n");
	cr_assert_neq(strcmp(redis_says("TTL u:b\r\n"), ":-1\r\n"), 0);
	cr_assert_str_eq(redis_says("TTL u:c\r\n"), ":-1\r\n");
}

Test(cache_many, a_script_that_was_forgotten_is_sent_again)
{
	redis_start(&redis);
	cr_assert_eq(put_abc(1), ERR_OK);
	redis_says("SCRIPT FLUSH\r\n");
	cr_assert_eq(put_abc(2), ERR_OK);
	cr_assert_str_eq(look(), "+++");
	cr_assert_eq(counted("error"), 0);
	cr_assert_not(breaker_is_open(breaker));
}

#define SHA "$40\r\n0123456789012345678901234567890123456789\r\n"

Test(cache_many, a_script_that_is_forgotten_in_the_midst_is_sent_for_the_rest_only)
{
	/* Were more sent than what is due, it would wait for more answers. */
	static const char *const answers[] = { SHA, ":1\r\n-NOSCRIPT No\r\n-NOSCRIPT No\r\n",
		":1\r\n:0\r\n" };

	start_fake(answers, N(answers), false);
	cr_assert_eq(put_abc(1), ERR_OK);
	cr_assert_eq(counted("ok"), 3);
}

Test(cache_many, a_script_that_nobody_keeps_is_an_error)
{
	static const char *const answers[] = { SHA, ":1\r\n-NOSCRIPT No\r\n:1\r\n",
		"-NOSCRIPT No\r\n" };

	start_fake(answers, N(answers), false);
	cr_assert_eq(put_abc(1), ERR_UNAVAILABLE);
	cr_assert_eq(counted("ok"), 2);
	cr_assert_eq(counted("error"), 1);
}

Test(cache_many, one_that_is_not_stored_is_told)
{
	static const char *const answers[] = { SHA, ":1\r\n-OOM command not allowed\r\n:1\r\n",
		":1\r\n-OOM command not allowed\r\n:1\r\n",
		":1\r\n-OOM command not allowed\r\n:1\r\n" };

	start_fake(answers, N(answers), false);
	for (int i = 1; i <= 3; i++) {
		cr_assert_eq(put_abc(i), ERR_UNAVAILABLE);
		cr_assert_eq(counted("ok"), 2 * i);
		cr_assert_eq(counted("error"), i);
	}
	cr_assert_not(breaker_is_open(breaker), "Redis does answer");
}

Test(cache_many, half_an_answer_and_silence_costs_one_deadline)
{
	static const char *const answers[] = { "$-1\r\n$-1\r\n$5\r\nab" };
	int64_t began_us = clock_mono_us();

	start_fake(answers, N(answers), false);
	cr_assert_str_eq(look(), "--?", "what came is good");
	cr_assert_geq(clock_mono_us() - began_us, TIMEOUT_MS * 1000);
	cr_assert_lt(clock_mono_us() - began_us, 4 * TIMEOUT_MS * 1000);
	cr_assert_eq(counted("miss"), 2);
	cr_assert_eq(counted("error"), 1);
	/* The connection is gone, else the next answers would be read from where it stands. */
	cr_assert_str_eq(look(), "--?");
	cr_assert_not(breaker_is_open(breaker));
	cr_assert_str_eq(look(), "--?");
	cr_assert(breaker_is_open(breaker), "half an answer is a failure");
	began_us = clock_mono_us();
	cr_assert_str_eq(look(), "???");
	cr_assert_lt(clock_mono_us() - began_us, TIMEOUT_MS * 1000);
	cr_assert_eq(counted("skipped"), 3);
}

Test(cache_many, takes_the_shorter_of_both_deadlines)
{
	static const char *const answers[] = { "$-1\r\n" };
	int64_t began_us = clock_mono_us();

	start_fake(answers, N(answers), false);
	ctx_init(&cx, arena, 50);
	cr_assert_str_eq(look(), "-??");
	cr_assert_lt(clock_mono_us() - began_us, TIMEOUT_MS * 1000);
}

Test(cache_many, a_stopped_redis_costs_one_deadline)
{
	int64_t began_us;

	redis_start(&redis);
	cr_assert_eq(put_abc(5), ERR_OK);
	kill(redis.pid, SIGSTOP);
	began_us = clock_mono_us();
	cr_expect_str_eq(look(), "???");
	cr_expect_eq(put_abc(6), ERR_UNAVAILABLE);
	cr_expect_lt(clock_mono_us() - began_us, 4 * TIMEOUT_MS * 1000);
	kill(redis.pid, SIGCONT);
	cr_expect_str_eq(look(), "+++");
}

Test(cache_many, a_hang_up_in_the_midst_keeps_what_came)
{
	static const char *const answers[] = { "$-1\r\n$-1\r\n" };

	start_fake(answers, N(answers), true);
	cr_assert_str_eq(look(), "--?");
}

Test(cache_many, garbage_in_the_midst_ends_it)
{
	static const char *const answers[] = { "$-1\r\nHTTP/1.1 400\r\n$-1\r\n" };
	int64_t began_us = clock_mono_us();

	start_fake(answers, N(answers), false);
	cr_assert_str_eq(look(), "-??");
	cr_assert_lt(clock_mono_us() - began_us, TIMEOUT_MS * 1000, "without waiting for more");
}

Test(cache_many, an_answer_too_many_is_not_taken_for_the_next)
{
	/* What is left over would make the second look-up "?--". */
	static const char *const answers[] = { "$-1\r\n$-1\r\n$-1\r\n:7\r\n" };

	start_fake(answers, N(answers), false);
	for (int i = 0; i < 3; i++)
		cr_assert_str_eq(look(), "---");
	cr_assert_eq(counted("miss"), 9);
}

Test(cache_many, a_bad_value_among_good_ones_is_no_failure)
{
	redis_start(&redis);
	redis_says("RPUSH u:b element\r\n");
	for (int i = 0; i < 5; i++)
		cr_assert_str_eq(look(), "-?-");
	cr_assert_not(breaker_is_open(breaker));
	cr_assert_eq(counted("error"), 5);
}

Test(cache_many, nothing_but_errors_is_a_failure)
{
	static const char *const answers[] = { "-LOADING\r\n-LOADING\r\n-LOADING\r\n" };

	start_fake(answers, N(answers), true);
	for (int i = 0; i < 3; i++)
		cr_assert_str_eq(look(), "???");
	cr_assert(breaker_is_open(breaker));
}

Test(cache_many, is_skipped_while_dirty_or_late_or_absent)
{
	struct cache *none = cache_new("", TIMEOUT_MS, breaker);
	const struct url_target targets[] = { target(5), target(5) };
	struct cache_found found[2];

	redis_start(&redis);
	breaker_mark_dirty(breaker);
	cr_assert_str_eq(look(), "???");
	cr_assert_eq(put_abc(5), ERR_OK, "but written");
	breaker_clear_dirty(breaker, breaker_dirty_mark(breaker));
	cr_assert_str_eq(look(), "+++");
	cache_get_many(none, &cx, abc, 2, found);
	cr_assert_eq(found[1].e, ERR_UNAVAILABLE);
	cr_assert_eq(cache_put_many(none, &cx, abc, targets, 2), ERR_OK);
	cache_free(none);
	cr_assert_eq(counted("skipped"), 3 + 2 + 2);
	ctx_init(&cx, arena, -1);
	cr_assert_str_eq(look(), "???");
	cr_assert_eq(put_abc(6), ERR_UNAVAILABLE);
	cr_assert_eq(counted("skipped"), 3 + 2 + 2 + 3 + 3);
	cr_assert_not(breaker_is_open(breaker));
}

Test(cache_many, a_full_arena_is_not_the_fault_of_redis)
{
	struct arena *tiny = arena_new(512);
	const struct url_target targets[] = { target(5), target(5), target(5) };

	redis_start(&redis);
	cr_assert_eq(put_abc(5), ERR_OK);
	for (int i = 0; i < 5; i++) {
		struct cache_found found[CACHE_CODES_MAX];

		ctx_init(&cx, tiny, 1000);
		while (arena_alloc(tiny, 16))
			;
		cache_get_many(cache, &cx, abc, 3, found);
		cr_assert_eq(found[2].e, ERR_UNAVAILABLE);
		arena_reset(tiny);
		cr_assert_neq(cache_put_many(cache, &cx, abc, targets, 3), ERR_OK);
		arena_reset(tiny);
	}
	cr_assert_not(breaker_is_open(breaker));
	arena_free(tiny);
}
