/* expect: a lot is given up while somebody waits in it: left behind */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"
#include "crew/lot.h"

static struct crew_lot lot;

static int wait_in_it(void *arg)
{
	(void)arg;
	return crew_lot_wait(&lot, NULL, NULL, "misuse");
}

static int give_it_up(void *arg)
{
	struct crew_group group;
	struct crew_lot_stats stats = { .size = sizeof(stats) };

	crew_group_open(&group, NULL);
	crew_group_spawn_task(&group, wait_in_it, arg, CREW_TASK(.name = "left behind"), NULL);
	while (stats.waiting == 0) {
		crew_yield();
		crew_lot_read_stats(&lot, &stats);
	}
	crew_lot_fini(&lot);
	return crew_group_close(&group, 0);
}

int main(void)
{
	return crew_run(NULL, give_it_up, NULL);
}
