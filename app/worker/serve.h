/*
 * The two fronts of a worker: what it does from start to stop, with the listening socket that
 * it finds as its standard input.
 */
#ifndef APP_WORKER_SERVE_H
#define APP_WORKER_SERVE_H

#include <stdbool.h>

struct app;
struct beat;
struct dispatch;

/* Serves until a signal says stop (signals.h), then finishes what it has begun. False: standard
 * input is no listening socket, or no memory. */
typedef bool serve_fn(struct app *app, const struct dispatch *d, struct beat *beat);

/* One request at a time: for what waits for the database. */
serve_fn serve_pull;

/* Many kept connections at once: for redirects. */
serve_fn serve_mux;

#endif
