/* SPDX-License-Identifier: MIT */
/* join.c - see join.h for the protocol. */
#include "exec/join.h"

#include "base/assert.h"
#include "exec/fork.h"

/* ---- counting ------------------------------------------------------------ */

void crew__join_ended(struct crew_group *group, uint32_t n)
{
	struct crew_word *count = &group->private_.count;
	uint64_t value = crew__load_relaxed(count);
	struct crew__parker *parker;
	bool won;

	for (;;) {
		if (value != CREW__JOIN_BIAS + n) {
			/* pairs: join.count. LAST TOUCH when it succeeds */
			if (crew__cas_acq_rel(count, &value, value - n))
				return;
			continue;
		}
		crew__lock_acquire(crew__join_lock(group));
		if (crew__cas_acq_rel(count, &value, CREW__JOIN_BIAS))
			break;
		/* disarmed meanwhile, or a child was added: our n keeps it alive (J3) */
		crew__lock_release(crew__join_lock(group));
	}
	won = crew__grant(group->private_.waiter, &parker);
	crew__lock_release(crew__join_lock(group)); /* LAST TOUCH */
	if (won)
		crew__ready(parker);
}

void crew__join_flush_slow(struct crew__worker *worker)
{
	struct crew_group *group = worker->done_group;
	uint32_t n = worker->done_count;

	worker->done_group = NULL;
	worker->done_count = 0;
	crew__join_ended(group, n);
}

/* The hook of close: nobody can interrupt, so nobody needs the lock. */
static void arm(void *opaque)
{
	struct crew_group *group = opaque;
	uint64_t change = crew__join_own(group) + CREW__JOIN_BIAS;
	struct crew__waiter *waiter = group->private_.waiter;
	struct crew__parker *parker;

	/* pairs: join.count. LAST TOUCH unless all have ended */
	if (crew__add_acq_rel(&group->private_.count, change) + change == CREW__JOIN_BIAS &&
	    crew__grant(waiter, &parker))
		crew__ready(parker);
}

/* The hook of wait: a cancelled owner comes for the lock before it disarms. */
static void arm_and_unlock(void *opaque)
{
	struct crew_group *group = opaque;
	uint64_t change = crew__join_own(group) + CREW__JOIN_BIAS;
	struct crew__waiter *waiter = group->private_.waiter;
	struct crew__parker *parker = NULL;
	bool won = false;

	if (crew__add_acq_rel(&group->private_.count, change) + change == CREW__JOIN_BIAS)
		won = crew__grant(waiter, &parker);
	crew__lock_release(crew__join_lock(group)); /* LAST TOUCH */
	if (won)
		crew__ready(parker);
}

bool crew__join_park(struct crew_group *group, bool interruptible, const char *reason)
{
	struct crew__waiter waiter;
	bool granted;

	crew__waiter_init(&waiter, interruptible);
	if (interruptible)
		crew__lock_acquire(crew__join_lock(group));
	group->private_.waiter = &waiter;
	granted = crew__park(&waiter, interruptible ? arm_and_unlock : arm, group, CREW_NEVER,
			     reason);
	if (interruptible) {
		/* the hook may still hold it, and whoever finds the count armed */
		crew__lock_acquire(crew__join_lock(group));
		if (!granted)
			crew__add_acq_rel(&group->private_.count,
					  0 - CREW__JOIN_BIAS - crew__join_own(group));
		crew__lock_release(crew__join_lock(group));
	}
	if (granted) {
		crew__require(crew__load_relaxed(&group->private_.count) == CREW__JOIN_BIAS,
			      "somebody who is no child of a group and does not hold it spawned "
			      "into it while it was closed: see crew_group_hold()",
			      group->scope.private_.name);
		group->private_.back = group->private_.own;
		crew__store_relaxed(&group->private_.count, 0);
	}
	return granted;
}

/* ---- records ------------------------------------------------------------- */

struct crew__record *crew__record_take(struct crew *crew, struct crew__worker *worker,
				       enum crew__record_kind kind)
{
	struct crew__record *record =
		crew__pool_take(&crew->records[kind], worker ? &worker->records[kind] : NULL);

	if (record)
		*record = (struct crew__record){ .kind = (uint8_t)kind };
	return record;
}

void crew__record_give(struct crew *crew, struct crew__worker *worker, struct crew__record *record)
{
	enum crew__record_kind kind = (enum crew__record_kind)record->kind;

	crew__pool_give(&crew->records[kind], worker ? &worker->records[kind] : NULL, record);
}

void crew__record_open(struct crew__worker *worker, struct crew__injected *what)
{
	struct crew__record *record = crew__container(what, struct crew__record, injected);
	bool keep = record->keep; /* then it may be gone as soon as its slot is there */
	struct crew__slot slot = keep ? crew__record_slot(record) : record->slot;
	const struct crew__slot *slots = &slot;
	uint32_t count = 1 + what->more;

	if (record->kind == CREW__RECORD_OVERFLOW)
		slots = crew__container(record, struct crew__overflow, record)->slots;
	for (uint32_t i = 0; i < count; i++) {
		bool pushed = crew__deque_push(&worker->deque, &slots[i]);

		crew__assert(pushed);
		(void)pushed;
	}
	if (!keep)
		crew__record_give(worker->crew, worker, record);
}

int crew__record_call(struct crew__fiber *fiber, const struct crew__record *record)
{
	int rc;

	if (!(record->flags & CREW_TASK_PINNED))
		return record->slot.fn(record->slot.arg);
	/* its joins have no room for children: they would be pinned too */
	fiber->room += CREW__NO_ROOM;
	fiber->pinned = fiber->worker;
	rc = record->slot.fn(record->slot.arg);
	fiber->pinned = NULL;
	fiber->room -= CREW__NO_ROOM;
	return rc;
}

int crew__record_run(struct crew__fiber *fiber, struct crew__record *record, bool skip)
{
	int rc = 0;

	if (!skip)
		crew__show_pointer(&fiber->name, record->name);
	if (record->kind == CREW__RECORD_TASK) {
		crew__handle_run(fiber, record);
		return 0;
	}
	if (!skip)
		rc = crew__record_call(fiber, record);
	crew__record_give(fiber->crew, fiber->worker, record);
	return rc;
}

/* ---- running ------------------------------------------------------------- */

bool crew__fiber_look(struct crew__fiber *fiber)
{
	uint64_t epoch = crew__load_acquire(&crew__cancel_epoch); /* pairs: cancel.epoch */

	if (epoch == fiber->epoch)
		return true;
	if (crew__is_forked(fiber->crew) || crew__scope_cancelled(fiber->scope))
		return false;
	fiber->epoch = epoch;
	return true;
}

void crew__task_returned(struct crew__fiber *fiber, const struct crew_scope *scope,
			 const char *site)
{
	if (crew__unlikely(!crew__fiber_clean(fiber)))
		crew__require(!crew__is_forked(fiber->crew),
			      "a task returned in a child process after fork; call _exit() or "
			      "exec there",
			      site);
	crew__require(fiber->scope == scope, "a task returned without closing its group", site);
	if (crew__unlikely(fiber->locks))
		crew__locks_left(fiber);
}

/* What crew__call_task calls for a task with a record: its frame is the outermost
 * one of the task either way. */
struct with_record {
	struct crew__fiber *fiber;
	struct crew__record *record;
};

static int run_with_record(void *opaque)
{
	struct with_record *with = opaque;

	return crew__record_run(with->fiber, with->record, false);
}

void crew__join_run(struct crew__worker *worker, const struct crew__slot *slot)
{
	struct crew_group *group = (struct crew_group *)(slot->group & ~CREW__SLOT_BITS);
	struct crew__record *record = slot->group & CREW__SLOT_RECORD ? slot->arg : NULL;
	bool limited = record && record->limited; /* the record will be gone */
	struct crew__fiber *fiber = worker->fiber;
	int rc = 0;

	if (slot->group & CREW__SLOT_FORK) {
		crew__fork_run(worker, slot);
		return;
	}
	if (worker->done_group != group) {
		crew__join_flush(worker);
		fiber->epoch = 0; /* else a sibling has just looked */
	}
	crew__task_begin(worker, &group->scope, slot->site);
	if (crew__fiber_look(fiber) || crew__record_decides(record)) {
		struct with_record with = { .fiber = fiber, .record = record };

		rc = record ? crew__call_task(run_with_record, &with) :
			      crew__call_task(slot->fn, slot->arg);
		crew__task_returned(fiber, &group->scope, slot->site);
		if (rc)
			crew__group_child_failed(group, rc);
		else if (crew__unlikely(fiber->pending))
			crew__pending_drop(fiber);
	} else {
		if (record)
			crew__record_run(fiber, record, true);
		crew__group_child_skipped(group);
	}
	if (limited)
		crew__group_child_left(group);
	worker = fiber->worker;
	if (record)
		crew__show_pointer(&fiber->name, NULL);
	crew__task_end(fiber);
	if (worker->done_group != group)
		crew__join_flush(worker);
	worker->done_group = group;
	worker->done_count++;
}
