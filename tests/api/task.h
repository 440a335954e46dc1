/* SPDX-License-Identifier: MIT */
/*
 * task.h - what the tests of this folder share: crews, and tasks that say what does not
 * hold, by returning its line instead of 0.
 */
#ifndef API_TASK_H
#define API_TASK_H

#include "support/test.h"

#include "crew/crew.h"

/* In a task: leaves it with the line of what does not hold. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__;                                                           \
	} while (0)

static inline struct crew *start_with(const struct crew_options *options)
{
	struct crew *crew = NULL;
	int rc = crew_start(&crew, options);

	cr_assert_eq(rc, 0, "crew_start: %s", crew_strerror(rc));
	return crew;
}

static inline struct crew *start(unsigned workers)
{
	return start_with(CREW_OPTIONS(.workers = workers));
}

static inline void stop(struct crew *crew)
{
	cr_assert_eq(crew_stop(crew), 0);
}

/* Runs fn(arg) as a task of the crew. */
static inline void run_in(struct crew *crew, crew_task_fn *fn, void *arg)
{
	int rc = crew_run(crew, fn, arg);

	cr_assert_eq(rc, 0, "line %d with %u workers: %s", rc, crew_worker_count(crew),
		     crew_strerror(rc));
}

/* The same in a crew of its own. */
static inline void run_with(unsigned workers, crew_task_fn *fn, void *arg)
{
	struct crew *crew = start(workers);

	run_in(crew, fn, arg);
	stop(crew);
}

#endif /* API_TASK_H */
