/* SPDX-License-Identifier: MIT */
/*
 * crew/ticker.h - something at regular moments, without drift.
 *
 * A tick is due at once, and then one period after the other, whatever is done in between. Who
 * takes a tick waits until it is due; each goes to one, to the first in line.
 *
 *	int report(int (*print)(crew_time when))
 *	{
 *		struct crew_ticker ticker = CREW_TICKER_INIT(CREW_S(1), CREW_TICKER_SKIP);
 *		crew_time when;
 *		int rc;
 *
 *		while ((rc = crew_ticker_take(&ticker, &when)) == 0)
 *			if ((rc = print(when)) != 0)
 *				break;
 *		return rc;
 *	}
 *
 * Late. When nobody has taken a tick at its moment, the next who comes gets it at once, and
 * what follows is a matter of choice. With a period of 100, and the tick of 100 taken at 350:
 *
 *	CREW_TICKER_BURST	200, 300 at once, then 400, 500: as many as there should be
 *	CREW_TICKER_DELAY	450, 550: never less than a period after the last one
 *	CREW_TICKER_SKIP	400, 500: the moments stay, what was missed is left out
 *
 * The first in line sleeps, and dumps show it so; the others wait for the ticker. Who is
 * cancelled has taken no tick: it goes to the next.
 *
 * What the calls cost:
 *
 *	take		the lot's lock, the clock; if it waits also two switches, and as the first
 *			in line a sleep; no memory
 *
 * See also: crew/rate.h (so many in a period, when they are wanted), crew/time.h.
 */
#ifndef CREW_TICKER_H
#define CREW_TICKER_H

#include "crew/base.h"
#include "crew/lot.h"

CREW_BEGIN

enum crew_ticker_late {
	CREW_TICKER_BURST,
	CREW_TICKER_DELAY,
	CREW_TICKER_SKIP,
};

/*
 * It must not be moved or copied while somebody waits. When nobody waits nothing is owed; its
 * memory may be given back by the last one to take a tick. Zeroed storage has no ticks:
 * CREW_EINVAL. No field is for callers.
 */
struct crew_ticker {
	struct {
		crew_time period_ns;
		crew_time due; /* 0: at once */
		uint64_t late; /* enum crew_ticker_late */
		uint64_t ticks;
		uint64_t skipped;
		uint64_t first; /* in line, its name */
		struct crew_lot lot;
	} private_;
};

/* clang-format off */
#define CREW_TICKER_INIT(period_ns, late) \
	{ { (period_ns), 0, (late), 0, 0, 0, CREW_LOT_INIT } }
/* clang-format on */

/*
 * A ticker whose first tick is due when the first one comes.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EINVAL	`period_ns` is not above 0, or `late` none of those above: no tick
 *				can be taken
 */
CREW_API int crew_ticker_init(struct crew_ticker *ticker, crew_time period_ns,
			      enum crew_ticker_late late);

/*
 * Takes the next tick; waits until it is due, at the end of the line if others wait. *when, if
 * it is not NULL, is the moment for which it was due.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited: no tick taken
 *		CREW_EINVAL	the ticker was not initialised
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_ticker_take(struct crew_ticker *ticker, crew_time *when);

/*
 * Takes the next tick if it is due and nobody waits. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_EWOULDBLOCK it would have to wait
 *		CREW_EINVAL	the ticker was not initialised
 */
CREW_API int crew_ticker_take_nowait(struct crew_ticker *ticker, crew_time *when);

struct crew_ticker_stats {
	size_t size;	  /* set by the caller: sizeof(struct crew_ticker_stats) */
	uint64_t waiting; /* neither served nor cancelled yet */
	uint64_t ticks;	  /* taken */
	uint64_t skipped; /* left out, with CREW_TICKER_SKIP */
};

/*
 * How many ticks were taken, and how many wait.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_ticker_read_stats(const struct crew_ticker *ticker,
				     struct crew_ticker_stats *stats);

/*
 * Owed by nobody; stops the program, with the name of the first who waits, when anybody does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_ticker_fini(struct crew_ticker *ticker);

CREW_END

#endif /* CREW_TICKER_H */
