/* SPDX-License-Identifier: MIT */
/*
 * flight.c - calls under way, in a table (table.h) and a lot (lot.h), each with a queue of those
 * who wait for it.
 *
 * WORDS
 *	caller	who makes the call (hold.h: what a holder is)
 *	heir	the first in the queue, to whom a call is passed that was cancelled
 *
 * INVARIANTS
 *	F1  A call is in the table from its begin until it has ended or was forgotten; its
 *	    key is there once.
 *	F2  While the lot is unlocked the call has a caller. That one ends it: tells all in the
 *	    queue, or passes it to the heir. So an entry has no more users than its caller.
 *	F3  Whoever ends a wait writes what it has got into its frame before the lot is left
 *	    (park.h P3): it needs the call no more, which is freed.
 *
 * GUARDED BY tests/model/flight.c, tests/api/flight.c.
 */
#include "sync/hold.h"
#include "sync/table.h"

#include "base/alloc.h"

#include "crew/flight.h"
#include "crew/task.h"

#include <string.h>

struct call {
	struct crew__entry entry;
	struct crew_lot_queue queue;
	uint64_t caller;
	const char *name; /* the caller's */
	bool forgotten;
	bool shared; /* somebody has waited for it */
	char key[];
};

/* One who comes. Lies in its frame. */
struct passenger {
	uint64_t self;
	const char *name;
	struct call *call; /* that it makes, its own or passed on; NULL: it was made */
	void *value;
	bool shared;
};

static struct call *call_in(struct crew__entry *entry)
{
	return entry ? crew__container(entry, struct call, entry) : NULL;
}

static struct passenger *passenger_of(const struct crew__wait *wait)
{
	return (struct passenger *)(uintptr_t)wait->what;
}

/* ---- the end of a call ------------------------------------------------------------------- */

/* pre of these: the lot is locked. */

static void make_caller(struct call *call, struct passenger *passenger)
{
	passenger->call = call;
	call->caller = passenger->self;
	call->name = passenger->name;
}

/* False: nobody waits. */
static bool pass_call(struct crew_flight *flight, struct call *call)
{
	struct crew__wait *heir;

	while ((heir = crew__queue_first(&call->queue))) {
		if (crew__lot_end(&flight->private_.lot, heir, 0)) {
			make_caller(call, passenger_of(heir)); /* F3 */
			call->shared = call->queue.first != NULL;
			return true;
		}
	}
	return false;
}

static void tell_all(struct crew_flight *flight, struct call *call, int rc, void *value)
{
	struct crew__wait *wait;

	while ((wait = crew__queue_first(&call->queue))) {
		if (crew__lot_end(&flight->private_.lot, wait, rc)) {
			passenger_of(wait)->value = value; /* F3 */
			passenger_of(wait)->shared = true;
		}
	}
}

static int make_call(struct crew_flight *flight, struct passenger *self, crew_flight_fn *fn,
		     void *arg)
{
	struct call *call = self->call;
	int rc = fn(arg, &self->value);
	bool cancelled = rc && crew_check() == CREW_ECANCELED;
	bool passed;

	crew__lot_enter(&flight->private_.lot);
	self->shared = call->shared;
	passed = cancelled && pass_call(flight, call);
	if (!passed) {
		tell_all(flight, call, rc, self->value);
		if (!call->forgotten)
			crew__table_remove(&flight->private_.calls, &call->entry);
	}
	crew__lot_leave(&flight->private_.lot); /* LAST TOUCH */
	if (!passed)
		crew__free(call);
	return rc;
}

/* ---- do ----------------------------------------------------------------------------------- */

static struct call *new_call(const void *key, size_t bytes)
{
	struct call *call = crew__alloc(sizeof(*call) + bytes);

	if (!call)
		return NULL;
	if (bytes)
		memcpy(call->key, key, bytes);
	crew__entry_init(&call->entry, call->key, bytes);
	return call;
}

/* Begins the `fresh` call, or waits for the one of this key. What that has ended with. */
static int wait_for_call(struct crew_flight *flight, struct passenger *self, struct call *fresh,
			 int check)
{
	struct crew_lot *lot = &flight->private_.lot;
	struct crew__wait wait;
	struct call *call;
	int rc;

	crew__wait_prepare(&wait, (uint64_t)(uintptr_t)self, true);
	crew__lot_enter(lot);
	call = call_in(crew__table_find(&flight->private_.calls, &fresh->entry));
	rc = call && call->caller == self->self ? CREW_EDEADLK : check;
	if (rc == 0 && call) {
		call->shared = true;
		if (crew__lot_wait(lot, &call->queue, &wait, "flight"))
			return wait.rc;
		crew__lot_leave(lot);
		return CREW_ECANCELED;
	}
	if (rc == 0) {
		crew__table_add(&flight->private_.calls, &fresh->entry);
		make_caller(fresh, self);
	}
	crew__lot_leave(lot);
	crew__wait_drop(&wait);
	return rc;
}

static int begin_call(struct crew_flight *flight, struct passenger *self, struct call *fresh)
{
	struct call *call;
	int rc = 0;

	crew__lot_enter(&flight->private_.lot);
	call = call_in(crew__table_find(&flight->private_.calls, &fresh->entry));
	if (call)
		rc = call->caller == self->self ? CREW_EDEADLK : CREW_EWOULDBLOCK;
	else {
		crew__table_add(&flight->private_.calls, &fresh->entry);
		make_caller(fresh, self);
	}
	crew__lot_leave(&flight->private_.lot);
	return rc;
}

static int do_call(struct crew_flight *flight, struct call *fresh, bool wait,
		   struct passenger *self)
{
	struct crew__caller caller = crew__caller();
	int rc;

	if (!fresh)
		return CREW_ENOMEM;
	self->self = crew__hold_self(&caller);
	self->name = crew__name_of(caller.fiber);
	if (wait)
		rc = wait_for_call(flight, self, fresh, crew__caller_check(&caller));
	else
		rc = begin_call(flight, self, fresh);
	if (self->call != fresh)
		crew__free(fresh);
	return rc;
}

static int do_or_share(struct crew_flight *flight, struct call *fresh, bool wait,
		       crew_flight_fn *fn, void *arg, void **value, bool *shared)
{
	struct passenger self = { .call = NULL };
	int rc = do_call(flight, fresh, wait, &self);

	if (self.call)
		rc = make_call(flight, &self, fn, arg);
	if (value)
		*value = self.value;
	if (shared)
		*shared = self.shared;
	return rc;
}

int crew_flight_do(struct crew_flight *flight, const void *key, size_t bytes, crew_flight_fn *fn,
		   void *arg, void **value, bool *shared)
{
	return fn ? do_or_share(flight, new_call(key, bytes), true, fn, arg, value, shared) :
		    CREW_EINVAL;
}

int crew_flight_do_nowait(struct crew_flight *flight, const void *key, size_t bytes,
			  crew_flight_fn *fn, void *arg, void **value, bool *shared)
{
	return fn ? do_or_share(flight, new_call(key, bytes), false, fn, arg, value, shared) :
		    CREW_EINVAL;
}

void crew_flight_forget(struct crew_flight *flight, const void *key, size_t bytes)
{
	struct crew__entry like;
	struct call *call;

	crew__entry_init(&like, key, bytes);
	crew__lot_enter(&flight->private_.lot);
	call = call_in(crew__table_find(&flight->private_.calls, &like));
	if (call) {
		crew__table_remove(&flight->private_.calls, &call->entry);
		call->forgotten = true;
	}
	crew__lot_leave(&flight->private_.lot);
}

/* ---- the rest of the face -------------------------------------------------------------------- */

void crew_flight_read_stats(const struct crew_flight *flight, struct crew_flight_stats *stats)
{
	struct crew_flight *locked = (struct crew_flight *)(uintptr_t)flight;
	struct crew_flight_stats now = { .size = sizeof(now) };
	struct crew__entry *entry = NULL;

	crew__lot_enter(&locked->private_.lot);
	while ((entry = crew__table_next(&flight->private_.calls, entry)))
		now.waiting += crew__queue_count(&call_in(entry)->queue);
	now.calls = flight->private_.calls.count;
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_flight_fini(struct crew_flight *flight)
{
	struct crew__entry *entry = NULL;

	crew__lot_enter(&flight->private_.lot);
	while ((entry = crew__table_next(&flight->private_.calls, entry))) {
		crew__queue_fini(&call_in(entry)->queue,
				 "a flight is given up while somebody waits for a call");
		crew__require(false, "a flight is given up while somebody makes a call",
			      call_in(entry)->name);
	}
	crew__lot_leave(&flight->private_.lot);
}
