/* The half of wire that waits: the other half's steps, by a deadline. */
#include "lib/data/stream.h"
#include "lib/data/wire.h"

static enum err
finish(struct wire *w, int64_t deadline_us)
{
	while (wire_is_busy(w)) {
		enum err e = stream_wait(wire_fd(w), wire_events(w), deadline_us);

		e = e ? wire_expire(w) : wire_step(w);
		if (e)
			return e;
	}
	return ERR_OK;
}

enum err
wire_connect(struct wire *w, int64_t deadline_us)
{
	enum err e = wire_begin_connect(w);

	return e ? e : finish(w, deadline_us);
}

enum err
wire_run(struct wire *w, const struct wire_work *work, int64_t deadline_us,
    struct wire_result **ret_result)
{
	enum err e = wire_begin(w, work);

	if (!e)
		e = finish(w, deadline_us);
	if (!e)
		*ret_result = wire_take(w);
	return e;
}
