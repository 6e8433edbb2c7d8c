#include <criterion/criterion.h>
#include <poll.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/data/breaker.h"
#include "lib/data/cache.h"
#include "lib/data/news.h"
#include "tests/unit/redis.h"

static struct redis redis;
static struct breaker *breaker;
static struct cache *cache;
static struct arena *arena;
static struct news *news;

static void
set_up(void)
{
	redis_create(&redis);
	redis_start(&redis);
	breaker = breaker_new(redis.dir);
	cache = cache_new(redis.socket, 1000, breaker);
	arena = arena_new(1 << 20);
	news = news_new(redis.socket);
	cr_assert(breaker && cache && arena && news);
}

static void
tear_down(void)
{
	news_free(news);
	arena_free(arena);
	cache_free(cache);
	breaker_free(breaker);
	redis_destroy(&redis);
}

TestSuite(news, .init = set_up, .fini = tear_down, .timeout = 60);

/* Whether there was news within the time. */
static bool
hears(int64_t ms)
{
	int64_t until_us = clock_mono_us() + ms * 1000;

	do {
		struct pollfd p = { .fd = news_fd(news), .events = POLLIN };

		if (news_turn(news, clock_mono_us()))
			return true;
		poll(&p, 1, 10);
	} while (clock_mono_us() < until_us);
	return false;
}

static enum err
put(enum err (*how)(struct cache *c, struct ctx *cx, const char *code, const struct url_target *t),
    int64_t version)
{
	const struct url_target t = {
		.version = version, .url_id = 1, .status = 302, .location = "http://a.b/"
	};
	struct ctx cx;

	ctx_init(&cx, arena, 1000);
	return how(cache, &cx, "abc", &t);
}

Test(news, comes_when_something_was_changed)
{
	cr_assert(hears(1000), "nobody knows what was missed before");
	cr_assert_not(hears(50));
	cr_assert_eq(put(cache_put_change, 1), ERR_OK);
	cr_assert(hears(1000));
	cr_assert_not(hears(50));
	cr_assert_eq(put(cache_put_change, 1), ERR_OK);
	cr_assert(hears(1000), "others may not know, though Redis has it");
}

Test(news, is_no_news_when_a_cache_is_filled)
{
	cr_assert(hears(1000));
	cr_assert_eq(put(cache_put, 1), ERR_OK);
	cr_assert_not(hears(100));
}

Test(news, comes_once_for_many)
{
	cr_assert(hears(1000));
	for (int i = 1; i < 50; i++)
		cr_assert_eq(put(cache_put_change, i), ERR_OK);
	usleep(50 * 1000); /* Redis answers first, and publishes then */
	cr_assert(hears(1000));
	cr_assert_not(hears(50));
}

Test(news, comes_again_when_redis_is_back)
{
	cr_assert(hears(1000));
	redis_kill(&redis);
	cr_assert_not(hears(200));
	cr_assert_eq(news_fd(news), -1);
	redis_start(&redis);
	cr_assert(hears(3000));
	cr_assert_eq(put(cache_put_change, 1), ERR_OK);
	cr_assert(hears(1000));
}

Test(news, there_is_none_without_a_redis)
{
	struct news *none = news_new("");

	cr_assert_not(news_turn(none, clock_mono_us()));
	cr_assert_eq(news_fd(none), -1);
	news_free(none);
	news_free(NULL);
}
