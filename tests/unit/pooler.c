#include "tests/unit/pooler.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/data/stream.h"
#include "tests/unit/daemon.h"

void
pooler_create(struct pooler *p, const char *server_dir)
{
	char path[96];
	FILE *f;

	*p = (struct pooler){ 0 };
	daemon_dir(p->dir, "pooler");
	snprintf(p->conninfo, sizeof(p->conninfo), "host=%s port=6432 user=terse dbname=postgres",
	    p->dir);
	snprintf(path, sizeof(path), "%s/ini", p->dir);
	f = fopen(path, "w");
	cr_assert_not_null(f);
	fprintf(f,
	    "[databases]\npostgres = host=%s user=terse\n"
	    "[pgbouncer]\nunix_socket_dir = %s\nlisten_port = 6432\nauth_type = any\n"
	    "pool_mode = transaction\ndefault_pool_size = 2\nserver_login_retry = 0.2\n"
	    "query_wait_timeout = 3\n",
	    server_dir, p->dir);
	fclose(f);
}

void
pooler_start(struct pooler *p)
{
	const char *const argv[] = { "pgbouncer", "-q", "ini", NULL };
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "%s/.s.PGSQL.6432", p->dir);
	unlink(path);
	p->pid = daemon_start(p->dir, argv);
	while (stream_connect(path, INT64_MAX, &fd))
		usleep(10000);
	close(fd);
}

void
pooler_kill(struct pooler *p)
{
	daemon_stop(p->pid, SIGKILL);
	p->pid = 0;
}

void
pooler_destroy(struct pooler *p)
{
	if (p->pid)
		pooler_kill(p);
	daemon_remove_dir(p->dir);
}
