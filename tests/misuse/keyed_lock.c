/* expect: a keyed lock is given up while somebody waits for a key of it: left behind */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"
#include "crew/keyed_lock.h"

static struct crew_keyed_lock users;

static int wait_for_it(void *arg)
{
	(void)arg;
	return crew_keyed_lock_acquire(&users, "ann", 3);
}

static int give_it_up(void *arg)
{
	struct crew_keyed_lock_stats stats = { .size = sizeof(stats) };
	struct crew_group group;

	crew_keyed_lock_acquire(&users, "ann", 3);
	crew_group_open(&group, NULL);
	crew_group_spawn_task(&group, wait_for_it, arg, CREW_TASK(.name = "left behind"), NULL);
	while (stats.waiting == 0) {
		crew_yield();
		crew_keyed_lock_read_stats(&users, &stats);
	}
	crew_keyed_lock_fini(&users);
	return crew_group_close(&group, 0);
}

int main(void)
{
	return crew_run(NULL, give_it_up, NULL);
}
