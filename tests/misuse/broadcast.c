/* expect: a broadcast is given up while somebody waits in it: left behind */
/* SPDX-License-Identifier: MIT */
#include "crew/broadcast.h"
#include "crew/crew.h"

static struct crew_broadcast broadcast;
static struct crew_subscriber subscriber;

static int wait_for_it(void *arg)
{
	int item;

	(void)arg;
	return crew_subscriber_receive(&subscriber, &item);
}

static int give_it_up(void *arg)
{
	struct crew_broadcast_stats stats = { .size = sizeof(stats) };
	struct crew_group group;

	crew_broadcast_init(&broadcast, sizeof(int), NULL);
	crew_subscriber_open(&subscriber, &broadcast, CREW_FROM_NOW);
	crew_group_open(&group, NULL);
	crew_group_spawn_task(&group, wait_for_it, arg, CREW_TASK(.name = "left behind"), NULL);
	while (stats.waiting == 0) {
		crew_yield();
		crew_broadcast_read_stats(&broadcast, &stats);
	}
	crew_broadcast_fini(&broadcast);
	return crew_group_close(&group, 0);
}

int main(void)
{
	return crew_run(NULL, give_it_up, NULL);
}
