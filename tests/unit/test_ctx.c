#include <criterion/criterion.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/ctx.h"

Test(ctx, starts_without_explanations)
{
	struct ctx cx;

	memset(&cx, 0xff, sizeof(cx));
	ctx_init(&cx, NULL, 1000);
	cr_assert_null(cx.arena);
	cr_assert_null(cx.detail);
	cr_assert_str_eq(cx.diag, "");
	cr_assert_str_eq(cx.request_id, "");
}

Test(ctx, counts_down_to_its_deadline)
{
	struct ctx cx;
	int64_t left;

	ctx_init(&cx, NULL, 60000);
	left = ctx_left_us(&cx);
	cr_assert(left > 50000000 && left <= 60000000);
	cx.deadline_us = clock_mono_us() - 1;
	cr_assert_eq(ctx_left_us(&cx), 0);
}

Test(ctx, keeps_the_first_reason_for_the_operator)
{
	struct ctx cx;

	ctx_init(&cx, NULL, 0);
	cr_assert_eq(ctx_fail(&cx, ERR_DEADLINE, "query %d", 1), ERR_DEADLINE);
	cr_assert_eq(ctx_fail(&cx, ERR_INTERNAL, "query %d", 2), ERR_INTERNAL);
	cr_assert_str_eq(cx.diag, "query 1");
	cr_assert_null(cx.detail);
}

Test(ctx, cuts_a_long_reason)
{
	struct ctx cx;

	ctx_init(&cx, NULL, 0);
	ctx_fail(&cx, ERR_INTERNAL, "%0500d", 1);
	cr_assert_eq(strlen(cx.diag), sizeof(cx.diag) - 1);
}

Test(ctx, keeps_the_first_reason_for_the_client)
{
	struct ctx cx;

	ctx_init(&cx, NULL, 0);
	cr_assert_eq(ctx_refuse(&cx, ERR_CONFLICT, "taken"), ERR_CONFLICT);
	cr_assert_eq(ctx_refuse(&cx, ERR_INVALID, "other"), ERR_INVALID);
	cr_assert_str_eq(cx.detail, "taken");
	cr_assert_str_eq(cx.diag, "");
}
