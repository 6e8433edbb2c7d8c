#include "lib/http/check.h"

#include <string.h>

#include "lib/base/attr.h"
#include "lib/base/utf8.h"
#include "lib/http/field.h"
#include "lib/http/target.h"

#define CODE_MIN 3
#define CODE_MAX 64

static const char code_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "abcdefghijklmnopqrstuvwxyz"
				 "0123456789_-";

const char *
check_name(const struct field_env *env, const char *value)
{
	(void)env;
	return utf8_is_blank(value) ? "must not be blank" : NULL;
}

/* Whether s is labels joined by dots, at least two of them and none empty. */
static bool
is_dotted(const char *s)
{
	size_t labels = 0, length;

	for (;; s += length + 1) {
		length = strcspn(s, ".");
		if (length == 0)
			return false;
		labels++;
		if (s[length] == '\0')
			return labels >= 2;
	}
}

const char *
check_email(const struct field_env *env, const char *value)
{
	const char *at = strchr(value, '@');

	(void)env;
	if (!at || at == value || strchr(at + 1, '@') || !is_dotted(at + 1) ||
	    utf8_has_blank(value) || utf8_has_control(value))
		return "must be an e-mail address, such as user@host.tld";
	return NULL;
}

const char *
check_code(const struct field_env *env, const char *value)
{
	size_t n = strlen(value);

	(void)env;
	if (n < CODE_MIN || n > CODE_MAX || strspn(value, code_bytes) != n)
		return "must be 3 to 64 of A-Z, a-z, 0-9, _ and -";
	if (check_is_reserved(value))
		return "is reserved";
	return NULL;
}

const char *
check_target(const struct field_env *env, const char *value)
{
	return target_refusal(env->targets, env->host, value);
}

bool
check_is_reserved(const char *segment)
{
	/* Names that no code can have (too short, with a dot) are here as well: redirects ask, too. */
	static const char *const reserved[] = { /* routes, now or by the contract */
		"users", "urls", "shorten", "stats", "events", "alerts", "health", "metrics",
		"prom_metrics", "logs", "chaos", "api", "qr", "keys", "webhooks", "incidents",
		"oncall", "tags",
		/* what the edge serves */
		"ops", "docs", "openapi.yaml", "console", "assets", "static", "favicon.ico",
		"robots.txt", ".well-known",
		/* what people would take for the service's own */
		"admin", "login", "logout"
	};

	for (size_t i = 0; i < N(reserved); i++) {
		if (strcmp(segment, reserved[i]) == 0)
			return true;
	}
	return false;
}
