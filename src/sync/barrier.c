/* SPDX-License-Identifier: MIT */
/*
 * barrier.c - all wait for all, in a lot (lot.h). There is no fast way: of a round only the last
 * does not wait.
 *
 * INVARIANTS
 *	A1  While the lot is unlocked `here` of the parties are in line, and fewer than all; or
 *	    it is broken.
 *	A2  The last one makes all waits firm (park.h) before it ends the first: if one of them
 *	    is cancelled the barrier is broken for all of the round, and nobody has gone on.
 *
 * GUARDED BY tests/model/barrier.c, tests/api/barrier.c.
 */
#include "sync/lot.h"

#include "crew/barrier.h"

/* pre of these two: the lot is locked. */

/* Nobody in line can be cancelled any more. False: somebody has been. */
static bool hold_all(struct crew_barrier *barrier)
{
	struct crew__wait *wait = barrier->private_.lot.private_.queue.first;
	bool all = true;

	for (; wait; wait = wait->next)
		all = crew__make_firm(&wait->waiter) && all;
	return all;
}

static void end_round(struct crew_barrier *barrier, int rc)
{
	struct crew_lot *lot = &barrier->private_.lot;

	barrier->private_.here = 0;
	barrier->private_.broken = rc != 0;
	crew__lot_end_all(lot, &lot->private_.queue, rc);
}

void crew_barrier_break(struct crew_barrier *barrier)
{
	crew__lot_enter(&barrier->private_.lot);
	end_round(barrier, CREW_EBROKEN);
	crew__lot_leave(&barrier->private_.lot);
}

/* pre: the lot is locked, and is let go. What the caller gets. */
static int come(struct crew_barrier *barrier, struct crew__wait *wait, bool *last)
{
	struct crew_lot *lot = &barrier->private_.lot;
	int rc = barrier->private_.broken ? CREW_EBROKEN : 0;

	if (rc == 0 && ++barrier->private_.here < barrier->private_.parties) {
		if (crew__lot_wait(lot, &lot->private_.queue, wait, "barrier"))
			return wait->rc;
		end_round(barrier, CREW_EBROKEN);
		crew__lot_leave(lot);
		return CREW_ECANCELED;
	}
	if (rc == 0) {
		rc = hold_all(barrier) ? 0 : CREW_EBROKEN;
		end_round(barrier, rc);
		*last = rc == 0;
	}
	crew__lot_leave(lot);
	crew__wait_drop(wait);
	return rc;
}

int crew_barrier_wait(struct crew_barrier *barrier, bool *last)
{
	struct crew__caller caller = crew__caller();
	int rc = crew__caller_check(&caller);
	struct crew__wait wait;
	bool was_last = false;

	if (rc == CREW_ECANCELED)
		crew_barrier_break(barrier);
	if (rc == 0) {
		crew__wait_prepare(&wait, 0, true);
		crew__lot_enter(&barrier->private_.lot);
		rc = come(barrier, &wait, &was_last);
	}
	if (last)
		*last = was_last;
	return rc;
}

int crew_barrier_init(struct crew_barrier *barrier, uint64_t parties)
{
	*barrier = (struct crew_barrier)CREW_BARRIER_INIT(parties);
	return parties ? 0 : CREW_EINVAL;
}

void crew_barrier_read_stats(const struct crew_barrier *barrier, struct crew_barrier_stats *stats)
{
	struct crew_barrier *locked = (struct crew_barrier *)(uintptr_t)barrier;
	struct crew_barrier_stats now = { .size = sizeof(now) };

	crew__lot_enter(&locked->private_.lot);
	now.waiting = crew__queue_count(&barrier->private_.lot.private_.queue);
	now.parties = barrier->private_.parties;
	now.broken = barrier->private_.broken;
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_barrier_fini(struct crew_barrier *barrier)
{
	crew__lot_fini(&barrier->private_.lot, "a barrier is given up while somebody waits at it");
}
