#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/data/breaker.h"
#include "lib/data/cache.h"
#include "lib/data/stream.h"
#include "tests/unit/fake_redis.h"
#include "tests/unit/redis.h"

static struct redis redis;
static struct arena *arena;
static struct breaker *breaker;
static struct cache *cache;
static struct ctx cx;
static struct fake_redis fake;

static void
set_up(void)
{
	redis_create(&redis);
	arena = arena_new(1 << 20);
	breaker = breaker_new(redis.dir);
	cache = cache_new(redis.socket, 500, breaker);
	ctx_init(&cx, arena, 60000);
}

static void
tear_down(void)
{
	if (fake.pid)
		fake_redis_stop(&fake);
	cache_free(cache);
	breaker_free(breaker);
	arena_free(arena);
	redis_destroy(&redis);
}

TestSuite(cache, .init = set_up, .fini = tear_down, .timeout = 60);

static const struct url_target target = { 5, 7, 8, 301, true, "https://example.com/a" };
static const struct url_target tombstone = { 6, 0, 0, 0, false, "" };

static struct url_target
version(int64_t v)
{
	struct url_target t = target;

	t.version = v;
	return t;
}

static enum err
put(const struct url_target *t)
{
	return cache_put(cache, &cx, "abc", t);
}

/* The version that is cached; -1: none. */
static int64_t
cached(const char *code)
{
	struct url_target t;
	enum err e = cache_get(cache, &cx, code, &t);

	if (e == ERR_NOT_FOUND)
		return -1;
	cr_assert_eq(e, ERR_OK);
	return t.version;
}

/* Sends Redis a line of its inline protocol and returns the start of its answer. */
static const char *
redis_says(const char *line)
{
	static char answer[512];
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

Test(cache, gives_back_what_was_put)
{
	struct url_target t;

	redis_start(&redis);
	cr_assert_eq(cache_get(cache, &cx, "abc", &t), ERR_NOT_FOUND);
	cr_assert_eq(put(&target), ERR_OK);
	cr_assert_eq(cache_get(cache, &cx, "abc", &t), ERR_OK);
	cr_assert_eq(t.version, 5);
	cr_assert_eq(t.url_id, 7);
	cr_assert_eq(t.user_id, 8);
	cr_assert_eq(t.status, 301);
	cr_assert(t.is_active);
	cr_assert_str_eq(t.location, "https://example.com/a");
	cr_assert_eq(cached("ABC"), -1);
	cr_assert_str_eq(redis_says("TTL u:abc\r\n"), ":-1\r\n", "no expiry");
}

Test(cache, only_moves_forward)
{
	static const int64_t versions[] = { 9, 8, 9, 10, 2, 4096, 16 };
	static const int64_t kept[] = { 9, 9, 9, 10, 10, 4096, 4096 };

	redis_start(&redis);
	for (size_t i = 0; i < N(versions); i++) {
		struct url_target t = version(versions[i]);

		cr_expect_eq(put(&t), ERR_OK);
		cr_expect_eq(cached("abc"), kept[i]);
	}
}

Test(cache, keeps_the_first_of_two_with_one_version)
{
	struct url_target t, other = target;

	redis_start(&redis);
	other.location = "https://example.com/b";
	cr_assert_eq(put(&target), ERR_OK);
	cr_assert_eq(put(&other), ERR_OK);
	cr_assert_eq(cache_get(cache, &cx, "abc", &t), ERR_OK);
	cr_assert_str_eq(t.location, "https://example.com/a");
}

Test(cache, a_tombstone_keeps_older_targets_out_for_a_minute)
{
	struct url_target t, older = version(5), newer = version(7);

	redis_start(&redis);
	cr_assert_eq(put(&tombstone), ERR_OK);
	cr_assert_eq(put(&older), ERR_OK);
	cr_assert_eq(cache_get(cache, &cx, "abc", &t), ERR_OK);
	cr_assert_eq(t.url_id, 0);
	cr_assert_eq(strncmp(redis_says("TTL u:abc\r\n"), ":60\r", 4) == 0 ||
			 strncmp(redis_says("TTL u:abc\r\n"), ":59\r", 4) == 0,
	    true);
	cr_assert_eq(put(&newer), ERR_OK);
	cr_assert_eq(cached("abc"), 7);
	cr_assert_str_eq(redis_says("TTL u:abc\r\n"), ":-1\r\n");
}

Test(cache, overwrites_what_is_not_ours)
{
	static const char *const lines[] = { "SET u:abc zzzzzzzzzzzzzzzzzzzzzz\r\n",
		"SET u:abc ffffffffffffffffffff\r\n", "RPUSH u:abc element\r\n" };

	redis_start(&redis);
	for (size_t i = 0; i < N(lines); i++) {
		struct url_target t;

		redis_says("DEL u:abc\r\n");
		redis_says(lines[i]);
		cr_expect_eq(cache_get(cache, &cx, "abc", &t), ERR_UNAVAILABLE);
		cr_expect_eq(put(&target), ERR_OK);
		cr_expect_eq(cached("abc"), 5);
	}
}

Test(cache, sees_a_restart_of_redis_only_as_a_miss)
{
	redis_start(&redis);
	cr_assert_eq(put(&target), ERR_OK);
	redis_kill(&redis);
	redis_start(&redis);
	cr_assert_eq(cached("abc"), -1);
	cr_assert_eq(put(&target), ERR_OK, "the script is not known there");
	cr_assert_eq(cached("abc"), 5);
	redis_says("SCRIPT FLUSH\r\n");
	cr_assert_eq(put(&target), ERR_OK);
	cr_assert_not(breaker_is_open(breaker));
}

Test(cache, is_skipped_while_redis_is_away_and_comes_back)
{
	struct url_target t;
	int64_t us;

	redis_start(&redis);
	cr_assert_eq(put(&target), ERR_OK);
	redis_kill(&redis);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(cache_get(cache, &cx, "abc", &t), ERR_UNAVAILABLE);
	cr_assert(breaker_is_open(breaker));
	cr_assert_eq(cache_get(cache, &cx, "abc", &t), ERR_UNAVAILABLE);
	cr_assert_eq(put(&target), ERR_UNAVAILABLE);
	cr_assert_str_eq(cx.diag, "", "a visitor's log line has nothing to say about it");
	cr_assert_eq(cache_ping(cache, &cx, &us), ERR_UNAVAILABLE);
	redis_start(&redis);
	while (cache_get(cache, &cx, "abc", &t) == ERR_UNAVAILABLE)
		usleep(5000);
	cr_assert_not(breaker_is_open(breaker));
	cr_assert_eq(put(&target), ERR_OK);
}

Test(cache, is_not_read_while_dirty_but_written)
{
	struct url_target t;

	redis_start(&redis);
	breaker_mark_dirty(breaker);
	cr_assert_eq(cache_get(cache, &cx, "abc", &t), ERR_UNAVAILABLE);
	cr_assert_eq(put(&target), ERR_OK);
	breaker_clear_dirty(breaker, breaker_dirty_mark(breaker));
	cr_assert_eq(cached("abc"), 5);
}

Test(cache, a_late_answer_is_not_taken_for_the_next_command)
{
	struct url_target t;
	struct cache *hasty = cache_new(redis.socket, 100, breaker);
	int64_t began_us;

	redis_start(&redis);
	cr_assert_eq(put(&target), ERR_OK);
	cr_assert_eq(cache_get(hasty, &cx, "abc", &t), ERR_OK);
	kill(redis.pid, SIGSTOP);
	began_us = clock_mono_us();
	cr_expect_eq(cache_get(hasty, &cx, "abc", &t), ERR_UNAVAILABLE);
	cr_expect_lt(clock_mono_us() - began_us, 2000000);
	kill(redis.pid, SIGCONT);
	while (cache_get(hasty, &cx, "other", &t) == ERR_UNAVAILABLE)
		usleep(5000);
	cr_expect_eq(cache_get(hasty, &cx, "other", &t), ERR_NOT_FOUND);
	cr_expect_eq(cache_get(hasty, &cx, "abc", &t), ERR_OK);
	cache_free(hasty);
}

Test(cache, does_nothing_without_time)
{
	struct url_target t;

	redis_start(&redis);
	ctx_init(&cx, arena, -1);
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(cache_get(cache, &cx, "abc", &t), ERR_UNAVAILABLE);
		cr_assert_eq(put(&target), ERR_UNAVAILABLE);
	}
	cr_assert_not(breaker_is_open(breaker), "that was not Redis' fault");
}

Test(cache, is_no_error_when_there_is_none)
{
	struct cache *none = cache_new("", 100, breaker);
	struct url_target t;
	int64_t us;

	for (int i = 0; i < 5; i++) {
		cr_assert_eq(cache_get(none, &cx, "abc", &t), ERR_UNAVAILABLE);
		cr_assert_eq(cache_put(none, &cx, "abc", &target), ERR_OK);
	}
	cr_assert_eq(cache_ping(none, &cx, &us), ERR_UNAVAILABLE);
	cr_assert_not(breaker_is_open(breaker));
	cache_free(none);
	cache_free(NULL);
}

Test(cache, a_ping_tells_how_long_it_took)
{
	int64_t us = -1;

	redis_start(&redis);
	for (int i = 0; i < 3; i++)
		breaker_report(breaker, false);
	cr_assert_eq(cache_ping(cache, &cx, &us), ERR_OK, "although the breaker is open");
	cr_assert_geq(us, 0);
	cr_assert_not(breaker_is_open(breaker));
}

Test(cache, says_when_memory_ran_out)
{
	struct arena *tiny = arena_new(1);

	ctx_init(&cx, tiny, 1000);
	cr_assert_eq(put(&target), ERR_MEMORY);
	arena_free(tiny);
}

/* A Redis that gives every connection the same bytes, then hangs up or stays silent. */
static void
start_fake(const char *bytes, bool hang_up)
{
	static const char *answer;

	answer = bytes;
	fake = (struct fake_redis){ .answers = &answer, .n_answers = 1, .hang_up = hang_up };
	fake_redis_start(&fake, redis.socket);
}

Test(cache, survives_garbage)
{
	struct url_target t;

	start_fake("HTTP/1.1 400 Bad Request\r\n", true);
	cr_assert_eq(cache_get(cache, &cx, "abc", &t), ERR_UNAVAILABLE);
	cr_assert_eq(put(&target), ERR_UNAVAILABLE);
}

Test(cache, survives_a_hang_up_in_mid_answer)
{
	struct url_target t;

	start_fake("$100\r\n0000", true);
	cr_assert_eq(cache_get(cache, &cx, "abc", &t), ERR_UNAVAILABLE);
}

Test(cache, opens_the_breaker_for_a_silent_redis_within_half_a_second)
{
	struct cache *hasty = cache_new(redis.socket, 50, breaker);
	struct url_target t;
	int64_t began_us = clock_mono_us();

	start_fake("", false);
	while (!breaker_is_open(breaker))
		cr_assert_eq(cache_get(hasty, &cx, "abc", &t), ERR_UNAVAILABLE);
	cr_assert_lt(clock_mono_us() - began_us, 500000);
	cache_free(hasty);
}

Test(cache, takes_redis_errors_for_failures)
{
	struct url_target t;
	int64_t us;

	start_fake("-LOADING Redis is loading the dataset in memory\r\n", true);
	cr_assert_eq(cache_get(cache, &cx, "abc", &t), ERR_UNAVAILABLE);
	cr_assert_eq(put(&target), ERR_UNAVAILABLE);
	cr_assert_eq(cache_ping(cache, &cx, &us), ERR_UNAVAILABLE);
	cr_assert(breaker_is_open(breaker));
}

Test(cache, takes_no_other_kind_of_answer)
{
	struct url_target t;

	start_fake(":1\r\n", true);
	cr_assert_eq(cache_get(cache, &cx, "abc", &t), ERR_UNAVAILABLE);
	cr_assert_eq(put(&target), ERR_UNAVAILABLE, "no hash of the script");
}
