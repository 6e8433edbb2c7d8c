/*
 * The L1 table when its writers are killed or stopped in the middle of a write, and when
 * readers and writers are at it on every core: what is read was written so, and is not older
 * than an invalidation that had returned.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/data/l1.h"
#include "tests/unit/daemon.h"

/* One bucket for long Locations, so that everybody meets there, and few for short ones. */
enum { TINY = 140 * 1024, WAYS = 7 };
enum { CODES = 40 }; /* those with odd numbers are long */

static char dir[64], location[L1_LOCATION_SIZE];
static struct url_target got;
static struct l1 *l;

static void
set_up(void)
{
	daemon_dir(dir, "l1");
	l = l1_new(dir, TINY);
	cr_assert_not_null(l);
}

static void
tear_down(void)
{
	l1_free(l);
	daemon_remove_dir(dir);
}

TestSuite(l1_crash, .init = set_up, .fini = tear_down, .timeout = 120);

/* All of a target follows from its code's number and its version, so that a torn one shows. */
static void
make(int number, int64_t version, struct url_target *ret_target, char where[L1_LOCATION_SIZE])
{
	size_t length = number % 2 ? 1500 + (size_t)(version % 700) : (size_t)(version % 150);
	int n = snprintf(where, L1_LOCATION_SIZE, "http://%d/%lld/", number, (long long)version);

	memset(where + n, 'a' + (int)(version % 26), length);
	where[(size_t)n + length] = '\0';
	*ret_target = (struct url_target){
		.version = version,
		.url_id = version * 1000 + number,
		.user_id = version * 7,
		.status = version % 2 ? 302 : 308,
		.is_active = version % 3,
		.location = where,
	};
}

static void
name(int number, char code[16])
{
	snprintf(code, 16, "code%d", number);
}

static bool
is_torn(int number, const struct url_target *t)
{
	char where[L1_LOCATION_SIZE];
	struct url_target whole;

	make(number, t->version, &whole, where);
	return t->url_id != whole.url_id || t->user_id != whole.user_id ||
	       t->status != whole.status || t->is_active != whole.is_active ||
	       strcmp(t->location, where) != 0;
}

static void
fill(struct l1 *table, int number, int64_t version, uint64_t ticket)
{
	char where[L1_LOCATION_SIZE], code[16];
	struct url_target t;

	make(number, version, &t, where);
	name(number, code);
	l1_fill(table, code, &t, ticket);
}

/* Whether it is here, whole; a torn one ends the process. */
static bool
get(struct l1 *table, int number, struct url_target *ret_target, uint64_t *ret_ticket)
{
	char code[16];

	name(number, code);
	if (!l1_get(table, code, ret_target, location, ret_ticket))
		return false;
	if (is_torn(number, ret_target)) {
		fprintf(stderr, "torn: %d %lld\n", number, (long long)ret_target->version);
		abort();
	}
	return true;
}

static void
invalidate(struct l1 *table, int number)
{
	char code[16];

	name(number, code);
	l1_invalidate(table, code);
}

/* What the processes of a test know of each other. */
struct world {
	_Atomic int64_t begun; /* the version whose ticket a writer has taken last */
	_Atomic int64_t hits, over;
	/* of a code: its versions as the database has them, as a cache has them, and of the
	 * last invalidation that returned */
	_Atomic int64_t committed[CODES], cached[CODES], announced[CODES];
};

static struct world *
make_world(void)
{
	void *map = mmap(
	    NULL, sizeof(struct world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(map, MAP_FAILED);
	return map;
}

/* Ends with the test, whatever becomes of that. */
static pid_t
fork_child(void)
{
	pid_t parent = getpid(), pid = fork();

	cr_assert_geq(pid, 0);
	if (pid == 0 && (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent))
		_exit(1);
	return pid;
}

/* A process that fills all the time, long Locations only. */
static pid_t
start_filler(struct world *w)
{
	pid_t pid = fork_child();
	struct l1 *own;
	uint64_t ticket;

	if (pid != 0)
		return pid;
	own = l1_new(dir, TINY);
	for (int64_t i = 1;; i++) {
		int number = (int)(i * 2 + 1) % CODES;

		get(own, number, &got, &ticket);
		atomic_store(&w->begun, i);
		fill(own, number, i, ticket);
	}
}

/* How many long ones can be here at once. */
static int
count_room(int64_t version)
{
	uint64_t ticket;
	int kept = 0;

	for (int i = 1; i < CODES; i += 2) {
		get(l, i, &got, &ticket);
		fill(l, i, version, ticket);
	}
	for (int i = 1; i < CODES; i += 2)
		kept += get(l, i, &got, &ticket);
	return kept;
}

static void
invalidate_all(void)
{
	for (int i = 0; i < CODES; i++)
		invalidate(l, i);
}

Test(l1_crash, slots_of_killed_writers_are_reclaimed)
{
	struct world *w = make_world();
	unsigned seed = 1;

	for (int i = 0; i < 300; i++) {
		pid_t pid = start_filler(w);
		int room;

		for (int tries = 0; atomic_load(&w->begun) == 0 && tries < 10000; tries++)
			usleep(100);
		usleep((unsigned)rand_r(&seed) % 500);
		kill(pid, SIGKILL);
		cr_assert_eq(waitpid(pid, NULL, 0), pid);
		atomic_store(&w->begun, 0);
		invalidate_all();
		room = count_room(INT64_C(1) << 40);
		cr_assert_eq(room, WAYS, "%d after %d", room, i);
		invalidate_all();
	}
}

/* No entry is of a fill whose ticket was taken before the writer was stopped. */
static void
check_newer(int64_t than)
{
	uint64_t ticket;

	for (int i = 1; i < CODES; i += 2)
		if (get(l, i, &got, &ticket))
			cr_assert_gt(got.version, than);
}

Test(l1_crash, a_stopped_writer_blocks_nobody_and_harms_nothing_when_it_goes_on)
{
	struct world *w = make_world();
	pid_t pid = start_filler(w);
	int least = WAYS, status;
	unsigned seed = 1;

	for (int i = 0; i < 2000; i++) {
		int64_t begun;
		int room;

		usleep((unsigned)rand_r(&seed) % 200);
		kill(pid, SIGSTOP);
		cr_assert_eq(waitpid(pid, &status, WUNTRACED), pid);
		cr_assert(WIFSTOPPED(status));
		begun = atomic_load(&w->begun);
		invalidate_all();
		check_newer(begun);
		room = count_room(begun + 1);
		least = room < least ? room : least;
		cr_assert_geq(room, WAYS - 1, "all but the one that it may be at");
		kill(pid, SIGCONT);
		usleep((unsigned)rand_r(&seed) % 200);
		check_newer(begun);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	cr_assert_eq(least, WAYS - 1, "it was never stopped in a write");
}

/*
 * The torture: writers that change and invalidate, readers that read, and fill from a
 * database and from a cache that is a moment behind it.
 */

enum { WRITERS = 2, READERS = 3, TORTURE_US = 4 * 1000 * 1000 };

static void
dawdle(unsigned *seed)
{
	if (rand_r(seed) % 64 == 0)
		usleep((unsigned)rand_r(seed) % 50);
}

static void
change(struct world *w, struct l1 *own, int number, unsigned *seed)
{
	int64_t version = atomic_load(&w->committed[number]) + 1;

	atomic_store(&w->committed[number], version);
	dawdle(seed);
	atomic_store(&w->cached[number], version);
	dawdle(seed);
	invalidate(own, number);
	atomic_store(&w->announced[number], version);
}

/* Each writer has codes of its own. */
static void
run_writer(struct world *w, int id)
{
	struct l1 *own = l1_new(dir, 0);
	unsigned seed = (unsigned)id + 1;

	while (!atomic_load(&w->over)) {
		int number = rand_r(&seed) % (CODES / WRITERS) * WRITERS + id;

		change(w, own, number, &seed);
		dawdle(&seed);
	}
	l1_free(own);
}

static void
run_reader(struct world *w, int id)
{
	struct l1 *own = l1_new(dir, TINY);
	unsigned seed = (unsigned)id + 100;
	int64_t hits = 0;

	while (!atomic_load(&w->over)) {
		int number = rand_r(&seed) % CODES;
		int64_t announced = atomic_load(&w->announced[number]), version;
		uint64_t ticket;

		if (get(own, number, &got, &ticket)) {
			if (got.version < announced)
				abort();
			hits++;
			continue;
		}
		version =
		    atomic_load(rand_r(&seed) % 2 ? &w->cached[number] : &w->committed[number]);
		dawdle(&seed);
		fill(own, number, version, ticket);
	}
	atomic_fetch_add(&w->hits, hits);
	l1_free(own);
}

static void
start(struct world *w, void (*run)(struct world *w, int id), int id)
{
	if (fork_child() == 0) {
		run(w, id);
		_exit(0);
	}
}

Test(l1_crash, no_read_is_torn_and_none_is_stale)
{
	struct world *w = make_world();
	int status, wrong = 0;

	for (int i = 0; i < WRITERS; i++)
		start(w, run_writer, i);
	for (int i = 0; i < READERS; i++)
		start(w, run_reader, i);
	usleep(TORTURE_US);
	atomic_store(&w->over, 1);
	while (wait(&status) > 0)
		wrong += status != 0;
	cr_assert_eq(wrong, 0);
	cr_assert_geq(atomic_load(&w->hits), 10000);
}
