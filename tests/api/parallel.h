/* SPDX-License-Identifier: MIT */
/* parallel.h - what the tests of crew/parallel.h share. */
#ifndef API_PARALLEL_H
#define API_PARALLEL_H

#include "api/task.h"

#include "crew/parallel.h"
#include "base/atomic.h"
#include "base/random.h"

/* Runs fn(arg) as a task on crews of several sizes; it returns 0, or where it failed. */
static inline void in_tasks(crew_task_fn *fn, void *arg)
{
	for (unsigned workers = 1; workers <= 4; workers++)
		run_with(workers, fn, arg);
}

/* Options with this grain; 0 is by time. */
static inline struct crew_parallel_options grain(size_t turns)
{
	return (struct crew_parallel_options){ .size = sizeof(struct crew_parallel_options),
					       .grain = turns };
}

#endif /* API_PARALLEL_H */
