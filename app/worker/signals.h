/*
 * The signals of a worker. They are blocked but while it waits for a request (lib/http/ready.h),
 * so none is lost between a look at them and the wait.
 */
#ifndef APP_WORKER_SIGNALS_H
#define APP_WORKER_SIGNALS_H

#include <stdbool.h>
#include <sys/types.h>

/* TERM, INT and QUIT stop the worker, HUP and USR1 open its log anew. It also stops when
 * parent ends, or has ended: it would hold the socket that its successors need. */
void signals_take(pid_t parent);

/* Whether the worker is to finish what it has and end. */
bool signals_say_stop(void);

/* Whether the log is to be opened anew; true once for each request. */
bool signals_say_reopen(void);

#endif
