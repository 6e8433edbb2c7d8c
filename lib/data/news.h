/*
 * Hears that something was changed, on this host or another, from Redis: cache_put_change
 * publishes, this subscribes. It says only that, not what: the outbox is the truth, and the
 * news is a reason to look sooner. It never waits; without Redis there is no news.
 */
#ifndef LIB_DATA_NEWS_H
#define LIB_DATA_NEWS_H

#include <stdbool.h>
#include <stdint.h>

/* Where changes are published. */
#define NEWS_CHANNEL "terse:changes"

struct news;

/* socket: of Redis; "": there is never any news. NULL: no memory. */
struct news *news_new(const char *socket);
void news_free(struct news *n);

/* To wait for POLLIN; -1: not connected. */
int news_fd(const struct news *n);

/* Takes in what has come; connects anew when it is time to, 50 ms to 1.6 s after the last
 * try. True: something may have changed since the last call. */
bool news_turn(struct news *n, int64_t now_us);

#endif
