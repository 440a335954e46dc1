/* SPDX-License-Identifier: MIT */
/*
 * crew/task.h - what a task may ask and say about itself.
 *
 * A task is a function that was spawned into a group (crew/group.h). It runs
 * until it returns or waits; it is never interrupted. Cancellation is a
 * request: every call that can wait answers it with CREW_ECANCELED, again and
 * again until the task returns, and a loop that only computes asks with
 * crew_check().
 *
 *	static int count_primes(void *arg)
 *	{
 *		long *count = (long *)arg;
 *		int rc = 0;
 *
 *		for (long n = 2; n < 1000 && rc == 0; n++) {
 *			long d = 2;
 *
 *			while (d * d <= n && n % d != 0)
 *				d++;
 *			*count += d * d > n;
 *			rc = crew_check();
 *		}
 *		return rc;
 *	}
 *
 * The three kinds of checkpoint: "full" looks for cancellation and lets others
 * run; "cancel" looks, and waits only if it must; "schedule" lets others run
 * and never looks.
 */
#ifndef CREW_TASK_H
#define CREW_TASK_H

#include "crew/base.h"

CREW_BEGIN

/*
 * What a task is made of. 0: done. Anything else: failed with that code.
 */
typedef int crew_task_fn(void *arg);

/*
 * Is the caller cancelled? Two loads and a compare while nothing has been
 * cancelled anywhere: cheap enough for every turn of a loop.
 *
 * Checkpoint:	cancel, and never waits
 * Callers:	tasks and plain threads
 * Returns:	0, also outside of any scope
 *		CREW_ECANCELED	the caller is cancelled
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_check(void);

/*
 * crew_check(), and lets others run.
 *
 * Checkpoint:	full
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_checkpoint(void);

/*
 * Lets others run: the caller goes to the end of the line. Returns at once
 * when nobody waits in it.
 *
 * Checkpoint:	schedule
 * Callers:	tasks and plain threads (where it yields the processor)
 */
CREW_API void crew_yield(void);

/*
 * Runs fn(arg) on a spare thread while the task waits, so that a call that
 * blocks its thread (reading a slow disk, getaddrinfo) does not hold up a
 * worker. At most .blocking_max such calls (crew/crew.h) run at once in one
 * crew, others wait in line and can be cancelled while they do. Once begun, fn
 * runs to its end, and a cancellation shows at the next checkpoint; fn itself
 * may ask with crew_check(), which speaks for the task.
 *
 * Inside of fn, and on a plain thread, crew_blocking() calls fn directly.
 * Everything the caller wrote is visible to fn, and back.
 *
 * Checkpoint:	full before fn begins; fn's end lets others run
 * Callers:	tasks and plain threads
 * Returns:	fn's code
 *		CREW_ECANCELED	the caller was cancelled before fn began: it never ran
 *		CREW_EINVAL	`fn` is NULL
 *		CREW_EAGAIN	there is no spare thread and none could be created
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_blocking(crew_task_fn *fn, void *arg);

/*
 * Sets the value that crew_task_join() gives whoever has a handle of the calling task; to be
 * written `return crew_return(value);`. The last one counts. A task that nobody has a handle of,
 * and has no .value_free, has no value either.
 *
 * Checkpoint:	none
 * Callers:	tasks
 * Returns:	0
 */
CREW_API int crew_return(void *value);

/*
 * Is the caller a task?
 *
 * Checkpoint:	none
 * Callers:	anybody
 * Returns:	true in a task, and in the function inside crew_blocking()
 */
CREW_API bool crew_in_task(void);

CREW_END

#endif /* CREW_TASK_H */
