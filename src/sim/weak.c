/* SPDX-License-Identifier: MIT */
/*
 * weak.c - atomic operations as C11 permits them, not as this processor does them.
 *
 * WORDS
 *	place	one atomic word, with its last values, oldest first.
 *	stored	one of them: the value, what its writer passes on with it, and when
 *		each thread first came to know it.
 *	view	for each thread a step: what that thread did up to there.
 *	happened	a thread's view of what happened before its next step. What is
 *		not in it may race with plain accesses (race.c).
 *	visible	the same, and what fences have made visible: a value known to anybody
 *		within this view cannot be overlooked any more.
 *
 * RULES
 *	W1  A load returns any value from the newest back to the newest that somebody
 *	    within `visible` has known. Which one is a decision; the newest by default.
 *	W2  A release store carries the views of its writer; a relaxed one those that its
 *	    writer had at its last fence. A read-modify-write reads the newest value and
 *	    also passes on what that carried (the release sequence).
 *	W3  An acquire load joins what it finds carried into the thread's views. A relaxed
 *	    one keeps it aside until the thread's next fence.
 *	W4  A fence takes in what was kept aside; it joins `visible` with that of all
 *	    fences before it, both ways; and relaxed stores after it carry the views.
 *	W5  A membarrier is a fence of everybody, and one of its caller before and after.
 *	W6  Starting and joining a thread pass on the views. So do giving memory back to the
 *	    system and getting some, a thread's stack as well: there is a lock.
 *	W7  Sleeping on a word and being woken pass on nothing.
 *
 * There are no seq_cst operations but the fence: what base/atomic.h does not spell needs
 * no rule.
 *
 * STORE BUFFERS need no rule of their own: that a store is not seen yet, and that others
 * read the value before it, is the same.
 *
 * NOT SIMULATED: that a load returns what is stored later (load buffering, which C11
 * permits for relaxed operations and no compiler or processor of ours does through a
 * dependency); that a store takes its place before one that was executed earlier. Of a
 * word's values the last KEPT are remembered.
 *
 * Sources: the views are those of Kang et al., "A promising semantics for
 * relaxed-memory concurrency" (2017), without promises; keeping values and choosing one
 * is how Norris, Demsky, "CDSChecker" (2013), and loom search.
 */
#include "sim/world.h"

#include <string.h>

#define world crew__sim_world

#define KEPT	   6U
#define PLACES_MAX 8192U

struct stored {
	uint64_t value;
	struct crew__sim_view known; /* since when, by each; 0: not */
	struct crew__sim_views carried;
};

struct place {
	uintptr_t at;
	uint32_t bytes;
	uint32_t count; /* stored so far; the last KEPT of them are kept */
	struct stored stored[KEPT];
};

static struct {
	struct place places[PLACES_MAX]; /* 0 is none */
	uint32_t used;
	struct crew__sim_view fenced;  /* W4 */
	struct crew__sim_views mapped; /* W6 */
} weak;

/* ---- views ------------------------------------------------------------------ */

static void join(struct crew__sim_view *into, const struct crew__sim_view *from)
{
	for (unsigned i = 0; i < CREW__SIM_THREADS; i++)
		into->steps[i] = into->steps[i] > from->steps[i] ? into->steps[i] : from->steps[i];
}

static void join_both(struct crew__sim_views *into, const struct crew__sim_views *from)
{
	join(&into->happened, &from->happened);
	join(&into->visible, &from->visible);
}

/* The thread's views, its own last step among them. */
static struct crew__sim_views *views_of(struct crew__sim_virtual *thread)
{
	thread->views.happened.steps[thread->index] = (uint32_t)thread->steps;
	thread->views.visible.steps[thread->index] = (uint32_t)thread->steps;
	return &thread->views;
}

static void fence(struct crew__sim_virtual *thread)
{
	struct crew__sim_views *views = views_of(thread);

	join_both(views, &thread->aside);
	join(&views->visible, &weak.fenced);
	weak.fenced = views->visible;
	thread->passed = *views;
}

void crew__sim_weak_begin(void)
{
	weak.used = 0;
	memset(&weak.fenced, 0, sizeof(weak.fenced));
	memset(&weak.mapped, 0, sizeof(weak.mapped));
}

void crew__sim_weak_start(struct crew__sim_virtual *thread)
{
	memset(&thread->aside, 0, sizeof(thread->aside));
	memset(&thread->passed, 0, sizeof(thread->passed));
	if (world.self == &world.outside)
		memset(&thread->views, 0, sizeof(thread->views));
	else
		thread->views = *views_of(world.self);
	join_both(&thread->views, &weak.mapped);
}

void crew__sim_weak_unmap(void)
{
	join_both(&weak.mapped, views_of(world.self));
}

void crew__sim_weak_join(struct crew__sim_virtual *ended)
{
	join_both(&world.self->views, views_of(ended));
	crew__sim_weak_unmap();
}

void crew__sim_weak_map(void)
{
	join_both(&world.self->views, &weak.mapped);
}

/* ---- places ----------------------------------------------------------------- */

static uint64_t read_raw(const void *at, unsigned bytes)
{
	return bytes == 8 ? *(const uint64_t *)at : *(const uint32_t *)at;
}

static void write_raw(void *at, unsigned bytes, uint64_t value)
{
	if (bytes == 8)
		*(uint64_t *)at = value;
	else
		*(uint32_t *)at = (uint32_t)value;
}

static struct stored *newest(struct place *place)
{
	return &place->stored[(place->count - 1) % KEPT];
}

/* What is there was not stored by an operation: nobody can know an older value. */
static void begin_place(struct place *place)
{
	struct stored *first = &place->stored[0];

	place->count = 1;
	first->value = read_raw((const void *)place->at, place->bytes);
	memset(&first->known, 0, sizeof(first->known));
	memset(&first->carried, 0, sizeof(first->carried));
}

static struct place *new_place(uintptr_t at, uint32_t bytes, uint32_t *number)
{
	struct place *place;

	if (++weak.used == PLACES_MAX)
		crew__sim_fail(CREW__SIM_FAILED, "more than %u atomic words", PLACES_MAX);
	*number = weak.used;
	place = &weak.places[weak.used];
	place->at = at;
	place->bytes = bytes;
	begin_place(place);
	return place;
}

/* The word that these bytes are, or are half of: whoever accesses it as a whole has
 * made it one word. */
static struct place *find_place(const void *opaque, unsigned bytes)
{
	uintptr_t at = (uintptr_t)opaque;
	uint32_t *numbers = crew__sim_cell_places(at);
	uint32_t *number = &numbers[at >> 2 & 1];
	struct place *place = &weak.places[*number];

	if (bytes == 8 && (*number == 0 || place->bytes == 4)) {
		place = new_place(at, 8, number);
		numbers[1] = numbers[0];
	} else if (*number == 0) {
		place = new_place(at, 4, number);
	} else if (newest(place)->value != read_raw((const void *)place->at, place->bytes)) {
		begin_place(place); /* written by plain code, before anybody saw it */
	}
	return place;
}

static uint64_t part_of(const struct place *place, const void *at, unsigned bytes, uint64_t value)
{
	if (bytes == place->bytes)
		return value;
	return (uint32_t)(value >> (8 * ((uintptr_t)at - place->at)));
}

static uint64_t whole_of(struct place *place, const void *at, unsigned bytes, uint64_t part)
{
	unsigned shift = (unsigned)(8 * ((uintptr_t)at - place->at));

	if (bytes == place->bytes)
		return part;
	return (newest(place)->value & ~(UINT64_C(0xffffffff) << shift)) | part << shift;
}

/* Does the calling thread have to know it? */
static bool is_known(const struct stored *stored)
{
	const struct crew__sim_view *visible = &world.self->views.visible;

	for (uint32_t i = 0; i < world.used; i++)
		if (stored->known.steps[i] && stored->known.steps[i] <= visible->steps[i])
			return true;
	return false;
}

/* W1 */
static struct stored *choose(struct place *place)
{
	uint32_t kept = place->count < KEPT ? place->count : KEPT;
	uint32_t age = 0;

	while (age + 1 < kept && !is_known(&place->stored[(place->count - 1 - age) % KEPT]))
		age++;
	if (age) {
		age = crew__sim_decide_age(age + 1);
		if (age)
			crew__sim_note(NULL, CREW__SIM_EVENT_OLD, age);
	}
	return &place->stored[(place->count - 1 - age) % KEPT];
}

static void come_to_know(struct stored *stored, uint64_t step)
{
	uint32_t *since = &stored->known.steps[world.self->index];

	if (*since == 0)
		*since = (uint32_t)step;
}

static bool acquires(int order)
{
	return order != __ATOMIC_RELAXED && order != __ATOMIC_RELEASE;
}

static bool releases(int order)
{
	return order != __ATOMIC_RELAXED && order != __ATOMIC_ACQUIRE;
}

/* W3 */
static void take_in(struct stored *stored, int order)
{
	struct crew__sim_virtual *self = world.self;

	come_to_know(stored, self->steps);
	join_both(acquires(order) ? views_of(self) : &self->aside, &stored->carried);
}

/* W2 */
static void add_stored(struct place *place, uint64_t value, int order, uint64_t step,
		       const struct crew__sim_views *sequence)
{
	struct crew__sim_virtual *self = world.self;
	struct stored *stored = &place->stored[place->count++ % KEPT];

	stored->value = value;
	memset(&stored->known, 0, sizeof(stored->known));
	come_to_know(stored, step);
	if (sequence != &stored->carried)
		stored->carried = *sequence;
	join_both(&stored->carried, releases(order) ? views_of(self) : &self->passed);
	write_raw((void *)place->at, place->bytes, value);
}

/* ---- operations --------------------------------------------------------------- */

static bool simulated(void)
{
	return world.running && !world.looking;
}

#define POINT(at, bytes, writes)                                                                   \
	(CREW__SIM_STEP(POINT, 0),                                                                 \
	 crew__sim_touch(at, bytes, writes, true, __builtin_return_address(0)))

uint64_t crew__sim_load(const void *at, unsigned bytes, int order)
{
	struct place *place;
	struct stored *stored;

	POINT(at, bytes, false);
	if (!simulated())
		return read_raw(at, bytes);
	views_of(world.self);
	place = find_place(at, bytes);
	stored = choose(place);
	take_in(stored, order);
	return part_of(place, at, bytes, stored->value);
}

static const struct crew__sim_views nothing;

void crew__sim_store(void *at, unsigned bytes, uint64_t value, int order)
{
	struct place *place;

	POINT(at, bytes, true);
	if (!simulated()) {
		write_raw(at, bytes, value);
		return;
	}
	place = find_place(at, bytes);
	add_stored(place, whole_of(place, at, bytes, value), order, world.self->steps, &nothing);
}

enum change {
	EXCHANGE,
	ADD,
	OR,
	AND,
};

static uint64_t changed(enum change change, uint64_t old, uint64_t value)
{
	switch (change) {
	case ADD:
		return old + value;
	case OR:
		return old | value;
	case AND:
		return old & value;
	case EXCHANGE:
		break;
	}
	return value;
}

static uint64_t read_modify_write(void *at, unsigned bytes, enum change change, uint64_t value,
				  int order)
{
	uint64_t old = read_raw(at, bytes);
	uint64_t result = changed(change, old, value);
	struct crew__sim_views sequence;
	struct place *place;

	if (bytes == 4)
		result = (uint32_t)result;
	if (!simulated()) {
		write_raw(at, bytes, result);
		return old;
	}
	place = find_place(at, bytes);
	sequence = newest(place)->carried;
	take_in(newest(place), order);
	add_stored(place, whole_of(place, at, bytes, result), order, world.self->steps, &sequence);
	return old;
}

uint64_t crew__sim_exchange(void *at, unsigned bytes, uint64_t value, int order)
{
	POINT(at, bytes, true);
	return read_modify_write(at, bytes, EXCHANGE, value, order);
}

uint64_t crew__sim_add(void *at, unsigned bytes, uint64_t value, int order)
{
	POINT(at, bytes, true);
	return read_modify_write(at, bytes, ADD, value, order);
}

uint64_t crew__sim_or(void *at, unsigned bytes, uint64_t value, int order)
{
	POINT(at, bytes, true);
	return read_modify_write(at, bytes, OR, value, order);
}

uint64_t crew__sim_and(void *at, unsigned bytes, uint64_t value, int order)
{
	POINT(at, bytes, true);
	return read_modify_write(at, bytes, AND, value, order);
}

/* Fails on an old value as well: then it is a load. */
bool crew__sim_cas(void *at, unsigned bytes, void *expected, uint64_t desired, int order,
		   int failure)
{
	uint64_t wanted = read_raw(expected, bytes);
	uint64_t found;

	POINT(at, bytes, true);
	found = read_raw(at, bytes);
	if (simulated()) {
		struct place *place;
		struct stored *stored;

		views_of(world.self);
		place = find_place(at, bytes);
		stored = choose(place);
		if (part_of(place, at, bytes, stored->value) == wanted && found != wanted)
			stored = newest(place);
		found = part_of(place, at, bytes, stored->value);
		if (found != wanted)
			take_in(stored, failure);
	}
	if (found != wanted) {
		write_raw(expected, bytes, found);
		return false;
	}
	read_modify_write(at, bytes, EXCHANGE, desired, order);
	return true;
}

/* The writer's own word: it knows the newest value. */
uint64_t crew__sim_own(const void *at)
{
	crew__sim_touch(at, 8, false, true, __builtin_return_address(0));
	return read_raw(at, 8);
}

/* A relaxed store, and no point: it is as if it came after the thread's last step. */
void crew__sim_show(void *at, uint64_t value)
{
	crew__sim_touch(at, 8, true, true, __builtin_return_address(0));
	if (simulated())
		add_stored(find_place(at, 8), value, __ATOMIC_RELAXED, world.self->steps + 1,
			   &nothing);
	else
		write_raw(at, 8, value);
}

void crew__sim_fence(void)
{
	CREW__SIM_STEP(POINT, 0);
	if (simulated())
		fence(world.self);
}

/* W5 */
void crew__port_membarrier(void)
{
	CREW__SIM_STEP(POINT, 0);
	if (!simulated())
		return;
	fence(world.self);
	for (uint32_t i = 0; i < world.used; i++)
		fence(&world.threads[i]); /* ended ones have nothing left in their buffers */
	fence(world.self);
}
