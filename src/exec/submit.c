/* SPDX-License-Identifier: MIT */
/*
 * submit.c - who calls (exec.h); and queueing a task that needs a record: from outside
 * of the crew's workers, with options, with a copy of its argument, or for lack of room.
 */
#include "exec/exec.h"

#include <string.h>

/* ---- who calls ----------------------------------------------------------------- */

bool crew__caller_is_in(const struct crew__caller *caller, const struct crew_scope *scope)
{
	const struct crew_scope *at = crew__caller_scope(caller);
	bool locked = false;

	while (at && at != scope)
		at = crew__scope_around(at, &locked);
	crew__scope_looked(locked);
	return at;
}

void crew__caller_set_scope(const struct crew__caller *caller, struct crew_scope *scope)
{
	if (caller->worker) { /* perhaps another one by now */
		crew__worker_stands(caller->fiber->worker, caller->fiber, scope);
		return;
	}
	if (caller->fiber) { /* of a host: it does not run */
		caller->fiber->scope = scope;
		return;
	}
	crew__self_set_scope(scope);
	if (!scope)
		crew__pending_drop(NULL);
}

int crew__caller_check(const struct crew__caller *caller)
{
	struct crew_scope *scope;

	if (caller->worker)
		return crew__fiber_look(caller->fiber) ? 0 : CREW_ECANCELED;
	scope = crew__caller_scope(caller);
	if (!scope)
		return crew__self_orphan() ? CREW_EFORKED : 0;
	if (!caller->fiber)
		crew__deadline_serve(scope);
	/* a host looks itself: its fiber's epoch is not ours to write */
	return crew__scope_cancelled(scope) ? CREW_ECANCELED : 0;
}

struct crew__cause crew__caller_cause(const struct crew__caller *caller, uint32_t source,
				      const char *reason)
{
	struct crew__cause cause = { .source = source, .reason = reason };

	if (caller->fiber) {
		cause.by = crew__shown_text(&caller->fiber->name);
		cause.site = crew__shown_text(&caller->fiber->site);
	}
	return cause;
}

void crew__caller_cancel_inside(const struct crew__caller *caller, struct crew_scope *outer)
{
	struct crew__cause cause =
		crew__caller_cause(caller, CREW_BY_CALL, "what is around it was closed before");
	struct crew_scope *inside = crew__caller_scope(caller);

	if (inside == outer)
		return;
	/* nothing around a moving one is the caller's */
	while (inside && !crew__scope_has(inside, CREW__MOVING)) {
		if (inside->private_.parent == outer) {
			crew__scope_cancel(inside, &cause);
			return;
		}
		inside = inside->private_.parent;
	}
}

/* ---- queueing ------------------------------------------------------------------ */

static bool is_fork(const struct crew__deque_cell *cell)
{
	return crew__cell_word(cell, 2) & CREW__SLOT_FORK;
}

/* The deque is full: the slot goes through the inject queue, and so does some of what is newest
 * in the deque. Forked calls stay where they are (fork.h). False: one is the newest, or there
 * is no memory. */
static bool push_aside(struct crew__worker *worker, const struct crew__slot *slot)
{
	struct crew__deque *deque = &worker->deque;
	const struct crew__deque_cell *newest = crew__deque_newest(deque);
	struct crew__record *record;
	struct crew__slot *slots;
	uint32_t count = 1;

	if (is_fork(newest))
		return false;
	record = crew__record_take(worker->crew, worker, CREW__RECORD_OVERFLOW);
	if (!record)
		return false;
	slots = crew__container(record, struct crew__overflow, record)->slots;
	slots[0] = *slot;
	while (count <= CREW__OVERFLOW_BATCH && !is_fork(newest) &&
	       crew__deque_take_newest(deque)) {
		crew__cell_read(newest, &slots[count++]);
		newest = crew__deque_newest(deque);
	}
	record->injected.more = count - 1;
	crew__inject_put(&worker->crew->inject, &record->injected);
	crew__idle_injected(worker->crew);
	return true;
}

bool crew__spawn_push(struct crew__worker *worker, const struct crew__slot *slot)
{
	return crew__worker_push(worker, slot) || push_aside(worker, slot);
}

void crew__submit_record(struct crew *crew, struct crew__worker *worker,
			 struct crew__record *record)
{
	if (worker && worker->crew == crew && record->keep) {
		struct crew__slot queued = crew__record_slot(record);

		if (crew__spawn_push(worker, &queued))
			return;
	}
	crew__inject_put(&crew->inject, &record->injected);
	crew__idle_injected(crew);
}

struct crew__record *crew__record_make(struct crew *crew, struct crew__worker *worker,
				       const struct crew__slot *slot,
				       const struct crew_task_options *options, const void *copy,
				       size_t copy_bytes)
{
	struct crew__worker *own = worker && worker->crew == crew ? worker : NULL;
	struct crew__record *record =
		crew__record_take(crew, own, copy ? CREW__RECORD_COPY : CREW__RECORD_PLAIN);

	if (!record)
		return NULL;
	record->slot = *slot;
	record->keep = copy || options;
	if (copy) {
		memcpy(crew__record_copy(record), copy, copy_bytes);
		record->slot.arg = crew__record_copy(record);
	}
	if (options) {
		record->name = options->name;
		record->flags = (uint8_t)options->flags;
	}
	return record;
}

int crew__submit(struct crew *crew, struct crew__worker *worker, const struct crew__slot *slot,
		 const struct crew_task_options *options, const void *copy, size_t copy_bytes)
{
	struct crew__record *record =
		crew__record_make(crew, worker, slot, options, copy, copy_bytes);

	if (!record)
		return CREW_ENOMEM;
	crew__submit_record(crew, worker, record);
	return 0;
}
