/* SPDX-License-Identifier: MIT */
/*
 * crew/lock.h - one at a time, and it knows whose turn it is.
 *
 * A lock belongs to the task, or plain thread, that has acquired it, over waits and
 * changes of thread as well, until that one releases it. Those who wait for it form a line;
 * release hands it to the first: nobody comes in between.
 *
 *	struct account {
 *		struct crew_lock lock;
 *		long cents;
 *	};
 *
 *	int deposit(struct account *account, long cents)
 *	{
 *		int rc = crew_lock_acquire(&account->lock);
 *
 *		if (rc)
 *			return rc;
 *		account->cents += cents;
 *		return crew_lock_release(&account->lock);
 *	}
 *
 * Whose it is. The function inside crew_blocking() counts as its task, a forked call
 * (crew/fork.h) as its forker or as a task of its own: release it where it was acquired.
 * While a task holds a lock, crew_group_close() leaves children to others, as it does
 * in a pinned task.
 *
 * A task that ends while it holds a lock breaks it: who waits for it, and who comes, gets
 * CREW_EOWNERDEAD and does not hold it. It stays broken until it is initialised anew. A
 * plain thread that ends so is not noticed.
 *
 * A barging lock, CREW_LOCK_BARGING_INIT, is not handed over: a release sets it free and calls
 * the first in line, who comes to take it; whoever comes before that one takes it first.
 * So the line need not move with each turn: where many tasks do little else than to take one
 * lock, each turn costs less than half. Who is first in line is passed a hundred times at most;
 * then it is handed the lock. All else is as with other locks.
 *
 * What the calls cost:
 *
 *	acquire, release	a compare-exchange each while nobody waits
 *	acquire that waits	the lot's lock, two switches; no memory
 *	release to a waiter	the lot's lock, a compare-exchange, and it is made ready
 *	of a barging lock	while who was called is on its way, also with others in line: a
 *				compare-exchange each
 *	end of a task		nothing, unless it holds a lock
 *
 * See also: crew/condition.h (wait for what others do under it), crew/semaphore.h (several
 * at a time, whoever gives back), crew/lot.h (what it is made of).
 */
#ifndef CREW_LOCK_H
#define CREW_LOCK_H

#include "crew/base.h"
#include "crew/lot.h"

CREW_BEGIN

struct crew_condition;

/*
 * Zeroed storage is a free lock that is handed over. It must not be moved or copied while it
 * is held. When nobody holds it or waits for it nothing is owed; its memory may be given back
 * by the last one to release it. No field is for callers.
 */
struct crew_lock {
	struct {
		struct crew_word word; /* who holds it, and whether somebody waits */
		uint32_t passed;       /* own of who holds it; as are `called` and `next` */
		uint32_t barging;
		struct crew_lot lot;
		struct crew_lock *next;		   /* held by the same task */
		struct crew_condition *conditions; /* of this lock, that somebody waits in */
		const char *name; /* what dumps call it; when it is broken: who broke it */
		/* instead of breaking it, when its task ends */
		void (*left)(struct crew_lock *lock, const char *by);
		uint64_t called; /* who was first in line, and may come to take it */
	} private_;
};

/* clang-format off */
#define CREW_LOCK_INIT { { { 0 }, 0, 0, CREW_LOT_INIT, NULL, NULL, NULL, NULL, 0 } }
#define CREW_LOCK_BARGING_INIT \
	{ { { 0 }, 0, 1, CREW_LOT_INIT, NULL, NULL, "barging lock", NULL, 0 } }
/* clang-format on */

/*
 * Acquires the lock; waits at the end of the line while somebody else holds it. What the
 * one before has written while it held it is visible.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0		the caller holds it
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited: not held
 *		CREW_EDEADLK	the caller holds it already; or who holds it waits, directly or
 *				not, for a lock that the caller holds, and the caller's crew
 *				has .deadlock = CREW_DEADLOCK_CANCEL (crew/crew.h)
 *		CREW_EOWNERDEAD	it is broken, or broke meanwhile: not held
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_lock_acquire(struct crew_lock *lock);

/*
 * Acquires the lock if it is free, which it is not while somebody waits for it, but for barging
 * ones. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 * Returns:	0		the caller holds it
 *		CREW_EWOULDBLOCK somebody else does
 *		CREW_EDEADLK	the caller holds it already
 *		CREW_EOWNERDEAD	it is broken
 */
CREW_API int crew_lock_acquire_nowait(struct crew_lock *lock);

/*
 * Releases the lock; or hands it to the first who waits, or, of a barging lock, calls that one.
 *
 * Checkpoint:	none
 * Callers:	whoever holds it
 * Returns:	0
 *		CREW_EPERM	the caller does not hold it
 */
CREW_API int crew_lock_release(struct crew_lock *lock);

struct crew_lock_stats {
	size_t size;	   /* set by the caller: sizeof(struct crew_lock_stats) */
	uint64_t waiting;  /* neither handed the lock nor cancelled yet; who is called waits */
	const char *owner; /* a task's name or where it was spawned, or "a plain thread"; of a
			    * broken lock, who broke it; NULL: free */
	bool broken;
};

/*
 * Who holds it, and how many wait.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_lock_read_stats(const struct crew_lock *lock, struct crew_lock_stats *stats);

/*
 * Owed by nobody; stops the program, with the names of those who wait, when anybody
 * does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_lock_fini(struct crew_lock *lock);

CREW_END

#endif /* CREW_LOCK_H */
