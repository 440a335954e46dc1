/* SPDX-License-Identifier: MIT */
/*
 * condition.c - waiting for what is done under a lock. A condition is a second line in its
 * lock's lot (lot.h): notify moves waits from it to the line of the lock, all under one
 * lock, and makes them firm on the way (park.h): then only the lock ends them.
 *
 * INVARIANTS
 *	N1  A condition with a line is in its lock's list, so that a lock that breaks finds
 *	    all who wait.
 *	N2  A wait leaves the condition's line once: notified, cancelled, or told that the
 *	    lock is broken. After that it does not touch the condition.
 *
 * GUARDED BY tests/model/condition.c, tests/api/condition.c.
 */
#include "sync/circle.h"

#include "crew/condition.h"

static struct crew_lot *lot_of(const struct crew_condition *condition)
{
	return &condition->private_.lock->private_.lot;
}

/* pre of these two: the lot is locked. N1 */
static void list_condition(struct crew_condition *condition)
{
	struct crew_condition **at = &condition->private_.lock->private_.conditions;

	if (condition->private_.at)
		return;
	condition->private_.next = *at;
	condition->private_.at = at;
	if (*at)
		(*at)->private_.at = &condition->private_.next;
	*at = condition;
}

static void unlist_if_empty(struct crew_condition *condition)
{
	struct crew_condition *next = condition->private_.next;

	if (condition->private_.queue.first || !condition->private_.at)
		return;
	*condition->private_.at = next;
	if (next)
		next->private_.at = condition->private_.at;
	condition->private_.at = NULL;
}

/* ---- waiting ------------------------------------------------------------------- */

/* pre: the caller holds the lock. Afterwards it does again, but for CREW_EOWNERDEAD. */
static int wait_without_lock(struct crew_condition *condition, const struct crew__caller *caller,
			     uint64_t self)
{
	struct crew_lock *lock = condition->private_.lock;
	struct crew__edge edge = { .lock = lock };
	bool watched = crew__circle_wanted(caller->fiber);
	struct crew__wait wait;
	int rc;

	crew__wait_prepare(&wait, self, true);
	crew__hold_enter(lock);
	list_condition(condition);
	edge.expected = wait.waiter.expected;
	if (watched)
		crew__circle_show_return(&edge, caller->fiber); /* O2: before anybody has it */
	crew__hold_end(lock, caller->fiber);
	crew__hold_pass(lock);
	if (crew__lot_wait(&lock->private_.lot, &condition->private_.queue, &wait, "condition")) {
		rc = wait.rc;
		if (rc == 0)
			crew__hold_begin(lock, caller->fiber);
		if (rc == CREW__HOLD_COME)
			rc = crew__hold_again(lock, caller, self, true);
	} else {
		unlist_if_empty(condition);
		crew__lot_leave(&lock->private_.lot);
		rc = crew__hold_again(lock, caller, self, false);
		rc = rc ? rc : CREW_ECANCELED;
	}
	if (watched)
		crew__circle_end(caller->fiber);
	return rc;
}

int crew_condition_wait(struct crew_condition *condition)
{
	struct crew__caller caller = crew__caller();
	uint64_t self = crew__hold_self(&caller);
	int rc = crew__hold_is(condition->private_.lock, self) ? crew__caller_check(&caller) :
								 CREW_EPERM;

	return rc ? rc : wait_without_lock(condition, &caller, self);
}

int crew_condition_wait_for(struct crew_condition *condition, crew_condition_fn *until, void *arg)
{
	struct crew__caller caller = crew__caller();
	int rc = 0;

	if (!until)
		return CREW_EINVAL;
	if (!crew__hold_is(condition->private_.lock, crew__hold_self(&caller)))
		return CREW_EPERM;
	while (rc == 0 && !until(arg))
		rc = crew_condition_wait(condition);
	return rc;
}

/* ---- notifying ------------------------------------------------------------------- */

int crew_condition_notify(struct crew_condition *condition, uint32_t count)
{
	struct crew_lock *lock = condition->private_.lock;
	struct crew__caller caller = crew__caller();
	struct crew__wait *wait;

	if (!crew__hold_is(lock, crew__hold_self(&caller)))
		return CREW_EPERM;
	crew__hold_enter(lock);
	while (count && (wait = crew__queue_first(&condition->private_.queue))) {
		crew__queue_remove(wait);
		if (crew__make_firm(&wait->waiter)) {
			crew__hold_append(lock, wait);
			count--;
		} /* else it is cancelled: the next one */
	}
	unlist_if_empty(condition);
	crew__lot_leave(&lock->private_.lot);
	return 0;
}

int crew_condition_notify_all(struct crew_condition *condition)
{
	return crew_condition_notify(condition, UINT32_MAX);
}

/* ---- the rest of the face ---------------------------------------------------------- */

int crew_condition_init(struct crew_condition *condition, struct crew_lock *lock)
{
	*condition = (struct crew_condition)CREW_CONDITION_INIT(lock);
	return lock ? 0 : CREW_EINVAL;
}

void crew_condition_read_stats(const struct crew_condition *condition,
			       struct crew_condition_stats *stats)
{
	struct crew_condition_stats now = { .size = sizeof(now) };

	crew__hold_enter(condition->private_.lock);
	now.waiting = crew__queue_count(&condition->private_.queue);
	crew__lot_leave(lot_of(condition));
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_condition_fini(struct crew_condition *condition)
{
	crew__hold_enter(condition->private_.lock);
	crew__queue_fini(&condition->private_.queue,
			 "a condition is given up while somebody waits for it");
	crew__lot_leave(lot_of(condition));
}
