#include "lib/base/metric.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/metric_exemplar.h"
#include "lib/base/metric_family.h"
#include "lib/base/metric_name.h"
#include "lib/base/metric_view.h"
#include "lib/base/shm.h"

enum {
	LAYOUT = 2, /* of what is beside the cells, and what the locks mean */
	SLOTS = 128,
	CELLS = 16384, /* numbers in a slot; use_private checks that they are enough */
	ROUTES = METRIC_ROUTES,
	POOLS = METRIC_POOLS,
	EXEMPLARS = ROUTES * METRIC_BUCKETS /* of M_HTTP_DURATION */
};

/* Cells are as in metric_family.h, family after family. */
struct slot {
	_Alignas(64) _Atomic uint64_t used; /* whether it ever had a process */
	_Atomic uint64_t cells[CELLS];
};

struct shared {
	struct metric_name routes[ROUTES], pools[POOLS];
	struct metric_exemplar exemplars[EXEMPLARS];
	struct slot slots[SLOTS];
};

static struct metric_name private_routes[ROUTES], private_pools[POOLS];
static struct metric_exemplar private_exemplars[EXEMPLARS];
static struct slot private_slot;

static struct {
	struct shared *map; /* NULL: all is private */
	struct metric_name *routes, *pools;
	struct metric_exemplar *exemplars;
	struct slot *slots, *mine;
	size_t n_slots;
	int fd;    /* of the map: its lock on the byte that a slot's number names tells we live */
	pid_t pid; /* who opened it */
	unsigned route_of[ROUTES];      /* the host's number of each of our routes */
	uint32_t cell_of[M__COUNT + 1]; /* a family's first cell */
	uint64_t totals[CELLS];         /* of metric_view_take, like the next */
	bool is_alive[SLOTS];
} metrics;

/* The state before metric_open and after metric_close. */
static void
use_private(void)
{
	size_t i;

	for (i = 0; i < M__COUNT; i++)
		metrics.cell_of[i + 1] =
		    metrics.cell_of[i] +
		    (uint32_t)(metric_series((enum metric)i) * metric_series_cells((enum metric)i));
	assert(metrics.cell_of[M__COUNT] <= CELLS);
	for (i = 0; i < ROUTES; i++)
		metrics.route_of[i] = ROUTES - 1;
	metrics.map = NULL;
	metrics.routes = private_routes;
	metrics.pools = private_pools;
	metrics.exemplars = private_exemplars;
	metrics.slots = metrics.mine = &private_slot;
	metrics.n_slots = 1;
	private_slot.used = 1;
}

static struct flock
lock_of(size_t slot, short type)
{
	return (struct flock){
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = (off_t)slot,
		.l_len = 1,
	};
}

/* The kernel lets go of a lock when its process ends, however that ends; a number of a process
 * would be another's one day. */
static bool
lock(int fd, size_t slot, short type)
{
	struct flock l = lock_of(slot, type);

	return fcntl(fd, F_OFD_SETLK, &l) == 0;
}

static bool
is_locked(int fd, size_t slot)
{
	struct flock l = lock_of(slot, F_WRLCK);

	return fcntl(fd, F_OFD_GETLK, &l) != 0 || l.l_type != F_UNLCK;
}

/* A gauge's cell is 0 while the gauge is unset; the bits of a negative zero are those of a
 * gauge that was set to 0. */
static double
gauge_load(const struct slot *s, size_t cell)
{
	uint64_t bits = atomic_load_explicit(&s->cells[cell], memory_order_relaxed);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

static void
gauge_store(_Atomic uint64_t *cell, double value)
{
	uint64_t bits;

	value = value == 0 ? -0.0 : value;
	memcpy(&bits, &value, sizeof(bits));
	atomic_store_explicit(cell, bits, memory_order_relaxed);
}

/* Unsets what must not outlive the process. */
static void
gauges_end(struct slot *s)
{
	size_t m, cell;

	for (m = 0; m < M__COUNT; m++) {
		if (metric_families[m].type != GAUGE_SUM && metric_families[m].type != GAUGE_MAX)
			continue;
		for (cell = metrics.cell_of[m]; cell < metrics.cell_of[m + 1]; cell++)
			atomic_store_explicit(&s->cells[cell], 0, memory_order_relaxed);
	}
}

/* Takes a slot that has no living process. */
static struct slot *
slot_take(struct slot *slots, int fd)
{
	size_t i;

	for (i = 0; i < SLOTS; i++) {
		if (!lock(fd, i, F_WRLCK))
			continue;
		atomic_store(&slots[i].used, 1);
		gauges_end(&slots[i]);
		return &slots[i];
	}
	return NULL;
}

enum err
metric_open(const char *run_dir, const char *const *routes, size_t n_routes)
{
	struct slot *mine;
	void *map;
	size_t i;
	int fd;

	assert(n_routes <= ROUTES);
	metric_close();
	if (shm_map_open(run_dir, "metrics",
		metric_layout() ^ ((uint64_t)LAYOUT << 32 | sizeof(struct shared)),
		sizeof(struct shared), &map, &fd))
		return ERR_UNAVAILABLE;
	mine = slot_take(((struct shared *)map)->slots, fd);
	if (!mine) {
		shm_unmap(map, sizeof(struct shared));
		close(fd);
		errno = ENOSPC;
		return ERR_UNAVAILABLE;
	}
	metrics.map = map;
	metrics.routes = metrics.map->routes;
	metrics.pools = metrics.map->pools;
	metrics.exemplars = metrics.map->exemplars;
	metrics.slots = metrics.map->slots;
	metrics.n_slots = SLOTS;
	metrics.mine = mine;
	metrics.fd = fd;
	metrics.pid = getpid();
	for (i = 0; i < n_routes; i++)
		metrics.route_of[i] = metric_name_number(metrics.routes, ROUTES, routes[i]);
	return ERR_OK;
}

void
metric_close(void)
{
	/* After a fork the slot is still the parent's, and its lock, which both have. */
	if (metrics.map && metrics.pid == getpid()) {
		gauges_end(metrics.mine);
		(void)lock(metrics.fd, (size_t)(metrics.mine - metrics.slots), F_UNLCK);
	}
	if (metrics.map) {
		shm_unmap(metrics.map, sizeof(struct shared));
		close(metrics.fd);
	}
	use_private();
}

unsigned
metric_pool(const char *name)
{
	if (!metrics.mine)
		use_private();
	return metric_name_number(metrics.pools, POOLS, name);
}

static size_t
series_of(enum metric m, const unsigned labels[METRIC_LABELS])
{
	size_t series = 0, i;

	for (i = 0; i < METRIC_LABELS; i++) {
		enum metric_dim_id dim = metric_families[m].dims[i];

		assert(labels[i] < metric_dims[dim].n);
		series = series * metric_dims[dim].n +
			 (dim == DIM_ROUTE ? metrics.route_of[labels[i]] : labels[i]);
	}
	return series;
}

/* The first of our cells for a metric with these labels. */
static _Atomic uint64_t *
cells(enum metric m, const unsigned labels[METRIC_LABELS])
{
	if (!metrics.mine)
		use_private();
	return &metrics.mine
		    ->cells[metrics.cell_of[m] + series_of(m, labels) * metric_series_cells(m)];
}

static void
count(_Atomic uint64_t *cell, uint64_t n)
{
	atomic_fetch_add_explicit(cell, n, memory_order_relaxed);
}

void
metric_add(enum metric m, unsigned l0, unsigned l1, unsigned l2, uint64_t n)
{
	assert(metric_families[m].type < HISTOGRAM);
	count(cells(m, (unsigned[METRIC_LABELS]){ l0, l1, l2 }), n);
}

void
metric_set(enum metric m, double value)
{
	metric_set_at(m, 0, 0, value);
}

void
metric_set_at(enum metric m, unsigned l0, unsigned l1, double value)
{
	assert(metric_families[m].type >= GAUGE_SUM);
	gauge_store(cells(m, (unsigned[METRIC_LABELS]){ l0, l1 }), value);
}

static size_t
bucket_of(int64_t duration_us)
{
	size_t i = 0;

	while (i < METRIC_BUCKETS - 1 && duration_us > metric_bounds_us[i])
		i++;
	return i;
}

void
metric_observe(enum metric m, unsigned l0, int64_t duration_us)
{
	_Atomic uint64_t *cell;

	assert(metric_families[m].type == HISTOGRAM);
	cell = cells(m, (unsigned[METRIC_LABELS]){ l0 });
	if (duration_us < 0)
		duration_us = 0;
	count(&cell[bucket_of(duration_us)], 1);
	count(&cell[METRIC_SUM_CELL], (uint64_t)duration_us);
}

static struct metric_exemplar *
exemplar_at(size_t series, size_t bucket)
{
	return &metrics.exemplars[series * METRIC_BUCKETS + bucket];
}

void
metric_observe_traced(enum metric m, unsigned l0, int64_t duration_us, const char *trace_id)
{
	struct exemplar e = { .duration_us = duration_us < 0 ? 0 : duration_us };

	metric_observe(m, l0, duration_us);
	if (!trace_id || m != M_HTTP_DURATION || !exemplar_parse_id(trace_id, e.trace_id))
		return;
	e.at_us = clock_wall_us();
	exemplar_store(
	    exemplar_at(series_of(m, (unsigned[METRIC_LABELS]){ l0 }), bucket_of(e.duration_us)),
	    &e);
}

/* Who asks does not see its own lock. */
static bool
slot_is_alive(size_t i)
{
	if (&metrics.slots[i] == metrics.mine)
		return true;
	return atomic_load(&metrics.slots[i].used) && is_locked(metrics.fd, i);
}

static void
look_who_lives(void)
{
	size_t i;

	for (i = 0; i < metrics.n_slots; i++)
		metrics.is_alive[i] = slot_is_alive(i);
}

bool
metric_view_gauge(enum metric m, size_t series, double *ret_value)
{
	enum metric_type type = metric_families[m].type;
	bool is_set = false;
	size_t i;

	*ret_value = 0;
	for (i = 0; i < metrics.n_slots; i++) {
		double own;

		if (type != GAUGE_EVER && !metrics.is_alive[i])
			continue;
		own = gauge_load(&metrics.slots[i], metrics.cell_of[m] + series);
		if (own == 0 && !signbit(own))
			continue;
		is_set = true;
		if (type == GAUGE_SUM)
			*ret_value += own;
		else if (own > *ret_value)
			*ret_value = own;
	}
	return is_set;
}

double
metric_get(enum metric m)
{
	double value;

	assert(metric_families[m].type >= GAUGE_SUM && metric_families[m].dims[0] == DIM_NONE);
	look_who_lives();
	metric_view_gauge(m, 0, &value);
	return value;
}

/* The cells of all slots, a slot after the other as they lie in memory. */
void
metric_view_take(void)
{
	size_t i, cell, n;

	if (!metrics.mine)
		use_private();
	look_who_lives();
	n = metrics.cell_of[M__COUNT];
	memset(metrics.totals, 0, sizeof(metrics.totals));
	for (i = 0; i < metrics.n_slots; i++) {
		const struct slot *s = &metrics.slots[i];

		if (!atomic_load(&s->used))
			continue;
		for (cell = 0; cell < n; cell++)
			metrics.totals[cell] +=
			    atomic_load_explicit(&s->cells[cell], memory_order_relaxed);
	}
}

const uint64_t *
metric_view_totals(enum metric m)
{
	return metrics.totals + metrics.cell_of[m];
}

bool
metric_view_exemplar(enum metric m, size_t series, size_t bucket, struct exemplar *ret)
{
	return m == M_HTTP_DURATION && exemplar_load(exemplar_at(series, bucket), ret);
}

const char *
metric_view_label(enum metric_dim_id id, size_t value, char text[METRIC_NAME_SIZE])
{
	const struct metric_dim *dim = &metric_dims[id];

	if (dim->values)
		return dim->values[value];
	return metric_name_text(id == DIM_POOL ? metrics.pools : metrics.routes, (unsigned)dim->n,
	    (unsigned)value, text);
}
