/* SPDX-License-Identifier: MIT */
/* parallel.h - what the tests of crew/parallel.h share. */
#ifndef API_PARALLEL_H
#define API_PARALLEL_H

#include "support/test.h"

#include "crew/crew.h"
#include "crew/parallel.h"
#include "base/atomic.h"
#include "base/random.h"

/* In a task: leaves it with the line of what does not hold. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__;                                                           \
	} while (0)

/* Runs fn(arg) as a task on crews of several sizes; it returns 0, or where it failed. */
static inline void in_tasks(crew_task_fn *fn, void *arg)
{
	for (unsigned workers = 1; workers <= 4; workers++) {
		struct crew *crew = NULL;
		int rc;

		cr_assert_eq(crew_start(&crew, CREW_OPTIONS(.workers = workers)), 0);
		rc = crew_run(crew, fn, arg);
		cr_assert_eq(rc, 0, "line %d with %u workers", rc, workers);
		cr_assert_eq(crew_stop(crew), 0);
	}
}

/* Options with this grain; 0 is by time. */
static inline struct crew_parallel_options grain(size_t turns)
{
	return (struct crew_parallel_options){ .size = sizeof(struct crew_parallel_options),
					       .grain = turns };
}

#endif /* API_PARALLEL_H */
