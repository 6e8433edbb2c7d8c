#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/settings.h"

static struct settings s;
static char why[256];
static char file_path[] = "/tmp/test_settings.XXXXXX";
static char secret_path[] = "/tmp/test_settings.XXXXXX";

static void
make_file(char *path, const char *bytes, size_t n)
{
	int fd = mkstemp(path);

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, n), (ssize_t)n);
	close(fd);
}

/* Makes the settings' file. */
static void
have_file(const char *text)
{
	make_file(file_path, text, strlen(text));
	setenv("TERSE_SETTINGS", file_path, 1);
}

static void
have_secret_file(const char *name, const char *bytes, size_t n)
{
	make_file(secret_path, bytes, n);
	setenv(name, secret_path, 1);
}

static void
set_up(void)
{
	clearenv();
}

static void
tear_down(void)
{
	settings_release(&s);
	unlink(file_path);
	unlink(secret_path);
}

TestSuite(settings, .init = set_up, .fini = tear_down);

static void
assert_loads(void)
{
	cr_assert_eq(settings_load(&s, why, sizeof(why)), ERR_OK, "%s", why);
}

static void
assert_refused(const char *reason)
{
	cr_assert_eq(settings_load(&s, why, sizeof(why)), ERR_INVALID, "wanted: %s", reason);
	cr_assert_eq(strncmp(why, reason, strlen(reason)), 0, "%s", why);
	settings_release(&s);
}

Test(settings, have_defaults)
{
	char host[65] = "";

	gethostname(host, sizeof(host) - 1);
	assert_loads();
	cr_assert_str_eq(s.state_dir, "/var/lib/terse");
	cr_assert_eq(s.http_port, 8080);
	cr_assert(s.rate_exempt_loopback);
	cr_assert_str_eq(s.log_file, "-");
	cr_assert_str_eq(s.log_level, "info");
	cr_assert_str_eq(s.host, host);
	cr_assert_str_eq(s.base_url, "http://127.0.0.1:8080");
	cr_assert_str_eq(s.admin_key, "");
	cr_assert_eq(s.import_max_bytes, 536870912);
	cr_assert_str_eq(s.db, "host=/run/terse port=6432 dbname=terse user=terse_app");
	cr_assert_eq(s.barrier_waiters, 2);
}

Test(settings, come_from_the_environment)
{
	setenv("TERSE_HTTP_PORT", "9000", 1);
	setenv("TERSE_RATE_EXEMPT_LOOPBACK", "off", 1);
	setenv("TERSE_BASE_URL", "https://go.example", 1);
	setenv("TERSE_LOG_LEVEL", "debug", 1);
	setenv("TERSE_HOST", "edge1", 1);
	setenv("TERSE_REDIS_SOCKET", "", 1);
	setenv("TERSE_STATE", "/unknown/names/are/left/alone", 1);
	assert_loads();
	cr_assert_eq(s.http_port, 9000);
	cr_assert_not(s.rate_exempt_loopback);
	cr_assert_str_eq(s.base_url, "https://go.example");
	cr_assert_str_eq(s.log_level, "debug");
	cr_assert_str_eq(s.host, "edge1");
	cr_assert_str_eq(s.redis_socket, "");
}

Test(settings, do_not_depend_on_the_environment_once_loaded)
{
	setenv("TERSE_HOST", "edge1", 1);
	assert_loads();
	setenv("TERSE_HOST", "other", 1);
	clearenv();
	cr_assert_str_eq(s.host, "edge1");
}

Test(settings, come_from_a_file)
{
	have_file("# a comment\n"
		  "\n"
		  "  \t# another = one\n"
		  "TERSE_HTTP_PORT=9001\n"
		  "TERSE_DB=host=/x dbname=a b \n"
		  "TERSE_OWN_HOSTS=a=b,#c");
	assert_loads();
	cr_assert_eq(s.http_port, 9001);
	cr_assert_str_eq(s.db, "host=/x dbname=a b ");
	cr_assert_str_eq(s.own_hosts, "a=b,#c");
}

Test(settings, prefer_the_environment_to_the_file)
{
	have_file("TERSE_HTTP_PORT=9001\nTERSE_HTTPS_PORT=9002\n");
	setenv("TERSE_HTTP_PORT", "9003", 1);
	assert_loads();
	cr_assert_eq(s.http_port, 9003);
	cr_assert_eq(s.https_port, 9002);
}

Test(settings, ignore_an_empty_file_name)
{
	setenv("TERSE_SETTINGS", "", 1);
	assert_loads();
}

Test(settings, refuse_lines_of_the_file_by_number)
{
	static const char *const rows[][2] = {
		{ "\nTERSE_HTTP_PORT\n", "TERSE_SETTINGS: line 2: not NAME=value" },
		{ "TERSE_NOTHING=1\n",
		    "TERSE_SETTINGS: line 1: no setting is named TERSE_NOTHING" },
		{ "PATH=/bin\n", "TERSE_SETTINGS: line 1: no setting is named PATH" },
		{ "TERSE_HTTP_POR=1\n",
		    "TERSE_SETTINGS: line 1: no setting is named TERSE_HTTP_POR" },
		{ " TERSE_HTTP_PORT=1\n", "TERSE_SETTINGS: line 1: no setting is named" },
		{ "=1\n", "TERSE_SETTINGS: line 1: no setting is named" },
		{ "TERSE_HTTP_PORT_FILE=/x\n", "TERSE_SETTINGS: line 1: no setting is named" },
		{ "TERSE_HOST=a\n#\nTERSE_HOST=a\n",
		    "TERSE_SETTINGS: line 3: TERSE_HOST is set twice" },
		{ "TERSE_ADMIN_KEY=\nTERSE_ADMIN_KEY_FILE=/x\n",
		    "TERSE_SETTINGS: line 2: TERSE_ADMIN_KEY is set twice" },
		{ "TERSE_HOST=a\r\n", "TERSE_HOST: has a control character" },
	};
	size_t i;

	for (i = 0; i < N(rows); i++) {
		strcpy(file_path, "/tmp/test_settings.XXXXXX");
		have_file(rows[i][0]);
		assert_refused(rows[i][1]);
		unlink(file_path);
	}
}

Test(settings, refuse_files_that_can_not_be_read)
{
	static char large[70000];

	setenv("TERSE_SETTINGS", "/nonexistent/file", 1);
	assert_refused("TERSE_SETTINGS: /nonexistent/file: No such file");
	setenv("TERSE_SETTINGS", "/tmp", 1);
	assert_refused("TERSE_SETTINGS: /tmp: Is a directory");
	clearenv();
	have_secret_file("TERSE_SETTINGS", "TERSE_HOST=a\0b\n", 15);
	assert_refused("TERSE_SETTINGS: /tmp/test_settings.");
	cr_assert_not_null(strstr(why, "has a NUL"));
	memset(large, '#', sizeof(large));
	make_file(file_path, large, sizeof(large));
	setenv("TERSE_SETTINGS", file_path, 1);
	assert_refused("TERSE_SETTINGS: /tmp/test_settings.");
	cr_assert_not_null(strstr(why, "larger than 64 KiB"));
}

Test(settings, refuse_bad_values_by_name)
{
	static const char *const rows[][3] = {
		{ "TERSE_HTTP_PORT", "0", "TERSE_HTTP_PORT: must be an integer from 1 to 65535" },
		{ "TERSE_HTTP_PORT", "65536", "TERSE_HTTP_PORT: must be" },
		{ "TERSE_HTTP_PORT", "", "TERSE_HTTP_PORT: must be" },
		{ "TERSE_HTTP_PORT", "80x", "TERSE_HTTP_PORT: must be" },
		{ "TERSE_CODE_LENGTH", "3", "TERSE_CODE_LENGTH: must be an integer from 4 to 32" },
		{ "TERSE_CODE_LENGTH", "33", "TERSE_CODE_LENGTH: must be" },
		{ "TERSE_RATE_EXEMPT_LOOPBACK", "yes",
		    "TERSE_RATE_EXEMPT_LOOPBACK: must be on or off" },
		{ "TERSE_LOG_LEVEL", "loud",
		    "TERSE_LOG_LEVEL: must be one of these: debug info warn" },
		{ "TERSE_LOG_LEVEL", "warn er", "TERSE_LOG_LEVEL: must be one of these" },
		{ "TERSE_LOG_LEVEL", "", "TERSE_LOG_LEVEL: must have 1 to 8 bytes" },
		{ "TERSE_RUN_DIR", "run", "TERSE_RUN_DIR: must be an absolute path" },
		{ "TERSE_RUN_DIR", "", "TERSE_RUN_DIR: must have 1 to 64 bytes" },
		{ "TERSE_REDIS_SOCKET", "redis.sock",
		    "TERSE_REDIS_SOCKET: must be an absolute path" },
		{ "TERSE_HOST", "a\nb", "TERSE_HOST: has a control character" },
		{ "TERSE_HOST", "\xff", "TERSE_HOST: has a control character or is not UTF-8" },
		{ "TERSE_BASE_URL", "ftp://x", "TERSE_BASE_URL: must be http://" },
		{ "TERSE_BASE_URL", "http://", "TERSE_BASE_URL: must be http://" },
		{ "TERSE_BASE_URL", "https:///x", "TERSE_BASE_URL: must be http://" },
		{ "TERSE_BASE_URL", "https://x/", "TERSE_BASE_URL: must be http://" },
		{ "TERSE_ADMIN_KEY", "fifteen-letters",
		    "TERSE_ADMIN_KEY: must have 16 to 256 bytes" },
	};
	size_t i;

	for (i = 0; i < N(rows); i++) {
		clearenv();
		setenv(rows[i][0], rows[i][1], 1);
		assert_refused(rows[i][2]);
	}
}

Test(settings, never_tell_a_secret)
{
	setenv("TERSE_ADMIN_KEY", "hunter2", 1);
	assert_refused("TERSE_ADMIN_KEY");
	cr_assert_null(strstr(why, "hunter2"));
}

Test(settings, read_secrets_from_files)
{
	have_secret_file("TERSE_ADMIN_KEY_FILE", "0123456789abcdef\n", 17);
	setenv("TERSE_DB_PASSWORD", "p", 1);
	assert_loads();
	cr_assert_str_eq(s.admin_key, "0123456789abcdef");
	cr_assert_str_eq(s.db_password, "p");
}

Test(settings, cut_one_newline_of_a_secret_only)
{
	have_secret_file("TERSE_ADMIN_KEY_FILE", "0123456789abcdef\n\n", 18);
	assert_refused("TERSE_ADMIN_KEY: has a control character");
}

Test(settings, take_an_empty_secret_file_for_no_secret)
{
	have_secret_file("TERSE_ADMIN_KEY_FILE", "", 0);
	assert_loads();
	cr_assert_str_eq(s.admin_key, "");
}

Test(settings, read_secret_files_that_the_file_names)
{
	char line[128];

	make_file(secret_path, "fedcba9876543210", 16);
	snprintf(line, sizeof(line), "TERSE_VISITOR_KEY_FILE=%s\n", secret_path);
	have_file(line);
	assert_loads();
	cr_assert_str_eq(s.visitor_key, "fedcba9876543210");
	settings_release(&s);
	setenv("TERSE_VISITOR_KEY", "0123456789abcdef", 1);
	assert_loads();
	cr_assert_str_eq(s.visitor_key, "0123456789abcdef");
}

Test(settings, refuse_a_secret_that_is_set_in_two_ways)
{
	setenv("TERSE_ADMIN_KEY", "0123456789abcdef", 1);
	setenv("TERSE_ADMIN_KEY_FILE", "/x", 1);
	assert_refused("TERSE_ADMIN_KEY: TERSE_ADMIN_KEY_FILE is set, too");
}

Test(settings, refuse_a_secret_file_that_is_away)
{
	setenv("TERSE_ADMIN_KEY_FILE", "/nonexistent/key", 1);
	assert_refused("TERSE_ADMIN_KEY: /nonexistent/key: No such file");
}

Test(settings, may_be_released_twice)
{
	assert_loads();
	settings_release(&s);
	settings_release(&s);
	cr_assert_null(s.db);
}

/* What print writes; freed by the caller. */
static char *
printed(void (*print)(FILE *))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	print(out);
	fclose(out);
	return text;
}

static size_t
n_lines(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

Test(settings, print_defaults_that_load_as_a_file)
{
	char *text = printed(settings_print_defaults);

	cr_assert_not_null(strstr(text, "TERSE_HTTP_PORT=8080\n"));
	cr_assert_null(strstr(text, "TERSE_ADMIN_KEY"));
	have_file(text);
	assert_loads();
	free(text);
}

Test(settings, print_a_markdown_row_for_each)
{
	enum { HEAD = 2, SECRETS = 5 };
	char *text = printed(settings_print_markdown), *defaults = printed(settings_print_defaults);

	cr_expect_eq(n_lines(text), HEAD + SECRETS + n_lines(defaults));
	cr_expect_not_null(strstr(
	    text, "| `TERSE_HTTP_PORT` | integer, 1..65535 | `8080` | nginx's port for HTTP |\n"));
	cr_expect_not_null(strstr(text, "| `TERSE_DB_TIMEOUT_MS` | integer, 10..600000 ms |"));
	cr_expect_not_null(strstr(text, "| `TERSE_LOG_LEVEL` | word: debug info warn error |"));
	cr_expect_not_null(strstr(text, "| `TERSE_ADMIN_KEY` | secret, 16..256 bytes |  |"));
	free(text);
	free(defaults);
}
