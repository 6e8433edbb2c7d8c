#include "lib/base/settings.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/num.h"
#include "lib/base/settings_rows.h"
#include "lib/base/utf8.h"

enum { FILE_MAX_BYTES = 64 * 1024 };

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

/* Each row has a text, then there are the file's, and the host's name. */
_Static_assert(SETTINGS_MAX + 2 <= N(((struct settings *)0)->texts), "texts has room for all");

/* Where the value of a row was found; none: value is NULL. */
struct found {
	const char *value;
	bool is_path; /* of a file that holds the value */
};

/* One run of settings_load. */
struct load {
	struct settings *s;
	struct found found[SETTINGS_MAX];
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

/* The row that name belongs to, or settings_n_rows. A secret's name may end in _FILE. */
static size_t
row_find(const char *name, bool *ret_is_path)
{
	size_t i;

	for (i = 0; i < settings_n_rows; i++) {
		size_t n = strlen(settings_rows[i].name);

		if (strncmp(name, settings_rows[i].name, n) != 0)
			continue;
		*ret_is_path = settings_rows[i].type == SECRET && strcmp(name + n, "_FILE") == 0;
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
	if (i == settings_n_rows)
		return refuse(l, ERR_INVALID, "TERSE_SETTINGS: line %zu: no setting is named %.64s",
		    number, line);
	if (l->found[i].value)
		return refuse(l, ERR_INVALID, "TERSE_SETTINGS: line %zu: %s is set twice", number,
		    settings_rows[i].name);
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

	for (i = 0; i < settings_n_rows; i++) {
		const char *value = getenv(settings_rows[i].name), *path = NULL;

		snprintf(path_name, sizeof(path_name), "%s_FILE", settings_rows[i].name);
		if (settings_rows[i].type == SECRET)
			path = getenv(path_name);
		if (value && path)
			return refuse(
			    l, ERR_INVALID, "%s: %s is set, too", settings_rows[i].name, path_name);
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
text_objection(const struct setting *row, const char *text)
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
set_text(struct load *l, const struct setting *row, const char *text)
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
set_int(struct load *l, const struct setting *row, const char *text)
{
	int64_t *member = (void *)((char *)l->s + row->offset);

	if (num_parse(text, strlen(text), row->min, row->max, member))
		return refuse(l, ERR_INVALID, "%s: must be an integer from %" PRId64 " to %" PRId64,
		    row->name, row->min, row->max);
	return ERR_OK;
}

static enum err
set_switch(struct load *l, const struct setting *row, const char *text)
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
	const struct setting *row = &settings_rows[i];
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
	for (i = 0; !e && i < settings_n_rows; i++)
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
print_range(FILE *out, const struct setting *row)
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
	for (i = 0; i < settings_n_rows; i++) {
		const struct setting *row = &settings_rows[i];
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

	for (i = 0; i < settings_n_rows; i++)
		if (settings_rows[i].type != SECRET)
			fprintf(out, "%s=%s\n", settings_rows[i].name, settings_rows[i].initial);
}
