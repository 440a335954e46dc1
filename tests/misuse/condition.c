/* expect: a lock is given up while somebody waits for a condition of it: left behind */
/* SPDX-License-Identifier: MIT */
#include "crew/condition.h"
#include "misuse/given_up.h"

static struct crew_lock lock;
static struct crew_condition condition = CREW_CONDITION_INIT(&lock);

static int wait_in_it(void *arg)
{
	(void)arg;
	crew_lock_acquire(&lock);
	return crew_condition_wait(&condition);
}

static void prepare_it(void)
{
}

static uint64_t how_many_wait(void)
{
	struct crew_condition_stats stats = { .size = sizeof(stats) };

	crew_condition_read_stats(&condition, &stats);
	return stats.waiting;
}

static void give_it_up(void)
{
	crew_lock_fini(&lock);
}
