#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/base/utf8.h"

static char path[] = "/tmp/test_log.XXXXXX";
static char text[1 << 20];

static void
set_up(void)
{
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	close(fd);
	cr_assert_eq(log_open(path, "test", LOG_INFO), ERR_OK);
}

static void
tear_down(void)
{
	log_close();
	unlink(path);
}

TestSuite(log, .init = set_up, .fini = tear_down);

/* What is in the file. */
static const char *
written(void)
{
	FILE *f = fopen(path, "r");

	cr_assert_not_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return text;
}

static size_t
n_lines(void)
{
	const char *s = written();
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += *s == '\n';
	return n;
}

/* The only line in the file, which is proper JSON in UTF-8; freed by the caller. */
static json_object *
only_line(void)
{
	const char *s;
	size_t len;
	json_tokener *tokener = json_tokener_new();
	json_object *line;

	log_flush();
	s = written();
	len = strlen(s);
	cr_assert_gt(len, 0);
	cr_assert_leq(len, 8192);
	cr_assert_eq(strchr(s, '\n'), s + len - 1);
	cr_assert(utf8_valid(s, len));
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	line = json_tokener_parse_ex(tokener, s, (int)len);
	cr_assert_eq(json_tokener_get_error(tokener), json_tokener_success, "%s", s);
	json_tokener_free(tokener);
	return line;
}

static const char *
member(json_object *line, const char *name)
{
	return json_object_get_string(json_object_object_get(line, name));
}

Test(log, writes_one_object_per_line)
{
	json_object *line;
	int64_t ts;

	cr_assert(log_begin(LOG_INFO, "request"));
	log_text("target", "/x");
	log_int("status", 302);
	log_int("delta", -7);
	log_text("absent", NULL);
	log_end();
	line = only_line();
	cr_assert_eq(json_object_object_length(line), 8);
	cr_assert_eq(clock_parse(member(line, "ts"), &ts), ERR_OK);
	cr_assert_lt(llabs(clock_wall_us() - ts), 60000000);
	cr_assert_str_eq(member(line, "level"), "info");
	cr_assert_str_eq(member(line, "msg"), "request");
	cr_assert_str_eq(member(line, "program"), "test");
	cr_assert_eq(json_object_get_int(json_object_object_get(line, "pid")), getpid());
	cr_assert_str_eq(member(line, "target"), "/x");
	cr_assert_eq(json_object_get_int(json_object_object_get(line, "status")), 302);
	cr_assert_eq(json_object_get_int(json_object_object_get(line, "delta")), -7);
	json_object_put(line);
}

Test(log, writes_valid_json_whatever_the_bytes)
{
	char bytes[256];
	json_object *line;
	int i;

	for (i = 0; i < 255; i++)
		bytes[i] = (char)(i + 1);
	bytes[255] = '\0';
	cr_assert(log_begin(LOG_INFO, bytes));
	log_text("value", bytes);
	log_end();
	line = only_line();
	cr_assert_eq(strncmp(member(line, "value"), bytes, 127), 0);
	json_object_put(line);
}

Test(log, cuts_long_values_and_keeps_the_members_after_them)
{
	char *huge = malloc(100001);
	json_object *line;
	int i;

	memset(huge, '"', 100000);
	huge[100000] = '\0';
	cr_assert(log_begin(LOG_INFO, "x"));
	for (i = 0; i < 4; i++)
		log_text((const char *[]){ "a", "b", "c", "d" }[i], huge);
	log_text("request_id", "0123456789abcdef0123456789abcdef");
	log_int("status", 500);
	log_end();
	line = only_line();
	cr_assert_gt(strlen(member(line, "a")), 1500);
	cr_assert_str_eq(strchr(member(line, "a"), '.'), "...");
	cr_assert_str_eq(member(line, "request_id"), "0123456789abcdef0123456789abcdef");
	cr_assert_str_eq(member(line, "status"), "500");
	json_object_put(line);
	free(huge);
}

Test(log, cuts_no_character_in_two)
{
	char smiles[40001] = "";
	json_object *line;
	int i;

	for (i = 0; i < 40000; i += 4)
		memcpy(smiles + i, "\xf0\x9f\x98\x80", 5);
	cr_assert(log_begin(LOG_INFO, "x"));
	log_text("a", smiles + 0);
	log_text("b", smiles);
	log_end();
	line = only_line();
	cr_assert(utf8_valid(member(line, "a"), strlen(member(line, "a"))));
	json_object_put(line);
}

Test(log, leaves_out_members_that_find_no_room)
{
	char name[16];
	json_object *line;
	int i;

	cr_assert(log_begin(LOG_INFO, "x"));
	for (i = 0; i < 2000; i++) {
		snprintf(name, sizeof(name), "member%04d", i);
		log_int(name, INT64_MIN);
		log_text(name, "\x01\x02\x03\x04\x05\x06\x07\x08");
	}
	log_end();
	line = only_line();
	cr_assert_gt(json_object_object_length(line), 50);
	json_object_put(line);
}

Test(log, skips_what_is_below_its_level)
{
	cr_assert_not(log_begin(LOG_DEBUG, "x"));
	log_text("a", "b");
	log_int("c", 1);
	log_end();
	log_event(LOG_DEBUG, "x", "%s", "y");
	log_flush();
	cr_assert_str_eq(written(), "");
}

Test(log, knows_its_levels_by_name)
{
	cr_assert_eq(log_level_of("debug"), LOG_DEBUG);
	cr_assert_eq(log_level_of("info"), LOG_INFO);
	cr_assert_eq(log_level_of("warn"), LOG_WARN);
	cr_assert_eq(log_level_of("error"), LOG_ERROR);
	cr_assert_eq(log_level_of("loud"), LOG_INFO);
	cr_assert_eq(log_level_of("Warning"), LOG_WARN);
}

Test(log, explains_an_event)
{
	json_object *line;

	log_event(LOG_WARN, "database", "%s: %d", "refused", 5);
	line = only_line();
	cr_assert_str_eq(member(line, "level"), "warn");
	cr_assert_str_eq(member(line, "msg"), "database");
	cr_assert_str_eq(member(line, "diag"), "refused: 5");
	json_object_put(line);
}

Test(log, keeps_quiet_lines_back_until_a_flush)
{
	log_event(LOG_INFO, "x", "1");
	cr_assert_eq(n_lines(), 0);
	log_flush();
	cr_assert_eq(n_lines(), 1);
	log_flush();
	cr_assert_eq(n_lines(), 1);
}

Test(log, writes_warnings_at_once_and_in_order)
{
	const char *s;

	log_event(LOG_INFO, "first", "1");
	log_event(LOG_WARN, "second", "2");
	s = written();
	cr_assert_eq(n_lines(), 2);
	cr_assert_lt(strstr(s, "first"), strstr(s, "second"));
}

Test(log, writes_a_full_buffer)
{
	size_t i;

	for (i = 0; i < 1000; i++)
		log_event(LOG_INFO, "x", "%0300d", 1);
	cr_assert_gt(n_lines(), 800);
	log_flush();
	cr_assert_eq(n_lines(), 1000);
}

Test(log, writes_lines_that_have_become_old)
{
	log_flush_if_older(0);
	log_event(LOG_INFO, "x", "1");
	log_flush_if_older(INT64_C(60000000));
	cr_assert_eq(n_lines(), 0);
	usleep(2000);
	log_flush_if_older(1000);
	cr_assert_eq(n_lines(), 1);
}

Test(log, may_be_flushed_amid_a_line)
{
	log_event(LOG_INFO, "x", "1");
	cr_assert(log_begin(LOG_INFO, "y"));
	log_flush();
	cr_assert_eq(n_lines(), 1);
	log_text("tail", "end");
	log_end();
	log_flush();
	cr_assert_eq(n_lines(), 2);
	cr_assert_not_null(strstr(written(), "\n{\"ts\":"));
	cr_assert_not_null(strstr(text, "\"tail\":\"end\"}\n"));
}

Test(log, follows_a_rotation)
{
	char moved[64];

	log_event(LOG_WARN, "before", "1");
	snprintf(moved, sizeof(moved), "%s.1", path);
	cr_assert_eq(rename(path, moved), 0);
	log_event(LOG_INFO, "buffered", "2");
	log_reopen();
	log_event(LOG_WARN, "after", "3");
	cr_assert_eq(n_lines(), 2);
	cr_assert_not_null(strstr(text, "buffered"));
	cr_assert_not_null(strstr(text, "after"));
	unlink(moved);
}

Test(log, keeps_the_old_file_when_it_can_not_reopen)
{
	char dir[] = "/tmp/test_log.XXXXXX", file[80], moved[64];
	struct stat st;

	cr_assert_not_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/log", dir);
	snprintf(moved, sizeof(moved), "%s.moved", dir);
	cr_assert_eq(log_open(file, "test", LOG_INFO), ERR_OK);
	cr_assert_eq(rename(dir, moved), 0);
	log_reopen();
	log_event(LOG_WARN, "x", "1");
	snprintf(file, sizeof(file), "%s/log", moved);
	cr_assert_eq(stat(file, &st), 0);
	cr_assert_gt(st.st_size, 0);
	unlink(file);
	rmdir(moved);
}

Test(log, tells_why_it_can_not_open)
{
	char long_path[5000];

	cr_assert_eq(log_open("/nonexistent/log", "test", LOG_INFO), ERR_UNAVAILABLE);
	cr_assert_eq(errno, ENOENT);
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[sizeof(long_path) - 1] = '\0';
	cr_assert_eq(log_open(long_path, "test", LOG_INFO), ERR_UNAVAILABLE);
	cr_assert_eq(errno, ENAMETOOLONG);
	log_event(LOG_WARN, "still here", "1");
	cr_assert_eq(n_lines(), 1);
}

Test(log, drops_a_parents_lines_in_a_child_that_opens_anew)
{
	int status;

	log_event(LOG_INFO, "parent", "1");
	if (fork() == 0) {
		if (log_open(path, "child", LOG_INFO))
			_exit(1);
		log_event(LOG_INFO, "child", "2");
		log_close();
		_exit(0);
	}
	cr_assert_gt(wait(&status), 0);
	cr_assert_eq(status, 0);
	log_flush();
	cr_assert_eq(n_lines(), 2);
}

Test(log, survives_a_sink_that_refuses)
{
	cr_assert_eq(log_open("/dev/full", "test", LOG_INFO), ERR_OK);
	log_event(LOG_WARN, "x", "lost");
	cr_assert_eq(log_open(path, "test", LOG_INFO), ERR_OK);
	log_event(LOG_WARN, "x", "kept");
	cr_assert_eq(n_lines(), 1);
}

Test(log, writes_to_standard_error_for_a_dash_and_before_it_is_opened)
{
	int fd = open(path, O_WRONLY | O_APPEND);

	log_close();
	cr_assert_geq(dup2(fd, STDERR_FILENO), 0);
	close(fd);
	log_event(LOG_WARN, "closed", "1");
	cr_assert_eq(log_open("-", "test", LOG_DEBUG), ERR_OK);
	log_reopen();
	log_event(LOG_DEBUG, "dash", "2");
	log_close();
	log_event(LOG_ERROR, "closed again", "3");
	cr_assert_eq(n_lines(), 3);
}
