/* SPDX-License-Identifier: MIT */
/* group.h - what the tests of groups share. */
#ifndef API_GROUP_H
#define API_GROUP_H

#include "api/task.h"

#include "exec/exec.h"

#include <pthread.h>

/* Runs the rule, a task that returns 0 or a line, on crews of several sizes. */
static inline void in_tasks(crew_task_fn *rule)
{
	for (unsigned workers = 1; workers <= 3; workers++)
		run_with(workers, rule, NULL);
}

static struct crew_word count;
static struct crew_word begun;

static inline int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static inline int add_one(void *arg)
{
	(void)arg;
	crew__add_relaxed(&count, 1);
	return 0;
}

static inline int fail(void *arg)
{
	return *(int *)arg;
}

/* Ends only when somebody cancels it. */
static inline int wait_for_cancel(void *arg)
{
	int rc;

	crew__add_relaxed(&begun, 1);
	rc = crew_sleep(CREW_NEVER);
	add_one(arg);
	return rc;
}

/* Returns when so many of them have begun. */
static inline void spawn_waiting(struct crew_group *group, unsigned n)
{
	crew__store_relaxed(&count, 0);
	crew__store_relaxed(&begun, 0);
	for (unsigned i = 0; i < n; i++)
		crew_group_spawn(group, wait_for_cancel, NULL);
	while (crew__load_relaxed(&begun) < n)
		crew_sleep(CREW_US(100));
}

#endif /* API_GROUP_H */
