/* SPDX-License-Identifier: MIT */
/*
 * crew/time.h - what time it is, and sleeping.
 *
 * There is one clock: nanoseconds, monotonic, the same for the whole process.
 * Sleeping suspends the task, not the thread below it.
 *
 *	static int tick(void *arg)
 *	{
 *		crew_time next = crew_now();
 *		int rc = 0;
 *
 *		(void)arg;
 *		for (int i = 0; i < 3 && rc == 0; i++) {
 *			next += CREW_MS(1);
 *			rc = crew_sleep_until(next);
 *		}
 *		return rc;
 *	}
 *
 * See also: crew/task.h (checkpoints).
 */
#ifndef CREW_TIME_H
#define CREW_TIME_H

#include "crew/base.h"

CREW_BEGIN

/*
 * The time.
 *
 * Checkpoint:	none
 * Callers:	anybody
 * Returns:	nanoseconds since some moment in the past
 */
CREW_API crew_time crew_now(void);

/*
 * The moment that is `duration` from now, as for crew_scope_set_deadline().
 *
 * Checkpoint:	none
 * Callers:	anybody
 * Returns:	the moment
 *		CREW_NEVER	it is further away than can be said
 */
CREW_API crew_time crew_later(crew_time duration);

/*
 * Suspends the caller for `duration` nanoseconds. Never returns early with 0;
 * returns late by as much as waking a thread takes. 0 lets others run once.
 * CREW_NEVER ends only by cancellation.
 *
 * Checkpoint:	full
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, or was while it slept
 *		CREW_EINVAL	`duration` is negative
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_sleep(crew_time duration);

/*
 * Suspends the caller until crew_now() >= `when`. A moment in the past is a
 * checkpoint that does not sleep.
 *
 * Checkpoint:	full
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, or was while it slept
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_sleep_until(crew_time when);

CREW_END

#endif /* CREW_TIME_H */
