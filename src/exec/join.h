/* SPDX-License-Identifier: MIT */
/*
 * join.h - counting the children of a group, so that a child that never left its
 * worker costs no atomic read-modify-write.
 *
 * WORDS
 *	owner	the task, or plain thread, that opened the group and closes it.
 *	own	a plain counter, of what runs on the owner's fiber: children spawned there.
 *	back	another: children that the owner took out of its deque and ran in place; mostly
		its own.
 *	count	the shared counter: starts at 0. Children spawned elsewhere add to it,
 *		children that ended elsewhere take from it, below 0 if need be.
 *	armed	the owner waits: own - back + BIAS (2^40) was added to count, which now is
 *		BIAS and the number of children left.
 *
 * LIFE
 *	spawn	on the owner's fiber own + 1, elsewhere count + 1; then the task is
 *		queued.
 *	close	takes the group's own tasks from the top of the deque and runs them in
 *		place, back + 1 each. When none is left there: if own - back + count is 0
 *		all is over, without a read-modify-write. Else the owner parks, and
 *		the hook (its registers saved, nobody can have woken it before) arms.
 *	ended	count - n. If count is armed and n is all that is left, this happens
 *		under the group's lock, and the owner is woken.
 *	wait	parks in the same way, interruptibly, with the lock held until armed.
 *		Interrupted, it takes the bias back under the lock.
 *
 * INVARIANTS
 *	J1  unarmed: children left = own - back + count, and count is far from BIAS.
 *	    armed:   children left = count - BIAS.
 *	J2  count reaches BIAS only while armed, only under the lock, once for each arming;
 *	    or in the hook that arms, when all ended before.
 *	J3  Whoever has not yet counted its child off keeps the group alive, so a lock
 *	    that was found in vain may be let go. Else the last touch of the group is
 *	    the decrement, or the unlock after the one that reached BIAS.
 *	J4  A group whose owner left close is not touched any more.
 *
 * ORDERS
 *	join.count	every decrement releases what the child wrote; the owner's load
 *			in close, or the arming, or the wake after the last decrement,
 *			acquires it.
 *
 * BATCHES. A worker that runs one child after the other of the same group counts
 * them off together: at the latest before it runs anything else, parks, or idles.
 *
 * REJECTED: one atomic counter: 2 locked instructions for each child (perf/run cmpxchg).
 *
 * GUARDED BY tests/model/join.c, tests/model/crew.c, tests/stress/tasks.c.
 */
#ifndef CREW__JOIN_H
#define CREW__JOIN_H

#include "exec/cancel.h"
#include "exec/worker.h"

#include "crew/group.h"

#define CREW__JOIN_BIAS (UINT64_C(1) << 40)

/* What floor 4 says to a child that ended with a code, or was never started. */
void crew__group_child_failed(struct crew_group *group, int rc);
void crew__group_child_skipped(struct crew_group *group);
/* A child has ended, one with a record that is `limited`, and is not yet counted off. */
void crew__group_child_left(struct crew_group *group);
/* Floor 4 runs a task that has handles, or does not, and says so to whom it concerns. */
void crew__handle_run(struct crew__fiber *fiber, struct crew__record *record);
/* The task on the fiber, or what the plain thread (NULL) did, ends otherwise than it said
 * with crew_fail(). */
void crew__pending_drop(struct crew__fiber *fiber);
/* The task that has ended on the fiber still holds locks. Implemented in sync/. */
void crew__locks_left(struct crew__fiber *fiber);

static inline struct crew__lock *crew__join_lock(struct crew_group *group)
{
	return (struct crew__lock *)(void *)&group->private_.lock;
}

/* Owner, unarmed: those that it spawned and did not take back. */
static inline uint64_t crew__join_own(const struct crew_group *group)
{
	return group->private_.own - group->private_.back;
}

/* Owner, unarmed: the children left. */
static inline uint64_t crew__join_left(const struct crew_group *group)
{
	/* pairs: join.count */
	return crew__join_own(group) + crew__load_acquire(&group->private_.count);
}

/* n children have ended, none of them counted in `own`. */
void crew__join_ended(struct crew_group *group, uint32_t n);
/* Counts off what the worker has put off. */
void crew__join_flush_slow(struct crew__worker *worker);

static inline void crew__join_flush(struct crew__worker *worker)
{
	if (worker->done_count)
		crew__join_flush_slow(worker);
}

/* Owner, unarmed. Parks until no child is left. `interruptible`: false is always
 * granted. Returns false when it was cancelled: the group is unarmed again. */
bool crew__join_park(struct crew_group *group, bool interruptible, const char *reason);

/* The loop runs a task that it took from a deque. */
void crew__join_run(struct crew__worker *worker, const struct crew__slot *slot);
/* Calls a task that has a record; the record is freed. `skip`: does not call. The fiber
 * keeps the task's name, for what its failure says; the caller takes it away. */
int crew__record_run(struct crew__fiber *fiber, struct crew__record *record, bool skip);
/* Calls its function, pinned if it asks for that. */
int crew__record_call(struct crew__fiber *fiber, const struct crew__record *record);
/* A record for `worker` (NULL: a plain thread) of `crew`, or NULL. */
struct crew__record *crew__record_take(struct crew *crew, struct crew__worker *worker,
				       enum crew__record_kind kind);
void crew__record_give(struct crew *crew, struct crew__worker *worker, struct crew__record *record);

/* Is everything from the fiber's innermost scope outwards unmarked? */
static inline bool crew__fiber_clean(const struct crew__fiber *fiber)
{
	return crew__load_relaxed(&crew__cancel_epoch) == fiber->epoch;
}

/* Is this a child process, and the crew one of the parent? Then no fiber is clean. */
static inline bool crew__is_forked(const struct crew *crew)
{
	return crew->forks != crew__port_fork_count();
}

/* The same after looking, when the epoch has moved. */
bool crew__fiber_look(struct crew__fiber *fiber);

/* Around what the loop runs, a task or a forked call: its fiber stands in `scope`. */
static inline void crew__task_begin(struct crew__worker *worker, struct crew_scope *scope,
				    const char *site)
{
	crew__worker_stands(worker, worker->fiber, scope);
	crew__show_pointer(&worker->fiber->site, site);
	crew__count(&worker->counters.tasks, 1);
}

/* Ends the process if it should not have returned. What it holds is broken. */
void crew__task_returned(struct crew__fiber *fiber, const struct crew_scope *scope,
			 const char *site);

static inline void crew__task_end(struct crew__fiber *fiber)
{
	if (crew__unlikely(fiber->parker.scope))
		crew__scope_part(&fiber->parker);
	fiber->scope = NULL;
	crew__show_pointer(&fiber->site, NULL);
}

#endif /* CREW__JOIN_H */
