#include "app/terse/log_wrap.h"

#include <ctype.h>
#include <string.h>

#include "app/terse/log_nginx.h"
#include "lib/base/log_line.h"
#include "lib/base/utf8.h"
#include "lib/http/log_record.h"
#include "lib/http/peer.h"

enum { CHAFF_MAX = 100 }; /* lines a second */

#define SECOND_US INT64_C(1000000)

/* Words by which programs tell how bad it is; the first that is found counts. */
static const struct {
	const char *word;
	enum log_level level;
} marks[] = {
	{ "level=debug", LOG_DEBUG },
	{ "level=info", LOG_INFO },
	{ "level=warn", LOG_WARN },
	{ "level=error", LOG_ERROR },
	{ "\"level\":\"debug\"", LOG_DEBUG },
	{ "\"level\":\"info\"", LOG_INFO },
	{ "\"level\":\"warn\"", LOG_WARN },
	{ "\"level\":\"error\"", LOG_ERROR },
	{ "FATAL", LOG_ERROR },
	{ "PANIC", LOG_ERROR },
	{ "ERROR", LOG_ERROR },
	{ "error", LOG_ERROR },
	{ "emerg", LOG_ERROR },
	{ "crit", LOG_ERROR },
	{ "alert", LOG_ERROR },
	{ "WARNING", LOG_WARN },
	{ "warning", LOG_WARN },
	{ "warn", LOG_WARN },
};

static bool
is_letter(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Whether the word is there, and not as a part of another. */
static bool
has_word(const char *text, const char *word)
{
	size_t n = strlen(word);
	const char *at;

	for (at = strstr(text, word); at; at = strstr(at + 1, word))
		if ((at == text || !is_letter(at[-1])) && !is_letter(at[n]))
			return true;
	return false;
}

static enum log_level
guess_level(const char *text)
{
	for (size_t i = 0; i < N(marks); i++)
		if (has_word(text, marks[i].word))
			return marks[i].level;
	return LOG_INFO;
}

static bool
is_wanted(const struct log_wrap *w, enum log_level level)
{
	return level >= log_level_least(w->host_level, w->own_level);
}

/* A client's address as the setting wants it. */
static const char *
shown_address(const struct log_wrap *w, const char *address, char text[PEER_TEXT_SIZE])
{
	const char *shown = address;

	if (strcmp(w->client_ip, "none") == 0)
		return "";
	if (strcmp(w->client_ip, "full") != 0)
		shown = peer_network(address, text);
	return shown ? shown : "";
}

static size_t
append(char *out, size_t len, const char *bytes, size_t n)
{
	memcpy(out + len, bytes, n);
	return len + n;
}

/* nginx tells whole addresses: only what may be kept goes on, and no line becomes longer. */
static size_t
pass_nginx(const struct log_wrap *w, const char *line, size_t n, char *out)
{
	char address[PEER_TEXT_SIZE], text[PEER_TEXT_SIZE];
	const char *value, *shown = "";
	size_t value_n, len;

	if (!log_record_text(line, n, "client_ip", &value, &value_n))
		return append(out, 0, line, n);
	if (value_n < sizeof(address)) {
		address[append(address, 0, value, value_n)] = '\0';
		shown = shown_address(w, address, text);
	}
	len = append(out, 0, line, (size_t)(value - line));
	len = append(out, len, shown, strnlen(shown, value_n));
	return append(out, len, value + value_n, (size_t)(line + n - value) - value_n);
}

static bool
is_record(const struct log_wrap *w, const char *line, size_t n)
{
	return strncmp(line, "{\"ts\":\"", 7) == 0 && log_record_is_valid(w->scratch, line, n);
}

static size_t
pass(const struct log_wrap *w, const char *line, size_t n, char *out)
{
	size_t len;

	if (!is_wanted(w, log_record_level(line, n)))
		return 0;
	len = log_record_has(line, n, "program", "nginx") ? pass_nginx(w, line, n, out)
							  : append(out, 0, line, n);
	return append(out, len, "\n", 1);
}

/* Whether there was too much of it in this second. */
static bool
is_too_much(struct log_wrap *w, int64_t wall_us)
{
	if (wall_us / SECOND_US != w->chaff_second) {
		w->chaff_second = wall_us / SECOND_US;
		w->chaff = 0;
	}
	if (w->chaff < CHAFF_MAX) {
		w->chaff++;
		return false;
	}
	w->left_out++;
	return true;
}

static const char *
unless_empty(const char *text)
{
	return *text != '\0' ? text : NULL;
}

static size_t
wrap_nginx(struct log_wrap *w, const struct log_nginx *n, int64_t wall_us, char *out)
{
	const struct log_head head = { wall_us, n->level, "nginx", w->service, (pid_t)n->pid };
	char text[PEER_TEXT_SIZE];
	struct log_line line;

	if (n->is_noise || !is_wanted(w, n->level) || (n->is_chaff && is_too_much(w, wall_us)))
		return 0;
	log_line_begin(&line, out, &head);
	log_line_text(&line, "method", unless_empty(n->method));
	log_line_text(&line, "path", unless_empty(n->path));
	log_line_text(&line, "client_ip", unless_empty(shown_address(w, n->client, text)));
	if (n->is_chaff && w->left_out > 0) {
		log_line_int(&line, "left_out", w->left_out);
		w->left_out = 0;
	}
	log_line_text(&line, "diag", n->diag);
	log_line_end(&line);
	return line.len;
}

static size_t
wrap_text(const struct log_wrap *w, const char *text, int64_t wall_us, char *out)
{
	const struct log_head head = { wall_us, guess_level(text), "output", w->service, 0 };
	struct log_line line;

	if (!is_wanted(w, head.level))
		return 0;
	log_line_begin(&line, out, &head);
	log_line_text(&line, "diag", text);
	log_line_end(&line);
	return line.len;
}

size_t
log_wrap_line(struct log_wrap *w, const char *bytes, size_t n, int64_t wall_us, char *out)
{
	char text[LOG_LINE_BYTES];
	struct log_nginx nginx;
	size_t len;

	if (n > 0 && bytes[n - 1] == '\r')
		n--;
	if (n == 0)
		return 0;
	len = utf8_copy_clean(text, sizeof(text), bytes, n);
	if (len == n && is_record(w, text, n))
		return pass(w, text, n, out);
	if (strcmp(w->service, "nginx") == 0 && log_nginx_parse(text, &nginx))
		return wrap_nginx(w, &nginx, wall_us, out);
	return wrap_text(w, text, wall_us, out);
}
