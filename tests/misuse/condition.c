/* expect: a lock is given up while somebody waits for a condition of it: left behind */
/* SPDX-License-Identifier: MIT */
#include "crew/condition.h"
#include "crew/crew.h"

static struct crew_lock lock;
static struct crew_condition condition = CREW_CONDITION_INIT(&lock);

static int wait_for_it(void *arg)
{
	(void)arg;
	crew_lock_acquire(&lock);
	return crew_condition_wait(&condition);
}

static int give_it_up(void *arg)
{
	struct crew_group group;
	struct crew_condition_stats stats = { .size = sizeof(stats) };

	crew_group_open(&group, NULL);
	crew_group_spawn_task(&group, wait_for_it, arg, CREW_TASK(.name = "left behind"), NULL);
	while (stats.waiting == 0) {
		crew_yield();
		crew_condition_read_stats(&condition, &stats);
	}
	crew_lock_fini(&lock);
	return crew_group_close(&group, 0);
}

int main(void)
{
	return crew_run(NULL, give_it_up, NULL);
}
