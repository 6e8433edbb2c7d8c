#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/terse/command.h"
#include "lib/base/metric_family.h"

static const char *const types[] = {
	[COUNTER] = "counter",
	[COUNTER_US] = "counter",
	[HISTOGRAM] = "histogram",
	[GAUGE_SUM] = "gauge, summed",
	[GAUGE_MAX] = "gauge",
	[GAUGE_EVER] = "gauge, kept",
};

static void
print_label(const struct metric_dim *dim)
{
	printf("`%s`", dim->label);
	for (size_t i = 0; dim->values && i < dim->n; i++)
		printf("%s%s", i == 0 ? ": " : ", ", dim->values[i]);
}

static void
print_family(const struct metric_family *f)
{
	printf("| `%s` | %s | ", f->name, types[f->type]);
	for (size_t i = 0; i < METRIC_LABELS && f->dims[i] != DIM_NONE; i++) {
		printf("%s", i == 0 ? "" : "; ");
		print_label(&metric_dims[f->dims[i]]);
	}
	printf(" | %s |\n", f->help);
}

int
metrics_command(const struct settings *s, int argc, char **argv)
{
	(void)s;
	if (argc != 1 || strcmp(argv[0], "--markdown") != 0) {
		fprintf(stderr, "usage: terse metrics --markdown\n");
		return 2;
	}
	printf("| name | type | labels | what it is |\n|---|---|---|---|\n");
	for (size_t i = 0; i < M__COUNT; i++)
		print_family(&metric_families[i]);
	return EXIT_SUCCESS;
}
