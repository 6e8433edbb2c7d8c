#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/metric.h"
#include "lib/base/metric_family.h"
#include "lib/base/metric_view.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

/* A page that is being written. */
struct page {
	struct buf *out;
	enum metric_format format;
};

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
		buf_printf(out, "%c%s=\"%s\"", sep, dim->label, metric_view_label(id, value, text));
		sep = ',';
	}
	if (le) {
		buf_printf(out, "%cle=\"%s\"", sep, le);
		sep = ',';
	}
	if (sep == ',')
		buf_addc(out, '}');
	buf_addc(out, ' ');
}

static void
render_seconds(struct buf *out, int64_t us)
{
	buf_printf(out, "%" PRId64 ".%06" PRId64, us / 1000000, us % 1000000);
}

static void
render_counter(const struct page *p, enum metric m, size_t series, const uint64_t *cell)
{
	buf_adds(p->out, metric_families[m].name);
	render_labels(p->out, m, series, NULL);
	if (metric_families[m].type == COUNTER_US)
		render_seconds(p->out, (int64_t)*cell);
	else
		buf_printf(p->out, "%" PRIu64, *cell);
	buf_addc(p->out, '\n');
}

static void
render_exemplar(const struct page *p, enum metric m, size_t series, size_t bucket)
{
	struct exemplar e;

	if (p->format != METRIC_OPENMETRICS || !metric_view_exemplar(m, series, bucket, &e))
		return;
	buf_printf(p->out, " # {trace_id=\"%016" PRIx64 "%016" PRIx64 "\"} ", e.trace_id[0],
	    e.trace_id[1]);
	render_seconds(p->out, e.duration_us);
	buf_addc(p->out, ' ');
	render_seconds(p->out, e.at_us);
}

static void
render_histogram(const struct page *p, enum metric m, size_t series, const uint64_t *cell)
{
	const char *name = metric_families[m].name;
	uint64_t below = 0;
	size_t i;

	for (i = 0; i < METRIC_BUCKETS; i++) {
		below += cell[i];
		buf_printf(p->out, "%s_bucket", name);
		render_labels(p->out, m, series, metric_bounds[i]);
		buf_printf(p->out, "%" PRIu64, below);
		render_exemplar(p, m, series, i);
		buf_addc(p->out, '\n');
	}
	buf_printf(p->out, "%s_sum", name);
	render_labels(p->out, m, series, NULL);
	render_seconds(p->out, (int64_t)cell[METRIC_SUM_CELL]);
	buf_printf(p->out, "\n%s_count", name);
	render_labels(p->out, m, series, NULL);
	buf_printf(p->out, "%" PRIu64 "\n", below);
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
render_counts(const struct page *p, enum metric m)
{
	const uint64_t *cell = metric_view_totals(m);
	size_t series, width = metric_series_cells(m);

	for (series = 0; series < metric_series(m); series++, cell += width) {
		if (is_silent(m, cell))
			continue;
		if (metric_families[m].type == HISTOGRAM)
			render_histogram(p, m, series, cell);
		else
			render_counter(p, m, series, cell);
	}
}

static void
render_gauges(const struct page *p, enum metric m)
{
	bool has_labels = metric_families[m].dims[0] != DIM_NONE;
	double value;
	size_t series;

	for (series = 0; series < metric_series(m); series++) {
		if (!metric_view_gauge(m, series, &value) && has_labels)
			continue;
		buf_adds(p->out, metric_families[m].name);
		render_labels(p->out, m, series, NULL);
		buf_printf(p->out, "%.16g\n", value);
	}
}

/* OpenMetrics names a family of counters without the suffix of its samples. */
static void
render_head(const struct page *p, const struct metric_family *f)
{
	static const char *const types[] = {
		[COUNTER] = "counter",
		[COUNTER_US] = "counter",
		[HISTOGRAM] = "histogram",
		[GAUGE_SUM] = "gauge",
		[GAUGE_MAX] = "gauge",
		[GAUGE_EVER] = "gauge",
	};
	static const char suffix[] = "_total";
	size_t n = strlen(f->name);

	if (p->format == METRIC_OPENMETRICS && f->type <= COUNTER_US)
		n -= strlen(suffix);
	buf_printf(p->out, "# HELP %.*s %s\n# TYPE %.*s %s\n", (int)n, f->name, f->help, (int)n,
	    f->name, types[f->type]);
}

static void
render_family(const struct page *p, enum metric m)
{
	render_head(p, &metric_families[m]);
	if (metric_families[m].type < GAUGE_SUM)
		render_counts(p, m);
	else
		render_gauges(p, m);
}

static void
render_build(const struct page *p)
{
	static const struct metric_family build = { .name = "terse_build_info",
		.type = GAUGE_MAX,
		.help = "The program's version; always 1." };

	render_head(p, &build);
	buf_adds(p->out, "terse_build_info{version=\"" PACKAGE_VERSION "\"} 1\n");
}

void
metric_render(struct buf *out, enum metric_format format)
{
	const struct page page = { out, format };
	size_t m;

	metric_view_take();
	for (m = 0; m < M__COUNT; m++)
		render_family(&page, (enum metric)m);
	render_build(&page);
	if (format == METRIC_OPENMETRICS)
		buf_adds(out, "# EOF\n");
}
