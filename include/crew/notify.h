/* SPDX-License-Identifier: MIT */
/*
 * crew/notify.h - there is something to do, look.
 *
 * A notice says that something has happened, not what. crew_notify_one() gives one to the
 * first who waits for it; when nobody does it is kept for the next who comes. Only one is
 * kept: who takes it looks at everything.
 *
 *	struct inbox {
 *		struct crew_notify arrived;
 *		struct crew_lot lot;
 *		int letters;
 *	};
 *
 *	void deliver(struct inbox *inbox)
 *	{
 *		crew_lot_lock(&inbox->lot);
 *		inbox->letters++;
 *		crew_lot_unlock(&inbox->lot);
 *		crew_notify_one(&inbox->arrived);
 *	}
 *
 *	int collect(struct inbox *inbox, int *letters)
 *	{
 *		int rc = crew_notify_take(&inbox->arrived);
 *
 *		if (rc)
 *			return rc;
 *		crew_lot_lock(&inbox->lot);
 *		*letters = inbox->letters;
 *		inbox->letters = 0;
 *		crew_lot_unlock(&inbox->lot);
 *		return 0;
 *	}
 *
 * A notice goes to one who gets it: cancelled before it, the next one does, or it is kept.
 * crew_notify_all() gives one to each who waits at that moment, and keeps none.
 *
 * What the calls cost:
 *
 *	one		a compare-exchange while nobody waits; else the lot's lock, a
 *			compare-exchange, and the first is made ready
 *	all		the lot's lock, for each that waits a compare-exchange, and it is made
 *			ready
 *	take		a compare-exchange if one was kept; else the lot's lock, two switches;
 *			no memory
 *
 * See also: crew/event.h (what happens once), crew/semaphore.h (every one counts),
 * crew/condition.h (with a lock), crew/lot.h (what it is made of).
 */
#ifndef CREW_NOTIFY_H
#define CREW_NOTIFY_H

#include "crew/base.h"
#include "crew/lot.h"

CREW_BEGIN

/*
 * Zeroed storage is one that keeps no notice. It must not be moved or copied while somebody
 * waits. When nobody waits nothing is owed; its memory may be given back by whoever has
 * taken the last notice. No field is for callers.
 */
struct crew_notify {
	struct {
		struct crew_word word; /* one is kept, or somebody waits */
		struct crew_lot lot;
		void *reserved;
	} private_;
};

/* clang-format off */
#define CREW_NOTIFY_INIT { { { 0 }, CREW_LOT_INIT, NULL } }
/* clang-format on */

/*
 * Gives a notice to the first who waits, or keeps it, if none is kept already. What was
 * written before is visible to whoever takes it, in either case.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_notify_one(struct crew_notify *notify);

/*
 * Gives a notice to all who wait now.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_notify_all(struct crew_notify *notify);

/*
 * Takes a notice; waits for one at the end of the line if none is kept.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0		it has one
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited: it has none
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_notify_take(struct crew_notify *notify);

/*
 * Takes a notice if one is kept. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0		it has one
 *		CREW_EWOULDBLOCK none is kept
 */
CREW_API int crew_notify_take_nowait(struct crew_notify *notify);

struct crew_notify_stats {
	size_t size;	  /* set by the caller: sizeof(struct crew_notify_stats) */
	uint64_t waiting; /* neither notified nor cancelled yet */
	bool kept;	  /* a notice is */
};

/*
 * Is a notice kept, and how many wait?
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_notify_read_stats(const struct crew_notify *notify,
				     struct crew_notify_stats *stats);

/*
 * Owed by nobody; stops the program, with the names of those who wait, when anybody
 * does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_notify_fini(struct crew_notify *notify);

CREW_END

#endif /* CREW_NOTIFY_H */
