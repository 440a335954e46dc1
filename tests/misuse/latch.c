/* expect: a latch is given up while somebody waits for it: left behind, a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/latch.h"
#include "misuse/given_up.h"

static struct crew_latch it = CREW_LATCH_INIT(1);

static int wait_in_it(void *arg)
{
	(void)arg;
	return crew_latch_wait(&it);
}

GIVEN_UP(latch, &it, 0)
