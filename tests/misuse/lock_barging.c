/* expect: a lock is given up while somebody waits for it: left behind */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"
#include "crew/lock.h"

static struct crew_lock lock = CREW_LOCK_BARGING_INIT;

static int wait_for_it(void *arg)
{
	(void)arg;
	return crew_lock_acquire(&lock);
}

/* With one worker: who was called has not come yet. */
static int give_it_up(void *arg)
{
	struct crew_group group;
	struct crew_lock_stats stats = { .size = sizeof(stats) };

	crew_lock_acquire(&lock);
	crew_group_open(&group, NULL);
	crew_group_spawn_task(&group, wait_for_it, arg, CREW_TASK(.name = "left behind"), NULL);
	while (stats.waiting == 0) {
		crew_yield();
		crew_lock_read_stats(&lock, &stats);
	}
	crew_lock_release(&lock);
	crew_lock_fini(&lock);
	return crew_group_close(&group, 0);
}

int main(void)
{
	struct crew *crew;

	if (crew_start(&crew, CREW_OPTIONS(.workers = 1)))
		return 1;
	crew_run(crew, give_it_up, NULL);
	return crew_stop(crew);
}
