/* expect: a channel is given up while somebody waits in it: left behind, a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/channel.h"
#include "misuse/given_up.h"

static struct crew_channel it;
static struct crew_sender sender;
static struct crew_receiver receiver;

static int wait_in_it(void *arg)
{
	int item;

	(void)arg;
	return crew_receive(&receiver, &item);
}

GIVEN_UP(channel, &it, crew_channel_init(&it, &sender, &receiver, sizeof(int), NULL))
