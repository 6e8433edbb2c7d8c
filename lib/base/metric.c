#include "lib/base/metric.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/metric_family.h"
#include "lib/base/metric_name.h"
#include "lib/base/shm.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

enum {
	SLOTS = 128,
	CELLS = 16384, /* numbers in a slot; use_private checks that they are enough */
	ROUTES = METRIC_ROUTES,
	POOLS = METRIC_POOLS
};

/* Cells are as in metric_family.h, family after family. */
struct slot {
	_Alignas(64) _Atomic int32_t pid; /* 0: free */
	_Atomic uint32_t used;            /* whether it ever had a process */
	_Atomic uint64_t cells[CELLS];
};

struct shared {
	struct metric_name routes[ROUTES], pools[POOLS];
	struct slot slots[SLOTS];
};

static struct metric_name private_routes[ROUTES], private_pools[POOLS];
static struct slot private_slot;

static struct {
	struct shared *map; /* NULL: all is private */
	struct metric_name *routes, *pools;
	struct slot *slots, *mine;
	size_t n_slots;
	unsigned route_of[ROUTES];      /* the host's number of each of our routes */
	uint32_t cell_of[M__COUNT + 1]; /* a family's first cell */
	uint64_t totals[CELLS];         /* of metric_render */
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
	metrics.slots = metrics.mine = &private_slot;
	metrics.n_slots = 1;
	private_slot.pid = getpid();
	private_slot.used = 1;
}

static bool
is_alive(int32_t pid)
{
	return pid > 0 && (kill(pid, 0) == 0 || errno != ESRCH);
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

/* Takes a slot that has no living process. A pid that is ours was another's before. */
static struct slot *
slot_take(struct slot *slots)
{
	int32_t me = getpid();
	size_t i;

	for (i = 0; i < SLOTS; i++) {
		struct slot *s = &slots[i];
		int32_t pid = atomic_load(&s->pid);

		if ((pid != me && is_alive(pid)) ||
		    !atomic_compare_exchange_strong(&s->pid, &pid, me))
			continue;
		atomic_store(&s->used, 1);
		gauges_end(s);
		return s;
	}
	errno = ENOSPC;
	return NULL;
}

enum err
metric_open(const char *run_dir, const char *const *routes, size_t n_routes)
{
	struct slot *mine;
	void *map;
	size_t i;

	assert(n_routes <= ROUTES);
	metric_close();
	if (shm_map(run_dir, "metrics", metric_layout() ^ sizeof(struct shared),
		sizeof(struct shared), &map))
		return ERR_UNAVAILABLE;
	mine = slot_take(((struct shared *)map)->slots);
	if (!mine) {
		shm_unmap(map, sizeof(struct shared));
		errno = ENOSPC;
		return ERR_UNAVAILABLE;
	}
	metrics.map = map;
	metrics.routes = metrics.map->routes;
	metrics.pools = metrics.map->pools;
	metrics.slots = metrics.map->slots;
	metrics.n_slots = SLOTS;
	metrics.mine = mine;
	for (i = 0; i < n_routes; i++)
		metrics.route_of[i] = metric_name_number(metrics.routes, ROUTES, routes[i]);
	return ERR_OK;
}

void
metric_close(void)
{
	/* After a fork the slot is still the parent's. */
	if (metrics.map && atomic_load(&metrics.mine->pid) == getpid()) {
		gauges_end(metrics.mine);
		atomic_store(&metrics.mine->pid, 0);
	}
	if (metrics.map)
		shm_unmap(metrics.map, sizeof(struct shared));
	use_private();
}

unsigned
metric_pool(const char *name)
{
	if (!metrics.mine)
		use_private();
	return metric_name_number(metrics.pools, POOLS, name);
}

/* The first of our cells for a metric with these labels. */
static _Atomic uint64_t *
cells(enum metric m, const unsigned labels[METRIC_LABELS])
{
	size_t series = 0, i;

	if (!metrics.mine)
		use_private();
	for (i = 0; i < METRIC_LABELS; i++) {
		enum metric_dim_id dim = metric_families[m].dims[i];

		assert(labels[i] < metric_dims[dim].n);
		series = series * metric_dims[dim].n +
			 (dim == DIM_ROUTE ? metrics.route_of[labels[i]] : labels[i]);
	}
	return &metrics.mine->cells[metrics.cell_of[m] + series * metric_series_cells(m)];
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

void
metric_observe(enum metric m, unsigned l0, int64_t duration_us)
{
	_Atomic uint64_t *cell;
	size_t i = 0;

	assert(metric_families[m].type == HISTOGRAM);
	cell = cells(m, (unsigned[METRIC_LABELS]){ l0 });
	if (duration_us < 0)
		duration_us = 0;
	while (i < METRIC_BUCKETS - 1 && duration_us > metric_bounds_us[i])
		i++;
	count(&cell[i], 1);
	count(&cell[METRIC_SUM_CELL], (uint64_t)duration_us);
}

void
metric_observe_traced(enum metric m, unsigned l0, int64_t duration_us, const char *trace_id)
{
	(void)trace_id;
	metric_observe(m, l0, duration_us);
}

static bool
slot_is_alive(const struct slot *s)
{
	return atomic_load(&s->used) && is_alive(atomic_load(&s->pid));
}

/* Returns whether anybody has set the gauge in that cell. */
static bool
gauge_get(enum metric_type type, size_t cell, double *ret_value)
{
	bool is_set = false;
	size_t i;

	*ret_value = 0;
	for (i = 0; i < metrics.n_slots; i++) {
		const struct slot *s = &metrics.slots[i];
		double own = gauge_load(s, cell);

		if ((own == 0 && !signbit(own)) || (type != GAUGE_EVER && !slot_is_alive(s)))
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
	gauge_get(metric_families[m].type, metrics.cell_of[m], &value);
	return value;
}

/* Sums the cells of all slots, a slot after the other as they lie in memory. */
static void
sum_up(uint64_t totals[CELLS])
{
	size_t i, cell, n = metrics.cell_of[M__COUNT];

	memset(totals, 0, CELLS * sizeof(*totals));
	for (i = 0; i < metrics.n_slots; i++) {
		const struct slot *s = &metrics.slots[i];

		if (!atomic_load(&s->used))
			continue;
		for (cell = 0; cell < n; cell++)
			totals[cell] += atomic_load_explicit(&s->cells[cell], memory_order_relaxed);
	}
}

static const char *
value_text(enum metric_dim_id id, size_t value, char text[METRIC_NAME_SIZE])
{
	const struct metric_dim *dim = &metric_dims[id];

	if (dim->values)
		return dim->values[value];
	return metric_name_text(id == DIM_POOL ? metrics.pools : metrics.routes, (unsigned)dim->n,
	    (unsigned)value, text);
}

/* Writes {label="value",...} of a series; le is the bound of a bucket, or NULL. */
static void
render_labels(struct buf *out, enum metric m, size_t series, const char *le)
{
	size_t rest = metric_series(m), i;
	char sep = '{', text[METRIC_NAME_SIZE];

	for (i = 0; i < METRIC_LABELS && metric_families[m].dims[i] != DIM_NONE; i++) {
		enum metric_dim_id id = metric_families[m].dims[i];
		const struct metric_dim *dim = &metric_dims[id];
		size_t value = series % rest / (rest / dim->n);

		rest /= dim->n;
		buf_printf(out, "%c%s=\"%s\"", sep, dim->label, value_text(id, value, text));
		sep = ',';
	}
	if (le) {
		buf_printf(out, "%cle=\"%s\"", sep, le);
		sep = ',';
	}
	if (sep == ',')
		buf_addc(out, '}');
}

static void
render_count(struct buf *out, uint64_t n)
{
	buf_printf(out, " %" PRIu64 "\n", n);
}

static void
render_seconds(struct buf *out, uint64_t us)
{
	buf_printf(out, " %" PRIu64 ".%06" PRIu64 "\n", us / 1000000, us % 1000000);
}

static void
render_counter(struct buf *out, enum metric m, size_t series, const uint64_t *cell)
{
	buf_adds(out, metric_families[m].name);
	render_labels(out, m, series, NULL);
	if (metric_families[m].type == COUNTER_US)
		render_seconds(out, *cell);
	else
		render_count(out, *cell);
}

static void
render_histogram(struct buf *out, enum metric m, size_t series, const uint64_t *cell)
{
	const char *name = metric_families[m].name;
	uint64_t below = 0, sum_us = cell[METRIC_SUM_CELL];
	size_t i;

	for (i = 0; i < METRIC_BUCKETS; i++) {
		below += cell[i];
		buf_printf(out, "%s_bucket", name);
		render_labels(out, m, series, metric_bounds[i]);
		render_count(out, below);
	}
	buf_printf(out, "%s_sum", name);
	render_labels(out, m, series, NULL);
	render_seconds(out, sum_us);
	buf_printf(out, "%s_count", name);
	render_labels(out, m, series, NULL);
	render_count(out, below);
}

/* Whether nothing was ever counted in a series that has labels. */
static bool
is_silent(enum metric m, const uint64_t *cell)
{
	size_t i;

	for (i = 0; i < metric_series_cells(m); i++)
		if (cell[i] > 0)
			return false;
	return metric_families[m].dims[0] != DIM_NONE;
}

static void
render_family(struct buf *out, enum metric m)
{
	const uint64_t *cell = metrics.totals + metrics.cell_of[m];
	size_t series, width = metric_series_cells(m);

	for (series = 0; series < metric_series(m); series++, cell += width) {
		if (is_silent(m, cell))
			continue;
		if (metric_families[m].type == HISTOGRAM)
			render_histogram(out, m, series, cell);
		else
			render_counter(out, m, series, cell);
	}
}

static void
render_gauges(struct buf *out, enum metric m)
{
	bool has_labels = metric_families[m].dims[0] != DIM_NONE;
	double value;
	size_t series;

	for (series = 0; series < metric_series(m); series++) {
		if (!gauge_get(metric_families[m].type, metrics.cell_of[m] + series, &value) &&
		    has_labels)
			continue;
		buf_adds(out, metric_families[m].name);
		render_labels(out, m, series, NULL);
		buf_printf(out, " %.16g\n", value);
	}
}

static void
render_head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void
render_build(struct buf *out)
{
	render_head(out, "terse_build_info", "gauge", "The program's version; always 1.");
	buf_adds(out, "terse_build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
}

void
metric_render(struct buf *out)
{
	static const char *const types[] = {
		[COUNTER] = "counter",
		[COUNTER_US] = "counter",
		[HISTOGRAM] = "histogram",
		[GAUGE_SUM] = "gauge",
		[GAUGE_MAX] = "gauge",
		[GAUGE_EVER] = "gauge",
	};
	size_t m;

	if (!metrics.mine)
		use_private();
	sum_up(metrics.totals);
	for (m = 0; m < M__COUNT; m++) {
		const struct metric_family *f = &metric_families[m];

		render_head(out, f->name, types[f->type], f->help);
		if (f->type < GAUGE_SUM)
			render_family(out, (enum metric)m);
		else
			render_gauges(out, (enum metric)m);
	}
	render_build(out);
}
