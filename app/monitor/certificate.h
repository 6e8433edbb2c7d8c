/*
 * When the certificate expires that nginx really shows, which may be another one than the
 * file that lies on the disk.
 */
#ifndef APP_MONITOR_CERTIFICATE_H
#define APP_MONITOR_CERTIFICATE_H

#include <stdint.h>

struct client;
struct client_call;
struct settings;

struct certificate {
	struct client *client;
	struct client_call *call;
	int64_t due_us;
	char url[128];
};

/* Borrows c. listen: TERSE_LISTEN, whose first address is asked. */
void certificate_init(
    struct certificate *t, struct client *c, const char *listen, int64_t https_port);
void certificate_release(struct certificate *t);

/* Does what is due now; never waits. */
void certificate_turn(struct certificate *t, int64_t now_us);
int64_t certificate_due_us(const struct certificate *t);

#endif
