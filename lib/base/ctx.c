#include "lib/base/ctx.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "lib/base/clock.h"

void
ctx_init(struct ctx *cx, struct arena *a, int64_t timeout_ms)
{
	*cx = (struct ctx){
		.arena = a,
		.request_id = "",
		.deadline_us = clock_mono_us() + timeout_ms * 1000,
	};
}

int64_t
ctx_left_us(const struct ctx *cx)
{
	int64_t left = cx->deadline_us - clock_mono_us();

	return left > 0 ? left : 0;
}

enum err
ctx_fail(struct ctx *cx, enum err e, const char *fmt, ...)
{
	va_list args;

	if (cx->diag[0] != '\0')
		return e;
	va_start(args, fmt);
	vsnprintf(cx->diag, sizeof(cx->diag), fmt, args);
	va_end(args);
	return e;
}

enum err
ctx_refuse(struct ctx *cx, enum err e, const char *detail)
{
	if (!cx->detail)
		cx->detail = detail;
	return e;
}
