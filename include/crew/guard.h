/* SPDX-License-Identifier: MIT */
/*
 * crew/guard.h - one at a time, or it is a mistake.
 *
 * For what only one may use at a time, where that is the callers' duty: a stream, a cursor, a
 * connection. A second user is not made to wait but told so at once: two at a time would be a
 * mistake, and waiting would hide it.
 *
 *	struct stream {
 *		struct crew_guard reading;
 *		int (*read)(void *to, size_t bytes);
 *	};
 *
 *	int stream_read(struct stream *stream, void *to, size_t bytes)
 *	{
 *		int rc = crew_guard_enter(&stream->reading);
 *
 *		if (rc)
 *			return rc;
 *		rc = stream->read(to, bytes);
 *		crew_guard_leave(&stream->reading);
 *		return rc;
 *	}
 *
 * The user of a guard is a piece of code, not a task: a task that enters again is told so as
 * well, and it may be left by another one.
 *
 * What the calls cost:
 *
 *	enter, leave	a compare-exchange, or an exchange
 *
 * See also: crew/lock.h (one after the other).
 */
#ifndef CREW_GUARD_H
#define CREW_GUARD_H

#include "crew/base.h"

CREW_BEGIN

/* Zeroed storage is a guard that nobody has entered. No field is for callers. */
struct crew_guard {
	struct {
		struct crew_word word; /* the user's name, or 0 */
		void *reserved;
	} private_;
};

/* clang-format off */
#define CREW_GUARD_INIT { { { 0 }, NULL } }
/* clang-format on */

/*
 * Enters, if nobody is inside. What was written by those who were is visible.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_EBUSY	somebody is inside, the caller perhaps
 */
CREW_API int crew_guard_enter(struct crew_guard *guard);

/*
 * Leaves.
 *
 * Checkpoint:	none
 * Callers:	whoever is responsible for what was entered
 * Returns:	0
 *		CREW_EPERM	nobody is inside
 */
CREW_API int crew_guard_leave(struct crew_guard *guard);

struct crew_guard_stats {
	size_t size;	  /* set by the caller: sizeof(struct crew_guard_stats) */
	const char *user; /* who has entered: a task's name or where it was spawned, or "a plain
			   * thread"; NULL: nobody */
};

/*
 * Who is inside?
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_guard_read_stats(const struct crew_guard *guard, struct crew_guard_stats *stats);

/*
 * Owed by nobody; stops the program, with the name of who is inside, when anybody is.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_guard_fini(struct crew_guard *guard);

CREW_END

#endif /* CREW_GUARD_H */
