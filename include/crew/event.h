/* SPDX-License-Identifier: MIT */
/*
 * crew/event.h - something that happens once.
 *
 * An event is set once and stays so. Setting it wakes all who wait; who comes later does
 * not wait at all.
 *
 *	static struct crew_event ready;
 *	static int answer;
 *
 *	void publish(int value)
 *	{
 *		answer = value;
 *		crew_event_set(&ready);
 *	}
 *
 *	int read_answer(int *value)
 *	{
 *		int rc = crew_event_wait(&ready);
 *
 *		if (rc == 0)
 *			*value = answer;
 *		return rc;
 *	}
 *
 * What the calls cost:
 *
 *	set			a compare-exchange while nobody waits; else the lot's lock, and
 *				for each that waits a compare-exchange, and it is made ready
 *	wait, set before	two loads
 *	wait			the lot's lock, two switches; no memory
 *
 * See also: crew/lot.h (what it is made of).
 */
#ifndef CREW_EVENT_H
#define CREW_EVENT_H

#include "crew/base.h"
#include "crew/lot.h"

CREW_BEGIN

/*
 * Zeroed storage is an event that is not set. It must not be moved or copied while
 * somebody waits. When nobody waits nothing is owed; its memory may be given back by the
 * last one who has waited. No field is for callers.
 */
struct crew_event {
	struct {
		struct crew_word word; /* set, and whether somebody waits */
		struct crew_lot lot;
		void *reserved;
	} private_;
};

/* clang-format off */
#define CREW_EVENT_INIT { { { 0 }, CREW_LOT_INIT, NULL } }
/* clang-format on */

/*
 * Sets the event, from anywhere, as often as one likes, also before any crew was started.
 * What was written before the first time is visible to all who wait.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_event_set(struct crew_event *event);

/*
 * Waits until the event is set.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, though the event be set; or was while
 *				it waited, before the event was set
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_event_wait(struct crew_event *event);

/*
 * Is it set? If so, what was written before is visible.
 *
 * Checkpoint:	none
 * Callers:	anybody, signal handlers too
 * Returns:	whether it is
 */
CREW_API bool crew_event_is_set(const struct crew_event *event);

struct crew_event_stats {
	size_t size;	  /* set by the caller: sizeof(struct crew_event_stats) */
	uint64_t waiting; /* neither woken nor cancelled yet */
	bool set;
};

/*
 * Is it set, and how many wait?
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_event_read_stats(const struct crew_event *event, struct crew_event_stats *stats);

/*
 * Owed by nobody; stops the program, with the names of those who wait, when anybody
 * does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_event_fini(struct crew_event *event);

CREW_END

#endif /* CREW_EVENT_H */
