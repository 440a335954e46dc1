/* expect: a barrier is given up while somebody waits at it: left behind, a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/barrier.h"
#include "misuse/given_up.h"

static struct crew_barrier it = CREW_BARRIER_INIT(3);

static int wait_in_it(void *arg)
{
	(void)arg;
	return crew_barrier_wait(&it, NULL);
}

GIVEN_UP(barrier, &it, 0)
