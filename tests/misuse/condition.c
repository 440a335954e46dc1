/* expect: somebody waits for a condition of it: a plain thread, left behind */
/* SPDX-License-Identifier: MIT */
#include "crew/condition.h"
#include "misuse/given_up.h"

/* The task waits in the first, the thread in the second. */
static struct crew_lock lock;
static struct crew_condition conditions[2] = { CREW_CONDITION_INIT(&lock),
					       CREW_CONDITION_INIT(&lock) };

static int wait_in_it(void *arg)
{
	(void)arg;
	crew_lock_acquire(&lock);
	return crew_condition_wait(&conditions[!crew_in_task()]);
}

static void prepare_it(void)
{
}

static uint64_t how_many_wait(void)
{
	struct crew_condition_stats stats = { .size = sizeof(stats) };
	uint64_t waiting = 0;

	for (int i = 0; i < 2; i++) {
		crew_condition_read_stats(&conditions[i], &stats);
		waiting += stats.waiting;
	}
	return waiting;
}

static void give_it_up(void)
{
	crew_lock_fini(&lock);
}
