/* SPDX-License-Identifier: MIT */
/*
 * crew/rate.h - so many in a second.
 *
 * A bucket holds tokens, and is filled up at a steady rate. Who does something takes
 * tokens first, and waits while there are too few. What is not used is kept up to the
 * burst: so much may be taken at once after a pause.
 *
 *	static struct crew_rate requests = CREW_RATE_INIT(100, CREW_S(1), 10);
 *
 *	int request(const char *page, int (*send)(const char *page))
 *	{
 *		int rc = crew_rate_take(&requests, 1);
 *
 *		return rc ? rc : send(page);
 *	}
 *
 * The line. First come, first served: one who wants many is not overtaken. The first in line
 * sleeps until its tokens are there; dumps show it as asleep, the others as waiting for
 * the rate. Tokens are taken at the end of the wait: who is cancelled has taken none, and
 * those behind come that much earlier.
 *
 * No drift. Fractions of a token are kept, and waking late loses nothing: in any time of length
 * t at most burst + count * t / period tokens are taken, and if there is always somebody in
 * line that many are.
 *
 * What the calls cost:
 *
 *	take		the lot's lock, the clock, a division; if it waits also two switches, and
 *			as the first in line a sleep; no memory
 *
 * See also: crew/ticker.h (at regular moments), crew/limiter.h (so many at a time).
 */
#ifndef CREW_RATE_H
#define CREW_RATE_H

#include "crew/base.h"
#include "crew/lot.h"

CREW_BEGIN

/*
 * It must not be moved or copied while somebody waits. When nobody waits nothing is owed; its
 * memory may be given back by the last one to take from it. Zeroed storage gives nothing:
 * CREW_EINVAL. No field is for callers.
 */
struct crew_rate {
	struct {
		uint64_t count;
		crew_time period_ns;
		uint64_t burst;
		uint64_t spent; /* of a full bucket, at that moment: */
		crew_time at;
		uint64_t first; /* in line, its name */
		struct crew_lot lot;
	} private_;
};

/* clang-format off */
#define CREW_RATE_INIT(count, period_ns, burst) \
	{ { (count), (period_ns), (burst), 0, 0, 0, CREW_LOT_INIT } }
/* clang-format on */

/*
 * A full bucket of `burst` tokens, filled up by `count` in each `period_ns`.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EINVAL	one of them is 0, or `period_ns` negative, or burst * period_ns
 *				above INT64_MAX, which 9 * 10^9 tokens are for a second:
 *				nothing can be taken
 */
CREW_API int crew_rate_init(struct crew_rate *rate, uint64_t count, crew_time period_ns,
			    uint64_t burst);

/*
 * Takes `tokens`; waits at the end of the line while there are too few, or while others wait.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited: nothing taken
 *		CREW_EINVAL	`tokens` is 0, or the rate was not initialised
 *		CREW_ERANGE	`tokens` is above the burst
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_rate_take(struct crew_rate *rate, uint64_t tokens);

/*
 * Takes `tokens` if they are there and nobody waits. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_EWOULDBLOCK it would have to wait
 *		CREW_EINVAL	`tokens` is 0, or the rate was not initialised
 *		CREW_ERANGE	`tokens` is above the burst
 */
CREW_API int crew_rate_take_nowait(struct crew_rate *rate, uint64_t tokens);

struct crew_rate_stats {
	size_t size;	  /* set by the caller: sizeof(struct crew_rate_stats) */
	uint64_t waiting; /* neither served nor cancelled yet */
	uint64_t tokens;  /* whole ones that are there */
};

/*
 * How many tokens are there, and how many wait.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_rate_read_stats(const struct crew_rate *rate, struct crew_rate_stats *stats);

/*
 * Owed by nobody; stops the program, with the name of the first who waits, when anybody does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_rate_fini(struct crew_rate *rate);

CREW_END

#endif /* CREW_RATE_H */
