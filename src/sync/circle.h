/* SPDX-License-Identifier: MIT */
/*
 * circle.h - tasks that wait for each other's locks. Only in crews that were asked to
 * notice deadlocks (crew_options.deadlock), and only for those that have to wait.
 *
 * WORDS
 *	edge	one task cannot go on without one lock: it waits for it, or for a condition
 *		of it, and then acquires it in any case. Lies in its frame; fiber->edge shows
 *		it. Who comes back from a condition shows another one for each wait.
 *	outer	the edge that was shown before: it counts when the one inside is over, for who
 *		was called to a barging lock may come in vain.
 *	path	from a lock to who holds it, to the lock that one waits for, and so on.
 *
 * INVARIANTS
 *	O1  Edges are shown, taken back and followed under one lock: a shown edge has its
 *	    frame, and its lock is there, for who waits has not returned.
 *	O2  An edge is shown when it is certain that the task will wait, so of the tasks in
 *	    a circle the last one to show its edge sees all the others. Who is to wait for
 *	    a condition shows its edge while it holds the lock, so it is not the last.
 *	O3  A path is believed when it was followed twice, to the same end, and no wait on it
 *	    was over: who waits releases nothing, so between the two all of it was true at
 *	    the same moment. (Nothing ends what is wanted behind a condition: not to be
 *	    notified, nor to be cancelled.)
 *
 * A holder that is a plain thread ends the path.
 *
 * GUARDED BY tests/model/circle.c, tests/api/deadlock.c.
 */
#ifndef CREW__CIRCLE_H
#define CREW__CIRCLE_H

#include "sync/hold.h"

#include "crew/crew.h"

struct crew__edge {
	const struct crew_lock *lock;
	const struct crew__parker *parker; /* whose wait it lasts; NULL: until taken back */
	uint64_t expected;		   /* of its waiter (park.h) */
	struct crew__edge *outer;
};

/* Does the crew want to know? NULL is a plain thread. */
static inline bool crew__circle_wanted(const struct crew__fiber *fiber)
{
	return fiber && fiber->crew->stuck.policy != CREW_DEADLOCK_IGNORE;
}

/* Shows the edge of a task that is going to wait. True: it closes a circle, which was
 * reported. */
bool crew__circle_show(struct crew__edge *edge, struct crew__fiber *fiber);
/* The same of one that waits for a condition: closes none. */
void crew__circle_show_return(struct crew__edge *edge, struct crew__fiber *fiber);
/* The wait is over, or does not begin. */
void crew__circle_end(struct crew__fiber *fiber);

#endif /* CREW__CIRCLE_H */
