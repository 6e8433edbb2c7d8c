/*
 * A line of nginx's error log, taken to pieces: what happened, and to whose request. What came
 * from a client in quotation marks may hold keys and stays out, and so does the query string.
 */
#ifndef APP_TERSE_LOG_NGINX_H
#define APP_TERSE_LOG_NGINX_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/log_level.h"

enum { LOG_NGINX_PATH_SIZE = 513, LOG_NGINX_TEXT_SIZE = 2048 };

struct log_nginx {
	enum log_level level;
	int64_t pid;
	bool is_noise; /* of no use to anybody: connections that end, and the like */
	bool is_chaff; /* what anybody can cause at will: refused bytes and handshakes */
	char client[64];
	char method[16]; /* "" and so on: not said */
	char path[LOG_NGINX_PATH_SIZE];
	char diag[LOG_NGINX_TEXT_SIZE];
};

/* False: line is not of that log. */
bool log_nginx_parse(const char *line, struct log_nginx *ret);

#endif
