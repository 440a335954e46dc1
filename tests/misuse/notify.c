/* expect: a notify is given up while somebody waits for it: left behind, a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/notify.h"
#include "misuse/given_up.h"

static struct crew_notify it;

static int wait_in_it(void *arg)
{
	(void)arg;
	return crew_notify_take(&it);
}

GIVEN_UP(notify, &it, 0)
