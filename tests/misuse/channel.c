/* expect: a channel is given up while somebody waits in it: left behind */
/* SPDX-License-Identifier: MIT */
#include "crew/channel.h"
#include "crew/crew.h"

static struct crew_channel channel;
static struct crew_sender sender;
static struct crew_receiver receiver;

static int wait_for_it(void *arg)
{
	int item;

	(void)arg;
	return crew_receive(&receiver, &item);
}

static int give_it_up(void *arg)
{
	struct crew_channel_stats stats = { .size = sizeof(stats) };
	struct crew_group group;

	crew_channel_init(&channel, &sender, &receiver, sizeof(int), NULL);
	crew_group_open(&group, NULL);
	crew_group_spawn_task(&group, wait_for_it, arg, CREW_TASK(.name = "left behind"), NULL);
	while (stats.waiting == 0) {
		crew_yield();
		crew_channel_read_stats(&channel, &stats);
	}
	crew_channel_fini(&channel);
	return crew_group_close(&group, 0);
}

int main(void)
{
	return crew_run(NULL, give_it_up, NULL);
}
