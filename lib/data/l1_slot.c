#include "lib/data/l1_slot.h"

#include <stdatomic.h>
#include <string.h>

#include "lib/data/l1_owners.h"

/* struct l1_slot's shape, from its lowest bit: bytes of the code, bytes of the Location,
 * status, is_active. A cleared slot's is 0. */
enum { CODE_BITS = 8, LOCATION_BITS = 16, STATUS_BITS = 16 };

static uint64_t
shape_of(size_t code_bytes, size_t location_bytes, const struct url_target *t)
{
	uint64_t shape = t->is_active;

	shape = shape << STATUS_BITS | (uint16_t)t->status;
	shape = shape << LOCATION_BITS | (uint16_t)location_bytes;
	return shape << CODE_BITS | (uint8_t)code_bytes;
}

static size_t
code_bytes_of(uint64_t shape)
{
	return shape & ((1 << CODE_BITS) - 1);
}

static size_t
location_bytes_of(uint64_t shape)
{
	return shape >> CODE_BITS & ((1 << LOCATION_BITS) - 1);
}

static int
status_of(uint64_t shape)
{
	return (int)(shape >> (CODE_BITS + LOCATION_BITS) & ((1 << STATUS_BITS) - 1));
}

static bool
is_active_of(uint64_t shape)
{
	return shape >> (CODE_BITS + LOCATION_BITS + STATUS_BITS) & 1;
}

static size_t
code_words(size_t bytes)
{
	return (bytes + 7) / 8;
}

/* There is always a NUL in the last one. */
static size_t
location_words(size_t bytes)
{
	return bytes / 8 + 1;
}

bool
l1_key_init(struct l1_key *k, const char *code)
{
	k->n = strnlen(code, CODE_MAX + 1);
	if (k->n == 0 || k->n > CODE_MAX)
		return false;
	memset(k->words, 0, sizeof(k->words));
	memcpy(k->words, code, k->n);
	return true;
}

size_t
l1_slot_need(const struct l1_key *k, size_t location_bytes)
{
	return code_words(k->n) + location_words(location_bytes);
}

static uint64_t
load(_Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_relaxed);
}

static void
store(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_relaxed);
}

/*
 * Reading: stamp, contents, stamp. The acquire load keeps the contents after the first; the
 * fence keeps the second after the contents: it pairs with the one in l1_slot_claim, so
 * that who has read a word of a later write also sees that write's lock.
 */

static bool
begin_read(struct l1_slot *s, uint64_t *ret_stamp)
{
	*ret_stamp = atomic_load_explicit(&s->lock, memory_order_acquire);
	return *ret_stamp != 0 && *ret_stamp % 2 == 0;
}

static bool
end_read(struct l1_slot *s, uint64_t stamp)
{
	atomic_thread_fence(memory_order_acquire);
	return load(&s->lock) == stamp;
}

/* The key is at the start of any slot's words, and they have room for the longest. */
static bool
is_key(struct l1_slot *s, const struct l1_key *k, uint64_t shape)
{
	if (code_bytes_of(shape) != k->n)
		return false;
	for (size_t i = 0; i < code_words(k->n); i++)
		if (load(&s->words[i]) != k->words[i])
			return false;
	return true;
}

/* Until end_read the shape may be of any write. */
static bool
copy_location(struct l1_slot *s, size_t room, uint64_t shape, char *location)
{
	size_t from = code_words(code_bytes_of(shape));
	size_t n = location_words(location_bytes_of(shape));

	if (from + n > room)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t word = load(&s->words[from + i]);

		memcpy(location + i * 8, &word, 8);
	}
	return true;
}

bool
l1_slot_read(struct l1_slot *s, size_t room, const struct l1_key *k, uint64_t generation,
    struct url_target *ret_target, char *location)
{
	struct url_target t;
	uint64_t stamp, shape;

	if (!begin_read(s, &stamp) || load(&s->generation) != generation)
		return false;
	shape = load(&s->shape);
	if (!is_key(s, k, shape) || !copy_location(s, room, shape, location))
		return false;
	t = (struct url_target){
		.version = (int64_t)load(&s->version),
		.url_id = (int64_t)load(&s->url_id),
		.user_id = (int64_t)load(&s->user_id),
		.status = status_of(shape),
		.is_active = is_active_of(shape),
		.location = location,
	};
	if (!end_read(s, stamp))
		return false;
	*ret_target = t;
	return true;
}

bool
l1_slot_has(struct l1_slot *s, const struct l1_key *k, uint64_t *ret_stamp, int64_t *ret_version)
{
	uint64_t stamp, version;

	if (!begin_read(s, &stamp) || !is_key(s, k, load(&s->shape)))
		return false;
	version = load(&s->version);
	if (!end_read(s, stamp))
		return false;
	*ret_stamp = stamp;
	*ret_version = (int64_t)version;
	return true;
}

/*
 * Writing.
 */

/* A dead owner's last stores are older than the release of its lock on the file, which the
 * kernel did and we have just seen: none of them can come after ours. */
bool
l1_slot_claim(struct l1_slot *s, uint64_t lock, const struct l1_owners *o)
{
	if (lock % 2 != 0 && !l1_owners_is_dead(o, lock / 2))
		return false;
	if (!atomic_compare_exchange_strong_explicit(
		&s->lock, &lock, o->self * 2 + 1, memory_order_acq_rel, memory_order_relaxed))
		return false;
	atomic_thread_fence(memory_order_release);
	return true;
}

static void
end_write(struct l1_slot *s, uint64_t stamp)
{
	atomic_store_explicit(&s->lock, stamp, memory_order_release);
}

static void
write_text(_Atomic uint64_t *words, const char *text, size_t bytes)
{
	for (size_t i = 0; i < location_words(bytes); i++) {
		size_t left = bytes - i * 8;
		uint64_t word = 0;

		memcpy(&word, text + i * 8, left < 8 ? left : 8);
		store(&words[i], word);
	}
}

void
l1_slot_write(struct l1_slot *s, const struct l1_key *k, const struct url_target *t,
    uint64_t generation, uint64_t stamp)
{
	size_t bytes = strlen(t->location);

	store(&s->generation, generation);
	store(&s->version, (uint64_t)t->version);
	store(&s->url_id, (uint64_t)t->url_id);
	store(&s->user_id, (uint64_t)t->user_id);
	store(&s->shape, shape_of(k->n, bytes, t));
	for (size_t i = 0; i < code_words(k->n); i++)
		store(&s->words[i], k->words[i]);
	write_text(&s->words[code_words(k->n)], t->location, bytes);
	end_write(s, stamp);
}

void
l1_slot_clear(struct l1_slot *s, uint64_t stamp)
{
	store(&s->shape, 0);
	end_write(s, stamp);
}
