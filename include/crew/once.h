/* SPDX-License-Identifier: MIT */
/*
 * crew/once.h - do it once, whoever comes first.
 *
 *	static struct crew_once loaded;
 *	static int table[256];
 *
 *	static int load_table(void *arg)
 *	{
 *		(void)arg;
 *		for (int i = 0; i < 256; i++)
 *			table[i] = i * i;
 *		return 0;
 *	}
 *
 *	int look_up(int i, int *square)
 *	{
 *		int rc = crew_once_do(&loaded, load_table, NULL);
 *
 *		if (rc == 0)
 *			*square = table[i];
 *		return rc;
 *	}
 *
 * The function may wait, and spawn. Who comes meanwhile waits for it; who comes later does not.
 *
 * Until it succeeds. When the function fails, or is cancelled, who called it gets the code, and
 * the first who waits calls its own: a failure is nobody else's.
 *
 * What the calls cost:
 *
 *	do, done before		three loads
 *	do			two compare-exchanges while nobody waits; who waits: the lot's
 *				lock, two switches; no memory
 *
 * See also: crew/event.h, crew/lock.h, crew/lot.h (what it is made of).
 */
#ifndef CREW_ONCE_H
#define CREW_ONCE_H

#include "crew/base.h"
#include "crew/lot.h"
#include "crew/task.h"

CREW_BEGIN

/*
 * Zeroed storage is one that has not been done. It must not be moved or copied while it is
 * being done. When nobody does it or waits for it nothing is owed. No field is for callers.
 */
struct crew_once {
	struct {
		struct crew_word word; /* done, or who does it; whether somebody waits */
		struct crew_lot lot;
		void *reserved;
	} private_;
};

/* clang-format off */
#define CREW_ONCE_INIT { { { 0 }, CREW_LOT_INIT, NULL } }
/* clang-format on */

/*
 * Calls fn(arg) unless it has been done; waits while another one does it. What the function
 * has written that succeeded is visible.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0		it has been done
 *		others		of the caller's own `fn`: not done, the next one may try
 *		CREW_ECANCELED	the caller is cancelled, though it be done; or was while it
 *				waited: its own `fn` was not called
 *		CREW_EINVAL	`fn` is NULL
 *		CREW_EDEADLK	called from within the function that does it
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_once_do(struct crew_once *once, crew_task_fn *fn, void *arg);

/*
 * Has it been done? If so, what was written by it is visible.
 *
 * Checkpoint:	none
 * Callers:	anybody, signal handlers too
 * Returns:	whether it has
 */
CREW_API bool crew_once_is_done(const struct crew_once *once);

struct crew_once_stats {
	size_t size;	  /* set by the caller: sizeof(struct crew_once_stats) */
	uint64_t waiting; /* neither told nor cancelled yet */
	bool done;
	bool running;
};

/*
 * Has it been done, or is it being done, and how many wait?
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_once_read_stats(const struct crew_once *once, struct crew_once_stats *stats);

/*
 * Owed by nobody; stops the program, with the names of those who wait, when anybody
 * does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_once_fini(struct crew_once *once);

CREW_END

#endif /* CREW_ONCE_H */
