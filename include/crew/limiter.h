/* SPDX-License-Identifier: MIT */
/*
 * crew/limiter.h - so much at a time, and it knows who has it.
 *
 * Units are borrowed and given back by name: a task borrows in its own, or on behalf of
 * whatever an address stands for; each has one loan at a time, of any weight. How many
 * units there are may be changed at any time.
 *
 *	static struct crew_limiter downloads = CREW_LIMITER_INIT(4);
 *	static struct crew_limiter memory = CREW_LIMITER_INIT(64 << 20);
 *
 *	int download(const char *page, uint64_t bytes, int (*get)(const char *page))
 *	{
 *		int rc = crew_limiter_acquire(&downloads);
 *
 *		if (rc)
 *			return rc;
 *		rc = crew_limiter_acquire_for(&memory, page, bytes);
 *		if (rc == 0) {
 *			rc = get(page);
 *			crew_limiter_release_for(&memory, page);
 *		}
 *		crew_limiter_release(&downloads);
 *		return rc;
 *	}
 *
 * The line. First come, first served: one who wants much is not overtaken by those who want
 * little. Who wants more than the total waits until that is raised, and nobody waits for it.
 * A total of 0 is a pause. Lowered, the total takes back nothing: the next loans wait until
 * enough has come back.
 *
 * Names. A name that has borrowed, or waits, and comes again gets CREW_EDEADLK: it would wait
 * for itself. What was borrowed for an address may be given back by anybody. A task's own loan
 * is given back by the task; the function inside crew_blocking() counts as its task. When
 * it ends without that, its loan is taken back, and counted in the statistics. A plain
 * thread that ends so is not noticed. While a task has a loan in its own name
 * crew_group_close() leaves children to others, as with a lock.
 *
 * What the calls cost:
 *
 *	acquire, release	a malloc() and a free() of 160 bytes, a hash, the lot's lock;
 *				more than 8 names at once: an array of a pointer for two
 *	acquire that waits	and two switches
 *	release to waiters	for each that is served a compare-exchange, and it is made ready;
 *				a step for each in front that wants more than the total
 *	set_total		the same
 *
 * See also: crew/semaphore.h (units without names, and no memory), crew/rate.h (so many in a
 * second).
 */
#ifndef CREW_LIMITER_H
#define CREW_LIMITER_H

#include "crew/base.h"
#include "crew/lot.h"

CREW_BEGIN

/*
 * Zeroed storage is a limiter of total 0: a pause. It must not be moved or copied while
 * anything is borrowed or waited for. When nothing is, nothing is owed; its memory may be
 * given back by whoever has given back the last loan. No field is for callers.
 */
struct crew_limiter {
	struct {
		uint64_t total;
		uint64_t borrowed;
		struct crew_lot lot;
		struct crew_lot_table borrowers;
		uint64_t left;
		const char *left_by;
	} private_;
};

/* clang-format off */
#define CREW_LIMITER_INIT(total) \
	{ { (total), 0, CREW_LOT_INIT, { NULL, NULL, 0, 0 }, 0, NULL } }
/* clang-format on */

/*
 * A limiter of `total` units; UINT64_MAX is no limit.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_limiter_init(struct crew_limiter *limiter, uint64_t total);

/*
 * Borrows one unit in the caller's own name; waits at the end of the line while none is
 * left, or while others wait. What those have written who gave it back is visible.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited: it has none
 *		CREW_EDEADLK	the caller has a loan in its own name
 *		CREW_ENOMEM	no memory
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_limiter_acquire(struct crew_limiter *limiter);

/*
 * Borrows one unit in the caller's own name if it is there and nobody waits whose turn it
 * is. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_EWOULDBLOCK it would have to wait
 *		CREW_EDEADLK	the caller has a loan in its own name, or waits for it
 *		CREW_ENOMEM	no memory
 */
CREW_API int crew_limiter_acquire_nowait(struct crew_limiter *limiter);

/*
 * crew_limiter_acquire() of `weight` units, under the name of any address; NULL is the
 * caller's own name.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited: nothing is lent
 *		CREW_EDEADLK	under this name something is borrowed, or waited for
 *		CREW_EINVAL	`weight` is 0
 *		CREW_ENOMEM	no memory
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_limiter_acquire_for(struct crew_limiter *limiter, const void *borrower,
				      uint64_t weight);

/*
 * The same without waiting. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_EWOULDBLOCK it would have to wait
 *		CREW_EDEADLK	under this name something is borrowed, or waited for
 *		CREW_EINVAL	`weight` is 0
 *		CREW_ENOMEM	no memory
 */
CREW_API int crew_limiter_acquire_for_nowait(struct crew_limiter *limiter, const void *borrower,
					     uint64_t weight);

/*
 * Gives back what the caller has borrowed in its own name: to the first in line as far as it
 * reaches.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_EPERM	the caller has nothing in its own name
 */
CREW_API int crew_limiter_release(struct crew_limiter *limiter);

/*
 * Gives back all that was borrowed under the name, by anybody; NULL is the caller's own.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_EPERM	nothing is borrowed under this name
 */
CREW_API int crew_limiter_release_for(struct crew_limiter *limiter, const void *borrower);

/*
 * From now on there are `total` units; those in line get what has become free.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_limiter_set_total(struct crew_limiter *limiter, uint64_t total);

struct crew_limiter_stats {
	size_t size;	     /* set by the caller: sizeof(struct crew_limiter_stats) */
	uint64_t waiting;    /* neither served nor cancelled yet */
	uint64_t borrowed;   /* units; more than the total when that was lowered */
	uint64_t available;  /* units that nobody has */
	uint64_t total;	     /* UINT64_MAX: no limit */
	uint64_t left;	     /* loans that were taken back from tasks that had ended */
	const char *left_by; /* the last of these: its name, or where it was spawned */
};

/*
 * How much is borrowed, and how many wait.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_limiter_read_stats(const struct crew_limiter *limiter,
				      struct crew_limiter_stats *stats);

/*
 * Owed by nobody; stops the program, with the names of those who wait, when anybody
 * does, or when something is borrowed.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_limiter_fini(struct crew_limiter *limiter);

CREW_END

#endif /* CREW_LIMITER_H */
