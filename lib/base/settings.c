#include "lib/base/settings.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/num.h"
#include "lib/base/utf8.h"

enum { FILE_MAX_BYTES = 64 * 1024, TEXT_MAX = 4096 };

enum type {
	INT,    /* min..max */
	SWITCH, /* on or off */
	TEXT,   /* min..max bytes, as all below */
	PATH,   /* absolute, or the default */
	WORD,   /* one of the words in `unit` */
	URL,    /* http or https, no slash at its end */
	SECRET, /* never printed; may be empty whatever min says */
	TYPE__COUNT
};

static const char *const type_names[] = {
	[INT] = "integer",
	[SWITCH] = "on or off",
	[TEXT] = "text",
	[PATH] = "path",
	[WORD] = "word",
	[URL] = "URL",
	[SECRET] = "secret",
};

_Static_assert(N(type_names) == TYPE__COUNT, "one name per type");

struct row {
	const char *name;
	enum type type;
	const char *unit; /* "": none */
	int64_t min, max;
	const char *initial;
	size_t offset;
	const char *help;
};

#define AT(member) offsetof(struct settings, member)

/* clang-format off */
static const struct row rows[] = {
	{ "TERSE_STATE_DIR", PATH, "", 1, TEXT_MAX, "/var/lib/terse", AT(state_dir),
	    "where databases, certificates and configuration live" },
	{ "TERSE_LISTEN", TEXT, "", 1, TEXT_MAX, "127.0.0.1 ::1", AT(listen),
	    "addresses, by blanks, that nginx listens on" },
	{ "TERSE_HTTP_PORT", INT, "", 1, 65535, "8080", AT(http_port),
	    "nginx's port for HTTP" },
	{ "TERSE_HTTPS_PORT", INT, "", 1, 65535, "8443", AT(https_port),
	    "nginx's port for HTTPS" },
	{ "TERSE_PROBE_PORT", INT, "", 1, 65535, "8081", AT(probe_port),
	    "nginx's port on 127.0.0.1 for /POOL/health and /POOL/health/ready" },
	{ "TERSE_API_WORKERS", INT, "", 1, 32, "4", AT(api_workers),
	    "least number of workers on each of the two sockets for the API" },
	{ "TERSE_API_WORKERS_MAX", INT, "", 1, 32, "8", AT(api_workers_max),
	    "greatest number of them, while they are busy" },
	{ "TERSE_REDIRECT_WORKERS", INT, "", 1, 32, "1", AT(redirect_workers),
	    "least number of workers on each of the two sockets for redirects" },
	{ "TERSE_REDIRECT_WORKERS_MAX", INT, "", 1, 32, "4", AT(redirect_workers_max),
	    "greatest number of them, while they are busy" },
	{ "TERSE_POOL_HIGH_PERCENT", INT, "%", 1, 100, "75", AT(pool_high_percent),
	    "busier workers than that get another one beside them" },
	{ "TERSE_POOL_LOW_PERCENT", INT, "%", 0, 99, "30", AT(pool_low_percent),
	    "of workers less busy than that one is ended" },
	{ "TERSE_POOL_WINDOW_MS", INT, "ms", 100, 3600000, "5000", AT(pool_window_ms),
	    "time over which it is measured how busy they are" },
	{ "TERSE_POOL_UP_COOLDOWN_MS", INT, "ms", 0, 86400000, "60000", AT(pool_up_cooldown_ms),
	    "least time between two workers more" },
	{ "TERSE_POOL_DOWN_COOLDOWN_MS", INT, "ms", 0, 86400000, "120000",
	    AT(pool_down_cooldown_ms),
	    "least time from any change to one worker less" },
	{ "TERSE_WORKER_REQUESTS", INT, "requests", 0, INT64_C(1) << 40, "10000000",
	    AT(worker_requests),
	    "after so many a worker is replaced by a new one; 0: never" },
	{ "TERSE_NGINX_WORKERS", INT, "", 0, 256, "0", AT(nginx_workers),
	    "nginx's processes; 0: one per core" },
	{ "TERSE_NGINX_KEEPALIVE", INT, "", 1, 16384, "4096", AT(nginx_keepalive),
	    "connections to the redirect workers that each nginx process keeps" },
	{ "TERSE_RATE_API", INT, "requests/s", 1, 1000000, "500", AT(rate_api),
	    "API requests allowed to one client" },
	{ "TERSE_RATE_REDIRECT", INT, "requests/s", 1, 1000000, "2000", AT(rate_redirect),
	    "redirects allowed to one client" },
	{ "TERSE_RATE_CONNECTIONS", INT, "", 1, 65535, "200", AT(rate_connections),
	    "connections allowed to one client" },
	{ "TERSE_RATE_EXEMPT_LOOPBACK", SWITCH, "", 0, 0, "on", AT(rate_exempt_loopback),
	    "whether loopback clients have no limits" },
	{ "TERSE_TRUSTED_PROXIES", TEXT, "", 0, TEXT_MAX, "127.0.0.1 ::1", AT(trusted_proxies),
	    "addresses or networks, by blanks, whose X-Forwarded-For is believed" },
	{ "TERSE_REDIS_MAXMEMORY", TEXT, "", 1, 32, "256mb", AT(redis_maxmemory),
	    "memory of the cache, in Redis's notation" },
	{ "TERSE_RUN_DIR", PATH, "", 1, 64, "/run/terse", AT(run_dir),
	    "where sockets and shared memory live" },
	{ "TERSE_LOG_FILE", PATH, "", 1, TEXT_MAX, "-", AT(log_file),
	    "file that log lines are appended to; `-` is standard error" },
	{ "TERSE_LOG_MAX_BYTES", INT, "bytes", 0, INT64_C(1) << 40, "67108864", AT(log_max_bytes),
	    "size at which that file is rotated; 0: never" },
	{ "TERSE_LOG_KEEP", INT, "files", 1, 1000, "5", AT(log_keep),
	    "rotated log files that are kept" },
	{ "TERSE_LOG_LEVEL", WORD, "debug info warn error", 1, 8, "info", AT(log_level),
	    "the least level that is logged" },
	{ "TERSE_POOL", TEXT, "", 0, 32, "", AT(pool),
	    "name of the pool of workers, for its log lines" },
	{ "TERSE_HOST", TEXT, "", 0, 64, "", AT(host),
	    "name of this machine in the journal's offsets; empty: the system's host name" },
	{ "TERSE_BASE_URL", URL, "", 1, 256, "http://127.0.0.1:8080", AT(base_url),
	    "what short URLs begin with" },
	{ "TERSE_OWN_HOSTS", TEXT, "", 0, TEXT_MAX, "", AT(own_hosts),
	    "further host[:port] names of this service, by commas, that no link may point to" },
	{ "TERSE_CODE_LENGTH", INT, "characters", 4, 32, "7", AT(code_length),
	    "length of generated short codes" },
	{ "TERSE_CORS_ORIGINS", TEXT, "", 0, TEXT_MAX, "", AT(cors_origins),
	    "origins, by commas, whose pages may call the API" },
	{ "TERSE_ADMIN_KEY", SECRET, "", 16, 256, "", AT(admin_key),
	    "the operator's key; empty: nobody is an operator" },
	{ "TERSE_VISITOR_KEY", SECRET, "", 16, 256, "", AT(visitor_key),
	    "keys the hash that stands for a visitor" },
	{ "TERSE_REQUEST_TIMEOUT_MS", INT, "ms", 100, 600000, "10000", AT(request_timeout_ms),
	    "deadline of a request" },
	{ "TERSE_IMPORT_TIMEOUT_MS", INT, "ms", 1000, 86400000, "600000", AT(import_timeout_ms),
	    "deadline of a bulk import" },
	{ "TERSE_BODY_MAX_BYTES", INT, "bytes", 1024, 67108864, "1048576", AT(body_max_bytes),
	    "largest body of a request" },
	{ "TERSE_IMPORT_MAX_BYTES", INT, "bytes", 1024, INT64_C(1) << 40, "536870912",
	    AT(import_max_bytes),
	    "largest body of a bulk import" },
	{ "TERSE_DB", TEXT, "", 1, TEXT_MAX,
	    "host=/run/terse port=6432 dbname=terse user=terse_app", AT(db),
	    "connection to PgBouncer, as libpq's conninfo" },
	{ "TERSE_DB_DIRECT", TEXT, "", 1, TEXT_MAX,
	    "host=/run/terse port=5432 dbname=terse user=terse_owner", AT(db_direct),
	    "connection to PostgreSQL itself, for migrations and ingest" },
	{ "TERSE_DB_PASSWORD", SECRET, "", 1, 256, "", AT(db_password),
	    "password of both connections" },
	{ "TERSE_DB_TIMEOUT_MS", INT, "ms", 10, 600000, "3000", AT(db_timeout_ms),
	    "longest wait for a connection or a query" },
	{ "TERSE_REDIS_SOCKET", PATH, "", 0, 107, "/run/terse/redis.sock", AT(redis_socket),
	    "Redis's socket; empty: no cache" },
	{ "TERSE_REDIS_TIMEOUT_MS", INT, "ms", 1, 10000, "50", AT(redis_timeout_ms),
	    "longest wait for Redis" },
	{ "TERSE_L1_BYTES", INT, "bytes", 0, INT64_C(1) << 36, "67108864", AT(l1_bytes),
	    "size of the host's table of links in shared memory; 0: none" },
	{ "TERSE_JOURNAL_DIR", PATH, "", 1, TEXT_MAX, "/var/lib/terse/journal", AT(journal_dir),
	    "where clicks wait for PostgreSQL" },
	{ "TERSE_JOURNAL_SEGMENT_BYTES", INT, "bytes", 4096, INT64_C(1) << 32, "67108864",
	    AT(journal_segment_bytes),
	    "size at which a worker begins a new segment" },
	{ "TERSE_JOURNAL_SEGMENT_AGE_MS", INT, "ms", 10, 86400000, "60000",
	    AT(journal_segment_age_ms),
	    "age at which a worker begins a new segment" },
	{ "TERSE_INGEST_INTERVAL_MS", INT, "ms", 1, 60000, "50", AT(ingest_interval_ms),
	    "pause of terse-ingest when the journal is empty" },
	{ "TERSE_INGEST_BATCH_LINES", INT, "lines", 1, 1000000, "20000", AT(ingest_batch_lines),
	    "clicks that one transaction moves" },
	{ "TERSE_BARRIER_TIMEOUT_MS", INT, "ms", 0, 60000, "1000", AT(barrier_timeout_ms),
	    "longest wait of a read for the clicks before it" },
	{ "TERSE_BARRIER_WAITERS", INT, "", 0, 256, "2", AT(barrier_waiters),
	    "workers that may wait so at once" },
};
/* clang-format on */

/* Each row has a text, then there are the file's, and the host's name. */
_Static_assert(N(rows) + 2 <= N(((struct settings *)0)->texts), "texts has room for all");

/* Where the value of a row was found; none: value is NULL. */
struct found {
	const char *value;
	bool is_path; /* of a file that holds the value */
};

/* One run of settings_load. */
struct load {
	struct settings *s;
	struct found found[N(rows)];
	char *why;
	size_t why_size;
};

static enum err refuse(struct load *l, enum err e, const char *fmt, ...) PRINTF_LIKE(3, 4);

static enum err
refuse(struct load *l, enum err e, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(l->why, l->why_size, fmt, args);
	va_end(args);
	return e;
}

/* Gives text to the settings, which free it. */
static enum err
own(struct load *l, char *text)
{
	if (!text)
		return refuse(l, ERR_MEMORY, "no memory");
	assert(l->s->n_texts < N(l->s->texts));
	l->s->texts[l->s->n_texts++] = text;
	return ERR_OK;
}

/* The whole file as an owned text without NULs. name is whom to blame. */
static enum err
read_file(struct load *l, const char *name, const char *path, char **ret_text)
{
	FILE *f = fopen(path, "re");
	char *text;
	size_t len;
	enum err e;

	if (!f)
		return refuse(l, ERR_INVALID, "%s: %s: %s", name, path, strerror(errno));
	text = calloc(1, FILE_MAX_BYTES + 1);
	e = own(l, text);
	if (e) {
		fclose(f);
		return e;
	}
	len = fread(text, 1, FILE_MAX_BYTES + 1, f);
	if (ferror(f))
		e = refuse(l, ERR_INVALID, "%s: %s: %s", name, path, strerror(errno));
	else if (len > FILE_MAX_BYTES)
		e = refuse(l, ERR_INVALID, "%s: %s: larger than 64 KiB", name, path);
	else if (strlen(text) != len)
		e = refuse(l, ERR_INVALID, "%s: %s: has a NUL", name, path);
	fclose(f);
	if (!e)
		*ret_text = text;
	return e;
}

/* The row that name belongs to, or N(rows). A secret's name may end in _FILE. */
static size_t
row_find(const char *name, bool *ret_is_path)
{
	size_t i;

	for (i = 0; i < N(rows); i++) {
		size_t n = strlen(rows[i].name);

		if (strncmp(name, rows[i].name, n) != 0)
			continue;
		*ret_is_path = rows[i].type == SECRET && strcmp(name + n, "_FILE") == 0;
		if (*ret_is_path || name[n] == '\0')
			return i;
	}
	return i;
}

static enum err
take_line(struct load *l, char *line, size_t number)
{
	char *equals = strchr(line, '=');
	const char *start = line + strspn(line, " \t");
	bool is_path;
	size_t i;

	if (*start == '\0' || *start == '#')
		return ERR_OK;
	if (!equals)
		return refuse(l, ERR_INVALID, "TERSE_SETTINGS: line %zu: not NAME=value", number);
	*equals = '\0';
	i = row_find(line, &is_path);
	if (i == N(rows))
		return refuse(l, ERR_INVALID, "TERSE_SETTINGS: line %zu: no setting is named %.64s",
		    number, line);
	if (l->found[i].value)
		return refuse(l, ERR_INVALID, "TERSE_SETTINGS: line %zu: %s is set twice", number,
		    rows[i].name);
	l->found[i] = (struct found){ equals + 1, is_path };
	return ERR_OK;
}

static enum err
take_settings_file(struct load *l)
{
	const char *path = getenv("TERSE_SETTINGS");
	size_t number = 1;
	char *text = NULL, *line;
	enum err e;

	if (!path || *path == '\0')
		return ERR_OK;
	e = read_file(l, "TERSE_SETTINGS", path, &text);
	while (!e && (line = strsep(&text, "\n")))
		e = take_line(l, line, number++);
	return e;
}

static enum err
take_environment(struct load *l)
{
	char path_name[64];
	size_t i;

	for (i = 0; i < N(rows); i++) {
		const char *value = getenv(rows[i].name), *path = NULL;

		snprintf(path_name, sizeof(path_name), "%s_FILE", rows[i].name);
		if (rows[i].type == SECRET)
			path = getenv(path_name);
		if (value && path)
			return refuse(
			    l, ERR_INVALID, "%s: %s is set, too", rows[i].name, path_name);
		if (value || path)
			l->found[i] = (struct found){ value ? value : path, path != NULL };
	}
	return ERR_OK;
}

static bool
is_word_of(const char *words, const char *text)
{
	size_t n = strlen(text);

	for (; *words != '\0'; words += strspn(words, " ")) {
		size_t len = strcspn(words, " ");

		if (len == n && memcmp(words, text, n) == 0)
			return true;
		words += len;
	}
	return false;
}

static bool
is_base_url(const char *text)
{
	const char *host;

	if (strncmp(text, "http://", 7) != 0 && strncmp(text, "https://", 8) != 0)
		return false;
	host = strstr(text, "://") + 3;
	return *host != '\0' && *host != '/' && text[strlen(text) - 1] != '/';
}

/* What is wrong with a text that is long enough; NULL: nothing. */
static const char *
text_objection(const struct row *row, const char *text)
{
	if (!utf8_valid(text, strlen(text)) || utf8_has_control(text))
		return "has a control character or is not UTF-8";
	if (row->type == PATH && *text != '/' && *text != '\0' && strcmp(text, row->initial) != 0)
		return "must be an absolute path";
	if (row->type == WORD && !is_word_of(row->unit, text))
		return "must be one of these: ";
	if (row->type == URL && !is_base_url(text))
		return "must be http:// or https:// and a host, without a slash at its end";
	return NULL;
}

static enum err
set_text(struct load *l, const struct row *row, const char *text)
{
	const char **member = (void *)((char *)l->s + row->offset);
	bool unset = row->type == SECRET && *text == '\0';
	int64_t n = (int64_t)strlen(text);
	const char *objection;
	char *copy;
	enum err e;

	if (!unset && (n < row->min || n > row->max))
		return refuse(l, ERR_INVALID, "%s: must have %" PRId64 " to %" PRId64 " bytes",
		    row->name, row->min, row->max);
	objection = text_objection(row, text);
	if (objection)
		return refuse(l, ERR_INVALID, "%s: %s%s", row->name, objection,
		    row->type == WORD ? row->unit : "");
	copy = strdup(text);
	e = own(l, copy);
	if (!e)
		*member = copy;
	return e;
}

static enum err
set_int(struct load *l, const struct row *row, const char *text)
{
	int64_t *member = (void *)((char *)l->s + row->offset);

	if (num_parse(text, strlen(text), row->min, row->max, member))
		return refuse(l, ERR_INVALID, "%s: must be an integer from %" PRId64 " to %" PRId64,
		    row->name, row->min, row->max);
	return ERR_OK;
}

static enum err
set_switch(struct load *l, const struct row *row, const char *text)
{
	bool *member = (void *)((char *)l->s + row->offset);

	if (strcmp(text, "on") != 0 && strcmp(text, "off") != 0)
		return refuse(l, ERR_INVALID, "%s: must be on or off", row->name);
	*member = strcmp(text, "on") == 0;
	return ERR_OK;
}

static enum err
set_row(struct load *l, size_t i)
{
	const struct row *row = &rows[i];
	const char *text = l->found[i].value ? l->found[i].value : row->initial;

	if (l->found[i].is_path) {
		char *secret = NULL;
		size_t n;
		enum err e = read_file(l, row->name, text, &secret);

		if (!secret)
			return e;
		n = strlen(secret);
		if (n > 0 && secret[n - 1] == '\n')
			secret[n - 1] = '\0';
		text = secret;
	}
	if (row->type == INT)
		return set_int(l, row, text);
	if (row->type == SWITCH)
		return set_switch(l, row, text);
	return set_text(l, row, text);
}

static enum err
name_host(struct load *l)
{
	char name[65] = "";
	char *copy;
	enum err e;

	if (*l->s->host != '\0')
		return ERR_OK;
	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
		return refuse(l, ERR_INVALID, "TERSE_HOST: this machine has no name");
	copy = strdup(name);
	e = own(l, copy);
	if (!e)
		l->s->host = copy;
	return e;
}

enum err
settings_load(struct settings *s, char *why, size_t why_size)
{
	struct load l = { .s = s, .why = why, .why_size = why_size };
	enum err e;
	size_t i;

	*s = (struct settings){ 0 };
	e = take_settings_file(&l);
	if (!e)
		e = take_environment(&l);
	for (i = 0; !e && i < N(rows); i++)
		e = set_row(&l, i);
	if (!e)
		e = name_host(&l);
	return e;
}

void
settings_release(struct settings *s)
{
	while (s->n_texts > 0)
		free(s->texts[--s->n_texts]);
	*s = (struct settings){ 0 };
}

static void
print_range(FILE *out, const struct row *row)
{
	const char *unit = row->unit;

	if (row->type == INT)
		fprintf(out, ", %" PRId64 "..%" PRId64 "%s%s", row->min, row->max, *unit ? " " : "",
		    unit);
	else if (row->type == WORD)
		fprintf(out, ": %s", unit);
	else if (row->type == SECRET)
		fprintf(out, ", %" PRId64 "..%" PRId64 " bytes", row->min, row->max);
}

void
settings_print_markdown(FILE *out)
{
	size_t i;

	fputs("| name | type | default | meaning |\n|---|---|---|---|\n", out);
	for (i = 0; i < N(rows); i++) {
		const struct row *row = &rows[i];
		const char *tick = *row->initial ? "`" : "";

		fprintf(out, "| `%s` | %s", row->name, type_names[row->type]);
		print_range(out, row);
		fprintf(out, " | %s%s%s | %s |\n", tick, row->initial, tick, row->help);
	}
}

void
settings_print_defaults(FILE *out)
{
	size_t i;

	for (i = 0; i < N(rows); i++)
		if (rows[i].type != SECRET)
			fprintf(out, "%s=%s\n", rows[i].name, rows[i].initial);
}
