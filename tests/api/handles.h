/* SPDX-License-Identifier: MIT */
/* handles.h - what the tests of tasks with handles share (crew/handle.h). */
#ifndef TESTS_API_HANDLES_H
#define TESTS_API_HANDLES_H

#include "api/scope.h"

/* The group of a rule: of the crew that is tested. */
static inline struct crew_group *open_group(struct crew_group *group, enum crew_policy policy)
{
	crew_group_open(group, CREW_GROUP(.crew = test_crew, .policy = policy));
	return group;
}

static inline int give(void *arg)
{
	return crew_return(arg);
}

static inline int give_code(void *arg)
{
	return *(const int *)arg;
}

static inline int wait_for_cancel(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_NEVER);
}

static inline int fail_when_cancelled(void *arg)
{
	crew_sleep(CREW_NEVER);
	return *(const int *)arg;
}

static struct crew_word freed; /* how many of each: values in the upper half */

static inline void free_arg(void *arg)
{
	(void)arg;
	crew__add_acq_rel(&freed, 1);
}

static inline void free_value(void *value)
{
	(void)value;
	crew__add_acq_rel(&freed, UINT64_C(1) << 32);
}

static inline bool were_freed(unsigned args, unsigned values)
{
	return crew__exchange_acq_rel(&freed, 0) == ((uint64_t)values << 32 | args);
}

#endif /* TESTS_API_HANDLES_H */
