#include <criterion/criterion.h>

#include "lib/data/sqlstate.h"

Test(sqlstate, goes_by_the_class_unless_a_code_is_known)
{
	static const struct {
		const char *state;
		enum err err;
	} rows[] = {
		{ "22P02", ERR_INVALID },
		{ "23505", ERR_CONFLICT },
		{ "23503", ERR_NOT_FOUND },
		{ "23502", ERR_INTERNAL },
		{ "23514", ERR_INTERNAL },
		{ "40001", ERR_UNAVAILABLE },
		{ "40P01", ERR_UNAVAILABLE },
		{ "42601", ERR_INTERNAL },
		{ "42P01", ERR_UNAVAILABLE },
		{ "42703", ERR_UNAVAILABLE },
		{ "53300", ERR_UNAVAILABLE },
		{ "54000", ERR_INVALID },
		{ "55P03", ERR_UNAVAILABLE },
		{ "57014", ERR_DEADLINE },
		{ "57P01", ERR_UNAVAILABLE },
		{ "25006", ERR_UNAVAILABLE },
		{ "58030", ERR_UNAVAILABLE },
		{ "XX000", ERR_INTERNAL },
		{ "", ERR_INTERNAL },
	};

	for (size_t i = 0; i < N(rows); i++)
		cr_expect_eq(sqlstate_err(rows[i].state), rows[i].err, "%s", rows[i].state);
}

Test(sqlstate, retries_only_what_the_server_undid)
{
	cr_expect(sqlstate_is_retryable("40001"));
	cr_expect(sqlstate_is_retryable("40P01"));
	cr_expect_not(sqlstate_is_retryable("40003"), "completion unknown");
	cr_expect_not(sqlstate_is_retryable(""));
}
