#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/log.h"
#include "lib/base/log_level.h"

static char dir[] = "/tmp/test_log_level.XXXXXX";
static char path[64];
static struct log_level_word *word;

static void
set_up(void)
{
	cr_assert_not_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	cr_assert_eq(log_level_map(dir, &word), ERR_OK);
	cr_assert_eq(log_open(path, "test", LOG_INFO), ERR_OK);
}

static void
tear_down(void)
{
	char command[128];

	log_close();
	log_level_unmap(word);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(log_level, .init = set_up, .fini = tear_down);

static bool
is_logged(enum log_level level)
{
	bool yes = log_begin(level, "x");

	log_end();
	return yes;
}

Test(log_level, knows_the_names_of_levels)
{
	enum log_level level = LOG_DEBUG;

	cr_assert(log_level_parse("WARN", &level));
	cr_assert_eq(level, LOG_WARN);
	cr_assert(log_level_parse("warning", &level));
	cr_assert_eq(level, LOG_WARN);
	cr_assert_not(log_level_parse("", &level));
	cr_assert_not(log_level_parse("warnings", &level));
	cr_assert_eq(level, LOG_WARN);
	for (int i = 0; i < LOG__COUNT; i++)
		cr_assert_eq((int)log_level_of(log_level_name((enum log_level)i)), i);
}

Test(log_level, leaves_programs_their_own_until_somebody_sets_one)
{
	log_obey(dir);
	cr_assert_not(is_logged(LOG_DEBUG));
	cr_assert(is_logged(LOG_INFO));
	log_level_set(word, LOG_DEBUG);
	cr_assert(log_level_is_set(word));
	cr_assert(is_logged(LOG_DEBUG));
	log_level_set(word, LOG_ERROR);
	cr_assert_not(is_logged(LOG_WARN));
	cr_assert(is_logged(LOG_ERROR));
	log_level_clear(word);
	cr_assert_not(log_level_is_set(word));
	cr_assert(is_logged(LOG_INFO));
}

Test(log_level, is_that_of_all_processes_also_of_later_ones)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		log_obey(dir);
		_exit(is_logged(LOG_DEBUG) ? 0 : 1);
	}
	waitpid(child, &status, 0);
	cr_assert_eq(WEXITSTATUS(status), 1);
	log_level_set(word, LOG_DEBUG);
	child = fork();
	if (child == 0) {
		log_obey(dir);
		_exit(is_logged(LOG_DEBUG) ? 0 : 1);
	}
	waitpid(child, &status, 0);
	cr_assert_eq(status, 0);
}

Test(log_level, without_a_word_or_with_a_wild_one_is_the_programs)
{
	cr_assert_eq(log_level_least(NULL, LOG_WARN), LOG_WARN);
	memset(word, 0xff, sizeof(int));
	cr_assert_eq(log_level_least(word, LOG_WARN), LOG_WARN);
	cr_assert_not(log_level_is_set(word));
}

Test(log_level, says_when_there_is_no_shared_memory)
{
	char text[4096] = "";
	FILE *f;

	log_obey("/nonexistent");
	cr_assert(is_logged(LOG_INFO));
	log_flush();
	f = fopen(path, "r");
	cr_assert_not_null(f);
	cr_assert_gt(fread(text, 1, sizeof(text) - 1, f), 0);
	fclose(f);
	cr_assert_not_null(strstr(text, "\"log level\""));
}
