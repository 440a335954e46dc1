/* SPDX-License-Identifier: MIT */
/*
 * crew/barrier.h - all wait for all, again and again.
 *
 * A barrier has a number of parties. Who comes waits until all have come; then all go on, and
 * it can be used for the next round.
 *
 *	struct part {
 *		struct crew_barrier *step;
 *		void (*compute)(struct part *part);
 *		int steps;
 *	};
 *
 *	int run_part(struct part *part)
 *	{
 *		int rc = 0;
 *
 *		for (int i = 0; rc == 0 && i < part->steps; i++) {
 *			part->compute(part);
 *			rc = crew_barrier_wait(part->step, NULL);
 *		}
 *		return rc;
 *	}
 *
 * All or none. A party that is cancelled does not come any more: that breaks the barrier, and
 * all the others get CREW_EBROKEN, those who wait as those who come. Either all of a round have
 * gone on or none. A broken one stays so until it is initialised anew.
 *
 * The parties may be fewer than the workers or many more, tasks and plain threads: but all of
 * them must be able to come while the others wait. Who fails before it comes breaks the
 * barrier, or is in a group with the others, which are cancelled then.
 *
 * What the calls cost:
 *
 *	wait		the lot's lock, two switches; no memory. The last one does not switch:
 *			for each that waits two compare-exchanges, and it is made ready
 *
 * See also: crew/latch.h (once, and who counts does not wait), crew/group.h (to wait for tasks),
 * crew/lot.h (what it is made of).
 */
#ifndef CREW_BARRIER_H
#define CREW_BARRIER_H

#include "crew/base.h"
#include "crew/lot.h"

CREW_BEGIN

/*
 * Zeroed storage is a barrier of one party, which never waits. It must not be moved or copied
 * while somebody waits. When nobody waits nothing is owed. No field is for callers.
 */
struct crew_barrier {
	struct {
		struct crew_lot lot;
		uint64_t parties; /* guarded by lot, as is the rest */
		uint64_t here;
		bool broken;
		void *reserved;
	} private_;
};

/* clang-format off */
#define CREW_BARRIER_INIT(parties) { { CREW_LOT_INIT, (parties), 0, false, NULL } }
/* clang-format on */

/*
 * A barrier of so many parties.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers, while nobody waits
 * Returns:	0
 *		CREW_EINVAL	`parties` is 0
 */
CREW_API int crew_barrier_init(struct crew_barrier *barrier, uint64_t parties);

/*
 * Waits until all have come. What each has written before is visible to all. *last, if `last`
 * is not NULL, is set to whether the caller came last: true for one in each round.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0		all have come
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited: the barrier is
 *				broken
 *		CREW_EBROKEN	it is broken, or was while the caller waited
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_barrier_wait(struct crew_barrier *barrier, bool *last);

/*
 * Breaks it: the caller, or one it speaks for, will not come.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_barrier_break(struct crew_barrier *barrier);

struct crew_barrier_stats {
	size_t size;	  /* set by the caller: sizeof(struct crew_barrier_stats) */
	uint64_t waiting; /* of this round, not cancelled */
	uint64_t parties;
	bool broken;
};

/*
 * How many wait, and for how many?
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_barrier_read_stats(const struct crew_barrier *barrier,
				      struct crew_barrier_stats *stats);

/*
 * Owed by nobody; stops the program, with the names of those who wait, when anybody
 * does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_barrier_fini(struct crew_barrier *barrier);

CREW_END

#endif /* CREW_BARRIER_H */
