/* expect: a broadcast is given up while somebody waits in it: left behind, a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/broadcast.h"
#include "misuse/given_up.h"

static struct crew_broadcast it;
static struct crew_subscriber subscriber;

static void open_it(void)
{
	crew_broadcast_init(&it, sizeof(int), NULL);
	crew_subscriber_open(&subscriber, &it, CREW_FROM_NOW);
}

static int wait_in_it(void *arg)
{
	int item;

	(void)arg;
	return crew_subscriber_receive(&subscriber, &item);
}

GIVEN_UP(broadcast, &it, open_it())
