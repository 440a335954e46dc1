/* SPDX-License-Identifier: MIT */
/*
 * start.c - children that are waited for as they begin.
 *
 * CREW_TASK_INLINE. The spawner parks, firmly, and its child is queued by the hook of that
 * wait: so nobody tells the spawner too early. Its worker takes the newest of its own tasks
 * next; another may be faster. The child's fiber carries the spawner's waiter until it waits
 * or ends. It never runs in place: it needs a fiber that carries one waiter.
 *
 * crew_group_start(). The child is the group's from the beginning: it is counted there. But its
 * scope lies in the starter's innermost one, as a moving one (exec/cancel.h), until it says
 * that it has started: then it moves into the group's. Cancelled before, it stays where it is.
 *
 * INVARIANTS
 *	S1  The starter goes on when the child's scope has left the starter's: because it has
 *	    moved, or because the child has ended. So nobody below the child meets a frame
 *	    that was left.
 *	S2  The starter is told once, under the task's lock. Until then `start` is there, and
 *	    the child's failure is the starter's.
 *	S3  A child in line behind who waits for it (admit.c) would never begin: a
 *	    starter that was interrupted takes it out.
 *
 * GUARDED BY tests/model/start.c, tests/api/inline.c, tests/api/start.c.
 */
#include "scope/errors.h"
#include "scope/handle.h"

/* ---- inline -------------------------------------------------------------------------- */

static void queue_it(void *opaque)
{
	struct crew_task *task = opaque;
	struct crew *crew = task->crew;

	/* it may end at once, and the spawner, of another crew, go on and stop this one */
	crew__add32_acq_rel(&crew->callers, 1);
	crew__group_put(task->group, &task->record, true);
	crew__add32_acq_rel(&crew->callers, (uint32_t)-1); /* LAST TOUCH */
}

void crew__handle_begin(struct crew_task *task)
{
	struct crew__worker *worker = crew__self();
	struct crew__waiter waiter;

	crew__waiter_init(&waiter, false);
	task->spawner = &waiter;
	if (worker)
		worker->streak = CREW__READY_STREAK; /* the loop takes a task before it takes us */
	crew__park(&waiter, queue_it, task, CREW_NEVER, "inline start");
}

/* ---- the child ------------------------------------------------------------------------ */

/* In the starter's frame. */
struct crew__start {
	struct crew__waiter *waiter; /* guarded by the task's lock; NULL: it does not wait now */
	bool told;		     /* the same */
	bool said;		     /* crew_started() was called */
	int rc;
	void *value;
};

/* LAST TOUCH of the start. */
static void tell_starter(struct crew_task *task, struct crew__start *start, int rc)
{
	struct crew__parker *parker;
	bool won;

	crew_lot_lock(&task->lot);
	start->rc = rc;
	start->told = true;
	won = start->waiter && crew__grant(start->waiter, &parker);
	crew_lot_unlock(&task->lot);
	if (won)
		crew__ready(parker);
}

int crew_started(void *value)
{
	struct crew__caller caller = crew__caller();
	struct crew_task *task = caller.fiber ? caller.fiber->task : NULL;
	struct crew__start *start = task ? task->start : NULL;
	struct crew__delivery delivery;

	if (crew__self_orphan())
		return CREW_EFORKED;
	if (!start || start->said)
		return CREW_ESTATE;
	start->said = true;
	start->value = value;
	crew__delivery_init(&delivery);
	if (crew__scope_move(&task->scope, &task->group->scope, &delivery)) {
		task->start = NULL;
		tell_starter(task, start, 0);
	}
	crew__delivery_end(&delivery);
	return 0;
}

void crew__start_ended(struct crew_task *task, int rc)
{
	struct crew__start *start = task->start;

	tell_starter(task, start, rc || start->said ? rc : CREW_ENOSTART);
}

/* ---- the starter ------------------------------------------------------------------------ */

static void unlock_starting(void *opaque)
{
	struct crew_task *task = opaque;

	crew_lot_unlock(&task->lot);
}

/* False: it was interrupted, and not told yet. */
static bool wait_for_start(struct crew_task *task, struct crew__start *start, bool interruptible)
{
	struct crew__waiter waiter;
	bool told;

	crew__waiter_init(&waiter, interruptible);
	crew_lot_lock(&task->lot);
	if (start->told) {
		crew_lot_unlock(&task->lot);
		crew__waiter_fini(&waiter);
		return true;
	}
	start->waiter = &waiter;
	if (crew__park(&waiter, unlock_starting, task, CREW_NEVER, "group start"))
		return true;
	crew_lot_lock(&task->lot);
	start->waiter = NULL;
	told = start->told;
	crew_lot_unlock(&task->lot);
	return told;
}

/* S3. False: it has been let in. */
static bool withdraw(struct crew_group *group, struct crew_task *task)
{
	if (!crew__group_is_limited(group) || !crew__group_withdraw(group, &task->record))
		return false;
	crew__scope_leave(&task->scope, NULL);
	crew__group_tally(group, CREW_TASK_NEVER_STARTED);
	crew__join_ended(group, 1);
	crew_task_drop(task);
	return true;
}

/* Waits for what becomes of a child that is queued. */
static int await_start(struct crew_group *group, struct crew_task *task, struct crew__start *start)
{
	struct crew__caller caller;

	if (!wait_for_start(task, start, true)) {
		if (withdraw(group, task))
			return CREW_ECANCELED;
		wait_for_start(task, start, false);
	}
	if (start->rc != CREW_ENOSTART)
		return start->rc;
	caller = crew__caller();
	return crew__caller_check(&caller) ? CREW_ECANCELED : CREW_ENOSTART;
}

static int may_start(struct crew_group *group, crew_task_fn *fn, bool *has_room)
{
	struct crew__caller caller = crew__caller();
	int rc = crew__group_may_spawn(group, &caller, fn, 0);

	if (rc == 0)
		rc = crew__caller_check(&caller);
	if (rc == 0)
		rc = crew__group_room(group, &caller, 0, has_room);
	if (rc == CREW_ECANCELED)
		crew__group_never_started(group);
	return rc;
}

/* Its scope, not yet that of a moving one, becomes so inside of the caller's. */
static void open_scope(struct crew_task *task, const struct crew__caller *caller)
{
	struct crew__delivery delivery;

	task->scope.private_.parent = crew__caller_scope(caller);
	task->scope.private_.flags |= CREW__MOVING;
	crew__delivery_init(&delivery);
	crew__scope_complete(&task->scope, &delivery);
	crew__delivery_end(&delivery);
}

int crew_group_start_at(struct crew_group *group, crew_task_fn *fn, void *arg, void **value,
			const char *site)
{
	struct crew__start start = { .waiter = NULL };
	struct crew__caller caller;
	struct crew_task *task;
	bool has_room = true;
	int rc;

	if (value)
		*value = NULL;
	rc = may_start(group, fn, &has_room);
	if (rc)
		return rc;
	caller = crew__caller(); /* it may have waited */
	task = crew__handle_make(group, &caller, NULL);
	if (!task)
		return crew__group_no_record(group, has_room);
	task->record.slot = (struct crew__slot){
		.fn = fn, .arg = arg, .group = (uintptr_t)group, .site = site
	};
	task->start = &start;
	crew__store32_relaxed(&task->record.holders, 2);
	open_scope(task, &caller);
	caller = crew__caller(); /* a hook may have waited */
	crew__group_count(group, &caller);
	crew__group_put(group, &task->record, has_room);
	rc = await_start(group, task, &start);
	if (value && rc == 0)
		*value = start.value;
	if (rc && task->error) {
		crew__pending_push(crew__caller().fiber, task->error);
		task->error = NULL;
	}
	crew_task_drop(task);
	return rc;
}
