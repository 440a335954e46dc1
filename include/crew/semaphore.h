/* SPDX-License-Identifier: MIT */
/*
 * crew/semaphore.h - a number of units that are taken and given back.
 *
 * Who takes more than there are waits in line; who gives back hands over to the first.
 * Whoever likes may give back: a semaphore knows no owners.
 *
 *	static struct crew_semaphore seats = CREW_SEMAPHORE_INIT(8, 8);
 *
 *	int travel(uint64_t friends, int (*ride)(void))
 *	{
 *		int rc = crew_semaphore_acquire(&seats, friends);
 *
 *		if (rc)
 *			return rc;
 *		rc = ride();
 *		crew_semaphore_release(&seats, friends);
 *		return rc;
 *	}
 *
 * The line. First come, first served: one who wants many is not overtaken by those who
 * want few and would fit. Who wants more than the maximum can never be served: it waits,
 * for its cancellation, and nobody waits for it. Without a maximum nothing is too much.
 *
 * What the calls cost:
 *
 *	acquire, release	a compare-exchange each while nobody waits
 *	acquire that waits	the lot's lock, two switches; no memory
 *	release to waiters	the lot's lock, and for each that is served a
 *				compare-exchange, and it is made ready
 *
 * See also: crew/lock.h (one at a time, with an owner), crew/lot.h (what it is made of).
 */
#ifndef CREW_SEMAPHORE_H
#define CREW_SEMAPHORE_H

#include "crew/base.h"
#include "crew/lot.h"

CREW_BEGIN

/* The most that a semaphore can hold. */
#define CREW_SEMAPHORE_MAX INT64_MAX

/*
 * Zeroed storage is a semaphore without units and without a maximum. It must not be
 * moved or copied while somebody waits. When nobody waits nothing is owed; its memory may
 * be given back by the last one to take from it. No field is for callers.
 */
struct crew_semaphore {
	struct {
		struct crew_word word; /* the value, and whether somebody waits */
		uint64_t max;	       /* 0: none */
		struct crew_lot lot;
		void *reserved[2];
	} private_;
};

/* clang-format off */
#define CREW_SEMAPHORE_INIT(value, max) \
	{ { { (uint64_t)(value) << 1 }, (max), CREW_LOT_INIT, { NULL, NULL } } }
/* clang-format on */

/*
 * A semaphore with `value` units, and never more than `max`; 0 is no maximum.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EINVAL	`value` is above the maximum, or `max` above CREW_SEMAPHORE_MAX
 */
CREW_API int crew_semaphore_init(struct crew_semaphore *semaphore, uint64_t value, uint64_t max);

/*
 * Takes `count` units at once; waits at the end of the line while there are fewer, or while
 * others wait. What those have written who gave them back is visible.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited: nothing taken
 *		CREW_EINVAL	`count` is 0
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_semaphore_acquire(struct crew_semaphore *semaphore, uint64_t count);

/*
 * Takes `count` units if they are there and nobody waits whose turn it is. Does not look for
 * cancellation.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_EWOULDBLOCK it would have to wait
 *		CREW_EINVAL	`count` is 0
 */
CREW_API int crew_semaphore_acquire_nowait(struct crew_semaphore *semaphore, uint64_t count);

/*
 * Gives `count` units back: to the first in line as far as they reach, then to those who
 * come.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_ERANGE	more than the maximum would be left when those in line were
 *				served: nothing was given
 *		CREW_EINVAL	`count` is 0
 */
CREW_API int crew_semaphore_release(struct crew_semaphore *semaphore, uint64_t count);

struct crew_semaphore_stats {
	size_t size;	  /* set by the caller: sizeof(struct crew_semaphore_stats) */
	uint64_t waiting; /* neither served nor cancelled yet */
	uint64_t value;	  /* units that are there */
	uint64_t max;	  /* 0: none */
};

/*
 * How many are there, and how many wait.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_semaphore_read_stats(const struct crew_semaphore *semaphore,
					struct crew_semaphore_stats *stats);

/*
 * Owed by nobody; stops the program, with the names of those who wait, when anybody
 * does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_semaphore_fini(struct crew_semaphore *semaphore);

CREW_END

#endif /* CREW_SEMAPHORE_H */
