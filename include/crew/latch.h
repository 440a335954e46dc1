/* SPDX-License-Identifier: MIT */
/*
 * crew/latch.h - wait until so many things have happened.
 *
 * A latch counts down to 0, once. Who waits goes on when it is there; who comes later does
 * not wait at all. Whoever counts down waits for nobody.
 *
 *	struct start {
 *		struct crew_latch prepared;
 *		int parts;
 *	};
 *
 *	void init_start(struct start *start, int parts)
 *	{
 *		crew_latch_init(&start->prepared, (uint64_t)parts);
 *		start->parts = parts;
 *	}
 *
 *	int part_is_prepared(struct start *start)
 *	{
 *		return crew_latch_count_down(&start->prepared, 1);
 *	}
 *
 *	int wait_for_all_parts(struct start *start)
 *	{
 *		return crew_latch_wait(&start->prepared);
 *	}
 *
 * To wait for tasks, a group is simpler: crew_group_close() counts by itself, and learns of
 * failures.
 *
 * What the calls cost:
 *
 *	count_down		a compare-exchange; the last one, if somebody waits, the lot's
 *				lock, and for each that waits a compare-exchange, and it is
 *				made ready
 *	wait, at 0 before	two loads
 *	wait			the lot's lock, two switches; no memory
 *
 * See also: crew/event.h (one thing that happens), crew/barrier.h (all wait for all, again and
 * again), crew/group.h, crew/lot.h (what it is made of).
 */
#ifndef CREW_LATCH_H
#define CREW_LATCH_H

#include "crew/base.h"
#include "crew/lot.h"

CREW_BEGIN

/* A latch counts no more than this. */
#define CREW_LATCH_MAX (UINT64_MAX >> 1)

/*
 * Zeroed storage is a latch that is at 0. It must not be moved or copied while somebody
 * waits. When nobody waits nothing is owed; its memory may be given back by the last one
 * who has waited, once it is at 0. No field is for callers.
 */
struct crew_latch {
	struct {
		struct crew_word word; /* what is left, and whether somebody waits */
		struct crew_lot lot;
		void *reserved;
	} private_;
};

/* clang-format off */
#define CREW_LATCH_INIT(count) { { { (uint64_t)(count) << 1 }, CREW_LOT_INIT, NULL } }
/* clang-format on */

/*
 * A latch that so much is left of.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers, while nobody waits
 * Returns:	0
 *		CREW_EINVAL	above CREW_LATCH_MAX
 */
CREW_API int crew_latch_init(struct crew_latch *latch, uint64_t count);

/*
 * So much of it has happened. What was written before is visible to all who wait.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EINVAL	`count` is 0
 *		CREW_ERANGE	so much is not left: nothing was counted
 */
CREW_API int crew_latch_count_down(struct crew_latch *latch, uint64_t count);

/*
 * Waits until nothing is left.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, though nothing be left; or was while it
 *				waited, before it was so
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_latch_wait(struct crew_latch *latch);

/*
 * Is nothing left? If so, what was written before is visible.
 *
 * Checkpoint:	none
 * Callers:	anybody, signal handlers too
 * Returns:	whether it is so
 */
CREW_API bool crew_latch_is_done(const struct crew_latch *latch);

struct crew_latch_stats {
	size_t size;	  /* set by the caller: sizeof(struct crew_latch_stats) */
	uint64_t waiting; /* neither woken nor cancelled yet */
	uint64_t left;
};

/*
 * What is left, and how many wait.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_latch_read_stats(const struct crew_latch *latch, struct crew_latch_stats *stats);

/*
 * Owed by nobody; stops the program, with the names of those who wait, when anybody
 * does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_latch_fini(struct crew_latch *latch);

CREW_END

#endif /* CREW_LATCH_H */
