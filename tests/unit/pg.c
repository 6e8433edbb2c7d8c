#include "tests/unit/pg.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <glob.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/daemon.h"

/* Tests run in processes of their own, which find the shared server by this variable. */
#define SHARED "TERSE_TEST_PG"

enum { READY_TRIES = 2000, READY_PAUSE_US = 10 * 1000 };

/* The path of a program of the newest PostgreSQL there is; Debian keeps them out of PATH. */
static void
find_program(char path[128], const char *name)
{
	char pattern[128];
	glob_t g;

	snprintf(pattern, sizeof(pattern), "/usr/lib/postgresql/*/bin/%s", name);
	snprintf(path, 128, "%s", name);
	if (glob(pattern, 0, NULL, &g) == 0) {
		snprintf(path, 128, "%s", g.gl_pathv[g.gl_pathc - 1]);
		globfree(&g);
	}
}

void
pg_create(struct pg *pg)
{
	char initdb[128];
	const char *const argv[] = { initdb, "-D", "data", "-U", "terse", "-A", "trust", "-E",
		"UTF8", "--locale=C", "--no-sync", NULL };

	*pg = (struct pg){ 0 };
	find_program(initdb, "initdb");
	daemon_dir(pg->dir, "pg");
	snprintf(pg->conninfo, sizeof(pg->conninfo), "host=%s user=terse dbname=postgres", pg->dir);
	daemon_run(pg->dir, argv);
}

/* The postmaster writes its state into the last line of its pid file. */
static bool
is_ready(const struct pg *pg)
{
	char path[128], line[256] = "";
	long pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/data/postmaster.pid", pg->dir);
	f = fopen(path, "r");
	if (!f)
		return false;
	if (fgets(line, sizeof(line), f))
		pid = strtol(line, NULL, 10);
	while (fgets(line, sizeof(line), f))
		;
	fclose(f);
	return pid == pg->pid && strncmp(line, "ready", 5) == 0;
}

void
pg_start(struct pg *pg)
{
	char postgres[128];
	const char *const argv[] = { postgres, "-D", "data", "-k", pg->dir, "-h", "", "-F", "-c",
		"shared_buffers=16MB", "-c", "max_connections=50", NULL };

	find_program(postgres, "postgres");
	pg->pid = daemon_start(pg->dir, argv);
	for (int i = 0; i < READY_TRIES; i++) {
		if (is_ready(pg))
			return;
		/* After a kill the old processes may still hold the shared memory. */
		if (waitpid(pg->pid, NULL, WNOHANG) == pg->pid)
			pg->pid = daemon_start(pg->dir, argv);
		usleep(READY_PAUSE_US);
	}
	fprintf(stderr, "PostgreSQL does not start: see %s/log\n", pg->dir);
	_exit(99);
}

void
pg_kill(struct pg *pg)
{
	daemon_stop(pg->pid, SIGKILL);
	pg->pid = 0;
}

void
pg_destroy(struct pg *pg)
{
	if (pg->pid)
		daemon_stop(pg->pid, SIGQUIT);
	daemon_remove_dir(pg->dir);
}

const char *
pg_shared(void)
{
	return getenv(SHARED);
}

static struct pg shared; /* the runner's */

ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
	(void)tests;
	pg_create(&shared);
	pg_start(&shared);
	setenv(SHARED, shared.conninfo, 1);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	pg_destroy(&shared);
}
