/* expect: a limiter is given up while somebody waits for it: left behind, a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/limiter.h"
#include "misuse/given_up.h"

static struct crew_limiter it;

static int wait_in_it(void *arg)
{
	(void)arg;
	return crew_limiter_acquire(&it);
}

GIVEN_UP(limiter, &it, 0)
