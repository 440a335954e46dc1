/* SPDX-License-Identifier: MIT */
/* parallel.h - what the tests of crew/parallel.h share. */
#ifndef API_PARALLEL_H
#define API_PARALLEL_H

#include "api/task.h"

#include "crew/parallel.h"
#include "base/atomic.h"
#include "base/random.h"

#include <sched.h>

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

/* Cancels its scope at the last of so many calls. */
struct fuse {
	struct crew_scope scope;
	struct crew_word left;
	struct crew_word burnt;
	struct crew_word late; /* calls since then */
};

/* Calls that come behind the last one wait for it: who cancels may have lost its processor, and
 * the others would come to an end before anything is cancelled. */
static inline void burn(struct fuse *fuse)
{
	uint64_t left;

	crew__add_relaxed(&fuse->late, crew__load_acquire(&fuse->burnt));
	left = crew__add_relaxed(&fuse->left, (uint64_t)-1);
	if (left == 1) {
		crew_scope_cancel(&fuse->scope, "enough");
		crew__store_release(&fuse->burnt, 1);
	}
	while ((int64_t)left <= 0 && !crew__load_acquire(&fuse->burnt))
		sched_yield();
}

#endif /* API_PARALLEL_H */
