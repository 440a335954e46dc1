/* expect: a semaphore is given up while somebody waits for it: left behind, a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/semaphore.h"
#include "misuse/given_up.h"

static struct crew_semaphore it;

static int wait_in_it(void *arg)
{
	(void)arg;
	return crew_semaphore_acquire(&it, 1);
}

GIVEN_UP(semaphore, &it, 0)
