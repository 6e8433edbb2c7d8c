/*
 * The L1 table: each two bytes of the input are an operation on one of a few codes, done
 * through one of two views of the table. What it says is what a model says, or nothing.
 */
#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/data/l1.h"
#include "tests/fuzz/fuzz.h"

enum { CODES = 32, TABLE_BYTES = 140 * 1024 };

enum op { GET, BEGIN_SHORT, BEGIN_LONG, FILL, CHANGE, FORGET, OPS };

struct code {
	char name[32];
	int64_t version; /* as the database has it */
	int64_t kept;    /* as the table may have it; 0: not */
	struct {
		struct url_target target; /* version 0: none is under way */
		uint64_t ticket;
		bool is_void; /* the code was invalidated meanwhile */
		char location[L1_LOCATION_SIZE];
	} fill;
};

static void
remove_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY);
	DIR *d = fdopendir(fd);
	struct dirent *entry;

	assert(d);
	while ((entry = readdir(d)))
		if (entry->d_name[0] != '.')
			(void)unlinkat(fd, entry->d_name, 0);
	(void)closedir(d);
	(void)rmdir(dir);
}

/* Made once, and kept by being mapped. */
static struct l1 *const *
views(void)
{
	static struct l1 *two[2];
	char dir[] = "/tmp/fuzz_l1.XXXXXX";

	if (two[0])
		return two;
	assert(mkdtemp(dir));
	two[0] = l1_new(dir, TABLE_BYTES);
	two[1] = l1_new(dir, TABLE_BYTES);
	assert(two[0] && two[1]);
	remove_dir(dir);
	return two;
}

/* The codes of each input are new ones. */
static void
begin(struct code codes[CODES])
{
	static unsigned long serial;

	serial++;
	for (int i = 0; i < CODES; i++) {
		codes[i].version = 1;
		codes[i].kept = codes[i].fill.target.version = 0;
		(void)snprintf(codes[i].name, sizeof(codes[i].name), "%lx.%d", serial, i);
	}
}

static void
locate(const struct code *c, int64_t version, size_t length, char where[L1_LOCATION_SIZE])
{
	int n = snprintf(where, L1_LOCATION_SIZE, "http://%s/%ld/", c->name, (long)version);

	memset(where + n, 'x', length);
	where[(size_t)n + length] = '\0';
}

static void
get(struct l1 *l, struct code *c)
{
	char location[L1_LOCATION_SIZE], start[L1_LOCATION_SIZE];
	struct url_target t;
	uint64_t ticket;

	if (!l1_get(l, c->name, &t, location, &ticket))
		return;
	assert(t.version == c->kept && t.url_id == c->kept + 1 && t.user_id == 3);
	assert(t.status == 302 && t.is_active == (c->kept % 2 == 1));
	locate(c, c->kept, 0, start);
	assert(strncmp(t.location, start, strlen(start)) == 0);
	assert(strspn(t.location + strlen(start), "x") == strlen(t.location + strlen(start)));
}

static void
begin_fill(struct l1 *l, struct code *c, size_t length)
{
	struct url_target unused;

	(void)l1_get(l, c->name, &unused, c->fill.location, &c->fill.ticket);
	locate(c, c->version, length, c->fill.location);
	c->fill.target = (struct url_target){ .version = c->version,
		.url_id = c->version + 1,
		.user_id = 3,
		.status = 302,
		.is_active = c->version % 2 == 1,
		.location = c->fill.location };
	c->fill.is_void = false;
}

static void
fill(struct l1 *l, struct code *c)
{
	if (c->fill.target.version == 0)
		return;
	l1_fill(l, c->name, &c->fill.target, c->fill.ticket);
	if (!c->fill.is_void)
		c->kept = c->fill.target.version;
	c->fill.target.version = 0;
}

/* A change, or only its second announcement. */
static void
invalidate(struct l1 *l, struct code *c, int64_t versions)
{
	c->version += versions;
	l1_invalidate(l, c->name);
	c->kept = 0;
	c->fill.is_void = true;
}

static void
act(struct l1 *l, struct code *c, enum op op, uint8_t byte)
{
	if (op == BEGIN_SHORT)
		begin_fill(l, c, byte % 150);
	else if (op == BEGIN_LONG)
		begin_fill(l, c, 200 + (size_t)byte * 8);
	else if (op == FILL)
		fill(l, c);
	else if (op == CHANGE || op == FORGET)
		invalidate(l, c, op == CHANGE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct code codes[CODES];
	struct l1 *const *two = views();

	begin(codes);
	for (size_t i = 0; i + 1 < n; i += 2) {
		struct code *c = &codes[data[i] % CODES];

		act(two[data[i] / CODES % 2], c, data[i + 1] % OPS, data[i + 1]);
		get(two[data[i + 1] % 2], c);
	}
	return 0;
}
