#include "app/worker/import.h"

#include <string.h>

#include "app/worker/app.h"
#include "app/worker/slice.h"
#include "lib/base/arena.h"
#include "lib/base/beat.h"
#include "lib/base/clock.h"
#include "lib/base/ctx.h"
#include "lib/base/settings.h"
#include "lib/http/csv.h"
#include "lib/http/field.h"
#include "lib/http/json.h"
#include "lib/http/multipart.h"
#include "lib/http/req.h"
#include "lib/http/resp.h"

#define COLUMNS_MAX 16

struct import {
	struct app *app;
	struct ctx *cx;
	const struct import_kind *kind;
	struct field_table table;
	struct slice *slice;
	struct csv_reader *csv;
	struct json answer;
	struct json_object *errors;
	int64_t n_errors;
	int64_t counts[IMPORT__COUNT];
};

static void
take_outcome(void *arg, size_t number, const struct import_result *r, const void *row)
{
	struct import *im = arg;
	struct json_object *one;

	im->counts[r->outcome]++;
	if (r->outcome != IMPORT_SKIPPED && im->kind->stored != NULL)
		im->kind->stored(im->app, row, r->outcome);
	if (r->outcome != IMPORT_SKIPPED || im->n_errors++ >= IMPORT_ERRORS_MAX)
		return;
	one = json_add_map(&im->answer, im->errors, NULL);
	json_add_int(&im->answer, one, "row", (int64_t)number);
	json_add_text(&im->answer, one, "detail", r->reason);
}

/* Stores what has gathered. */
static enum err
flush(struct import *im)
{
	return slice_store(im->slice, im->app->db, im->cx, take_outcome, im);
}

/* Reads a CSV row into the slice's next row. ERR_INVALID with a fault. */
static enum err
read_row(struct import *im, const struct csv_row *csv, struct field_faults *faults)
{
	void *row = slice_next(im->slice);
	struct ctx cx = *im->cx;
	enum err e;

	cx.arena = slice_arena(im->slice);
	for (size_t i = 0; i < im->table.n; i++) {
		e = field_read_text(&cx, &im->table, i, csv->cells[i], row, faults);
		if (e)
			return e;
	}
	return ERR_OK;
}

static enum err
take_row(struct import *im, const struct csv_row *csv)
{
	struct field_faults faults = { .n = 0 };
	enum err e;

	e = read_row(im, csv, &faults);
	if (e == ERR_OK && !slice_fits(im->slice)) {
		/* The same key again: its first row is stored before this one is. */
		e = flush(im);
		if (e)
			return e;
		e = read_row(im, csv, &faults);
	}
	if (e == ERR_INVALID && faults.n > 0) {
		const char *reason = arena_printf(
		    slice_arena(im->slice), "%s: %s", faults.v[0].name, faults.v[0].detail);

		slice_skip(im->slice, csv->number, reason != NULL ? reason : "is not valid");
		return ERR_OK;
	}
	if (e == ERR_OK)
		slice_keep(im->slice, csv->number);
	return e;
}

static enum err
on_row(void *arg, const struct csv_row *csv)
{
	struct import *im = arg;
	enum err e = ERR_OK;

	if (csv->fault != NULL)
		slice_skip(im->slice, csv->number, csv->fault);
	else
		e = take_row(im, csv);
	if (e == ERR_OK && slice_is_full(im->slice))
		e = flush(im);
	return e;
}

static enum err
on_bytes(void *arg, const char *bytes, size_t n)
{
	struct import *im = arg;

	return csv_reader_feed(im->csv, im->cx, bytes, n);
}

struct part {
	struct multipart *multipart;
	struct ctx *cx;
};

static enum err
on_part_bytes(void *arg, const char *bytes, size_t n)
{
	struct part *part = arg;

	return multipart_feed(part->multipart, part->cx, bytes, n);
}

/* A form whose part `file` is the CSV. */
static enum err
read_form(struct import *im, struct req *rq, size_t max_bytes)
{
	struct part part = { .cx = rq->cx };
	enum err e;

	part.multipart =
	    multipart_new(rq->cx->arena, req_header(rq, "CONTENT_TYPE"), "file", on_bytes, im);
	if (part.multipart == NULL)
		return ctx_refuse(rq->cx, ERR_MALFORMED, "multipart/form-data without a boundary");
	e = req_body_each(rq, max_bytes, on_part_bytes, &part);
	if (e)
		return e;
	return multipart_end(part.multipart, rq->cx);
}

static enum err
read_body(struct import *im, struct req *rq)
{
	size_t max_bytes = (size_t)im->app->settings->import_max_bytes;
	enum err e;

	if (req_has_type(rq, "multipart/form-data"))
		e = read_form(im, rq, max_bytes);
	else if (req_has_type(rq, "text/csv"))
		e = req_body_each(rq, max_bytes, on_bytes, im);
	else
		return ctx_refuse(
		    rq->cx, ERR_MEDIA_TYPE, "send multipart/form-data or text/csv, not compressed");
	if (e)
		return e;
	e = csv_reader_end(im->csv, im->cx);
	if (e)
		return e;
	return flush(im);
}

static enum err
answer(struct import *im, struct resp *rs)
{
	int64_t imported = im->counts[IMPORT_NEW] + im->counts[IMPORT_RENEWED];
	int64_t updated = im->counts[IMPORT_UPDATED];

	json_add_int(&im->answer, NULL, "count", imported + updated);
	json_add_int(&im->answer, NULL, "imported", imported);
	json_add_int(&im->answer, NULL, "updated", updated);
	json_add_int(&im->answer, NULL, "skipped", im->counts[IMPORT_SKIPPED]);
	return resp_json(rs, 201, &im->answer);
}

/* The columns that the fields name, and a bit for each that the header must have. */
static struct csv_reader *
open_csv(struct import *im, const char *columns[COLUMNS_MAX])
{
	unsigned required = 0;

	for (size_t i = 0; i < im->table.n; i++) {
		columns[i] = im->table.rows[i].name;
		if (im->table.rows[i].flags & FIELD_REQUIRED)
			required |= 1U << i;
	}
	return csv_reader_new(columns, im->table.n, required, on_row, im);
}

enum err
import_run(struct app *app, struct req *rq, struct resp *rs, const struct import_kind *kind)
{
	const char *columns[COLUMNS_MAX];
	struct import im = {
		.app = app,
		.cx = rq->cx,
		.kind = kind,
		.table = { kind->fields, kind->n_fields, rq->env },
	};
	enum err e = ERR_MEMORY;

	rq->cx->deadline_us = clock_mono_us() + app->settings->import_timeout_ms * 1000;
	beat_works(app->beat, clock_mono_us(), rq->cx->deadline_us, false, 0);
	json_map_init(&im.answer, rq->cx->arena);
	im.errors = json_add_list(&im.answer, NULL, "errors");
	im.slice = slice_new(kind);
	im.csv = open_csv(&im, columns);
	if (im.slice != NULL && im.csv != NULL)
		e = read_body(&im, rq);
	csv_reader_free(im.csv);
	slice_free(im.slice);
	return e ? e : answer(&im, rs);
}
