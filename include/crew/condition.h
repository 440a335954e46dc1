/* SPDX-License-Identifier: MIT */
/*
 * crew/condition.h - wait, with a lock, for what somebody else does under it.
 *
 *	struct box {
 *		struct crew_lock lock;
 *		struct crew_condition filled;
 *		int items;
 *	};
 *
 *	void init_box(struct box *box)
 *	{
 *		*box = (struct box){ .lock = CREW_LOCK_INIT };
 *		crew_condition_init(&box->filled, &box->lock);
 *	}
 *
 *	int put(struct box *box)
 *	{
 *		int rc = crew_lock_acquire(&box->lock);
 *
 *		if (rc)
 *			return rc;
 *		box->items++;
 *		crew_condition_notify(&box->filled, 1);
 *		return crew_lock_release(&box->lock);
 *	}
 *
 *	int take(struct box *box)
 *	{
 *		int rc = crew_lock_acquire(&box->lock);
 *
 *		if (rc)
 *			return rc;
 *		while (rc == 0 && box->items == 0)
 *			rc = crew_condition_wait(&box->filled);
 *		if (rc == 0)
 *			box->items--;
 *		if (rc != CREW_EOWNERDEAD)
 *			crew_lock_release(&box->lock);
 *		return rc;
 *	}
 *
 * Whoever has waited holds the lock again, cancelled or not; but for CREW_EOWNERDEAD. Look
 * at what you wait for in a loop: between notify and the lock others may have had it.
 *
 * A notification goes to one who gets it: it moves that one to the line of the lock, in
 * order. Cancelled before it, the next one gets it; cancelled after it, the wait returns 0
 * and the cancellation shows at the next checkpoint.
 *
 * What the calls cost:
 *
 *	wait			the lot's lock, the hand-over of the lock, two switches; no
 *				memory
 *	notify			the lot's lock, for each that is notified a compare-exchange;
 *				wakes nobody: who gets the lock is woken when it is released
 *
 * See also: crew/lock.h, crew/event.h (what happens once needs no lock).
 */
#ifndef CREW_CONDITION_H
#define CREW_CONDITION_H

#include "crew/base.h"
#include "crew/lock.h"
#include "crew/lot.h"

CREW_BEGIN

/*
 * A condition is bound to one lock, which outlives it. It must not be moved or copied
 * while somebody waits. When nobody waits nothing is owed. No field is for callers.
 */
struct crew_condition {
	struct {
		struct crew_lock *lock;
		struct crew_lot_queue queue; /* guarded by the lock's lot, as is the rest */
		struct crew_condition *next; /* of the same lock, that somebody waits in */
		struct crew_condition **at;
		void *reserved[2];
	} private_;
};

/* clang-format off */
#define CREW_CONDITION_INIT(lock) { { (lock), { NULL, NULL }, NULL, NULL, { NULL, NULL } } }
/* clang-format on */

/*
 * A condition of that lock.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EINVAL	`lock` is NULL
 */
CREW_API int crew_condition_init(struct crew_condition *condition, struct crew_lock *lock);

/*
 * Releases the lock, waits until notified, acquires the lock again. No notification is
 * missed in between. Nothing interrupts the last part.
 *
 * Checkpoint:	cancel, and lets others run if it waits
 * Callers:	whoever holds the lock
 * Returns:	0		notified; the lock is held
 *		CREW_ECANCELED	the caller is cancelled: it did not wait; or was while it waited,
 *				before it was notified. The lock is held
 *		CREW_EPERM	the caller does not hold the lock
 *		CREW_EOWNERDEAD	who held the lock meanwhile ended: it is not held
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_condition_wait(struct crew_condition *condition);

/* With the lock held: is it what the caller waits for? */
typedef bool crew_condition_fn(void *arg);

/*
 * Waits until until(arg) is true: asks before, and after every notification, with the lock
 * held. It does not wait, nor look for cancellation, if it is true at once.
 *
 * Checkpoint:	as crew_condition_wait() if it waits
 * Callers:	whoever holds the lock
 * Returns:	0		until(arg) is true; the lock is held
 *		CREW_EINVAL	`until` is NULL
 *		others		of crew_condition_wait()
 */
CREW_API int crew_condition_wait_for(struct crew_condition *condition, crew_condition_fn *until,
				     void *arg);

/*
 * Notifies the first `count` of those who wait, or as many as there are.
 *
 * Checkpoint:	none
 * Callers:	whoever holds the lock
 * Returns:	0		also when nobody waits
 *		CREW_EPERM	the caller does not hold the lock
 */
CREW_API int crew_condition_notify(struct crew_condition *condition, uint32_t count);

/*
 * Notifies all who wait.
 *
 * Checkpoint:	none
 * Callers:	whoever holds the lock
 * Returns:	as crew_condition_notify()
 */
CREW_API int crew_condition_notify_all(struct crew_condition *condition);

struct crew_condition_stats {
	size_t size;	  /* set by the caller: sizeof(struct crew_condition_stats) */
	uint64_t waiting; /* neither notified nor cancelled yet */
};

/*
 * How many wait?
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_condition_read_stats(const struct crew_condition *condition,
					struct crew_condition_stats *stats);

/*
 * Owed by nobody; stops the program, with the names of those who wait, when anybody
 * does. Before its lock is given up.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_condition_fini(struct crew_condition *condition);

CREW_END

#endif /* CREW_CONDITION_H */
