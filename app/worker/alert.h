/*
 * What all who read alerts from clients agree on: how large the parts may be, so that a page
 * of the largest fits into a request's memory.
 */
#ifndef APP_WORKER_ALERT_H
#define APP_WORKER_ALERT_H

/* Bytes, as JSON text. */
enum { ALERT_LABELS_MAX = 16384, ALERT_ANNOTATIONS_MAX = 49152 };

#endif
