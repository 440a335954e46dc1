/* SPDX-License-Identifier: MIT */
/* rules.h - what the tests of the engine's rules share. */
#ifndef API_RULES_H
#define API_RULES_H

#include "api/task.h"
#include "support/gate.h"

#include "exec/exec.h"

/* On a plain thread: until the word is at least `value`, with patience. */
static inline bool wait_for(struct crew_word *word, uint64_t value)
{
	crew_time end = crew_now() + patience();

	while (crew__load_acquire(word) < value && crew_now() < end)
		crew_sleep(CREW_US(100));
	return crew__load_acquire(word) >= value;
}

/* Computes, in a task: the same without ever waiting. */
static inline bool spin_for(struct crew_word *word, uint64_t value)
{
	crew_time end = crew_now() + patience();

	while (crew__load_acquire(word) < value)
		if (crew_now() > end)
			return false;
	return true;
}

static inline int add_one(void *arg)
{
	crew__add_relaxed(arg, 1);
	return 0;
}

static inline int sleep_a_little(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_US(300));
}

static inline int many_sleepers(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 500; i++)
		crew_group_spawn(&group, sleep_a_little, arg);
	return crew_group_close(&group, 0);
}

static inline int inner_work(void *arg)
{
	(void)arg;
	crew_yield();
	return 0;
}

#endif /* API_RULES_H */
