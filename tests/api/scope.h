/* SPDX-License-Identifier: MIT */
/*
 * scope.h - what the tests of scopes share. Each rule is a function that returns 0, or the
 * line of what does not hold. It runs as a task on crews of several sizes; inside of
 * crew_blocking(); on a plain thread; and on one that holds a group open.
 */
#ifndef TESTS_API_SCOPE_H
#define TESTS_API_SCOPE_H

#include "api/task.h"
#include "support/gate.h"

#include "exec/exec.h"

#include <pthread.h>

/* What the rule opens groups with. */
static struct crew *test_crew;

static inline struct crew *start_crew(unsigned workers)
{
	return test_crew = start(workers);
}

static inline int call_blocking(void *arg)
{
	crew_task_fn **fn = (crew_task_fn **)arg;

	return crew_blocking(*fn, NULL);
}

/* Is nothing left in the heap of the crew's timer? */
static inline bool timer_is_empty(void)
{
	bool empty;

	crew__lock_acquire(&test_crew->timer.lock);
	empty = test_crew->timer.heap.size == 0;
	crew__lock_release(&test_crew->timer.lock);
	return empty;
}

static inline void in_tasks(crew_task_fn *fn)
{
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct crew *crew = start_crew(workers);
		int rc;

		run_in(crew, fn, NULL);
		rc = crew_run(crew, call_blocking, &fn);
		cr_assert_eq(rc, 0, "line %d inside crew_blocking(), %u workers", rc, workers);
		cr_assert(timer_is_empty());
		stop(crew);
	}
}

static inline void in_threads(crew_task_fn *fn)
{
	struct crew *crew = start_crew(2);
	struct crew_group group;
	int rc = fn(NULL);
	int closed;

	cr_assert_eq(rc, 0, "line %d on a plain thread", rc);
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	rc = fn(NULL);
	closed = crew_group_close(&group, 0);
	cr_assert_eq(rc, 0, "line %d on a plain thread in a group", rc);
	cr_assert_eq(closed, 0);
	cr_assert(timer_is_empty());
	stop(crew);
}

static inline void everywhere(crew_task_fn *fn)
{
	in_tasks(fn);
	in_threads(fn);
}

/* A task that waits to be cancelled; its argument counts those that were. */
static inline int sleep_long(void *arg)
{
	int rc = crew_sleep(CREW_S(100));

	if (rc == CREW_ECANCELED && arg)
		crew__add_relaxed((struct crew_word *)arg, 1);
	return rc;
}

/* Returns when so many tasks of the crew wait in crew_sleep(). */
static inline void wait_for_sleepers(unsigned n)
{
	wait_for_parked(test_crew, n, "sleep");
}

#endif /* TESTS_API_SCOPE_H */
