/* SPDX-License-Identifier: MIT */
/*
 * handle.h - a task that somebody may hold: to wait for it, cancel it, take its value.
 *
 * WORDS
 *	holder	whoever may touch it: handles; the group until it ended (or, of a lazy one,
 *		until it is certain that it never starts); the roster that lists it.
 *	lazy	not begun before somebody joins it. It is not counted as a child until then.
 *
 * LIFE
 *	PENDING -> RUNNING -> FINISHED | FAILED | CANCELLED
 *	PENDING -> NEVER_STARTED
 *	and CANCELLING is what a handle says of one that was cancelled and has not ended.
 *
 * INVARIANTS
 *	H1  The task has a scope of its own, inside of the group's. A handle cancels it
 *	    under the task's lock, and only before it has ended: so the scope is left
 *	    with nobody on the way to it.
 *	H2  It ends once, under its lock: code and value are written before. All that wait
 *	    for it are granted then, and nobody waits later. They wait in its lot
 *	    (crew/lot.h), whose lock is the task's: there a select waits as well.
 *	H3  It ends before it is counted off: so until then the group is there.
 *	H4  A lazy task is begun, or never starts: whoever comes first under its lock. It is
 *	    counted before the lock is let go, and a closing owner looks at the count
 *	    behind the lock. While an owner that waits is told that no child is left, none
 *	    is begun. What has begun so late may ask the roster, and be handed out by it.
 *	H5  The last holder gives it back. The roster hands its hold on with the task.
 *
 * Locks, outermost first: the task's, then the group's (to count), or deliveries (cancel.h).
 * The roster is locked without a task's lock.
 *
 * GUARDED BY tests/model/handles.c, tests/api/handles.c.
 */
#ifndef CREW__HANDLE_H
#define CREW__HANDLE_H

#include "scope/group.h"

#include "crew/lot.h"

struct crew_task {
	struct crew__record record;
	struct crew_scope scope;
	struct crew *crew;
	struct crew_group *group;  /* while it has not ended */
	struct crew_lot lot;	   /* its lock; those who wait for its end wait in it */
	struct crew__word32 state; /* enum crew_task_state; guarded by lot, read by anybody */
	/* guarded by lot, as is the rest */
	struct crew__word32 lazy;     /* it is, and has not begun. Read by anybody */
	struct crew__waiter *spawner; /* until it waits or ends; constant once it is queued */
	struct crew__start *start;    /* own: somebody waits for its start; NULL: nobody */
	int rc;
	void *value;
	struct crew_error *error; /* of an isolated one that failed, or of one not started */
	bool taken;		  /* somebody has asked for the value */
	bool asked;		  /* somebody knows how it ended */
	bool listed;		  /* in the roster, once */
	bool late;		  /* it ended badly after its group's timeout */
	void (*arg_free)(void *arg);
	void (*value_free)(void *value);
	/* guarded by the group's lock */
	struct crew__link kept;
	struct crew__link ended;
	bool counted; /* in the roster's `begun` */
};

static inline void crew__handle_hold(struct crew_task *task)
{
	crew__add32_acq_rel(&task->record.holders, 1);
}

static inline bool crew__handle_is_lazy(const struct crew_task *task)
{
	return crew__load32_acquire(&task->lazy);
}

/* A task that is not counted yet, or NULL. */
struct crew_task *crew__handle_make(struct crew_group *group, const struct crew__caller *caller,
				    const struct crew_task_options *options);
/* Queues a child, which is counted and has room, and waits until it waits or has ended. */
void crew__handle_begin(struct crew_task *task);
/* It has ended with the code, and whoever waited for its start never saw it. */
void crew__start_ended(struct crew_task *task, int rc);
/* crew_task_join(), but nobody learns how it ended. */
int crew__handle_await(struct crew_task *task);
/* May the caller wait for it? 0, or the code of crew_task_join(); cancellation is not looked at. */
int crew__handle_may_await(const struct crew_task *task, const struct crew__caller *caller);
/* Somebody is going to wait for it: a lazy one begins. */
void crew__handle_want(struct crew_task *task);
/* A lazy one that nobody has begun never starts. */
void crew__handle_give_up(struct crew_task *task);
/* It has ended: a failure that nobody has asked for is the group's after all. */
void crew__handle_settle(struct crew_task *task);

/* The roster: lists a task; a lazy one has begun; a task has ended. */
void crew__roster_keep(struct crew_task *task);
void crew__roster_begun(struct crew_task *task);
void crew__roster_ended(struct crew_task *task);

#endif /* CREW__HANDLE_H */
