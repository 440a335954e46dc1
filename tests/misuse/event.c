/* expect: an event is given up while somebody waits for it: left behind, a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/event.h"
#include "misuse/given_up.h"

static struct crew_event it;

static int wait_in_it(void *arg)
{
	(void)arg;
	return crew_event_wait(&it);
}

GIVEN_UP(event, &it, 0)
