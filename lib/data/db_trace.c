#include "lib/data/db_trace.h"

#include "lib/base/arena.h"
#include "lib/base/trace.h"

const char *
db_trace_sign(struct arena *a, const struct trace_ref *ref, const char *sql)
{
	char text[TRACE_PARENT_SIZE];
	const char *both = arena_printf(a, "/*traceparent='%s'*/ %s", trace_format(ref, text), sql);

	return both ? both : sql;
}
