/* expect: a lock is given up while somebody waits for it: left behind, a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/lock.h"
#include "misuse/given_up.h"

static struct crew_lock it;

static int wait_in_it(void *arg)
{
	(void)arg;
	return crew_lock_acquire(&it);
}

GIVEN_UP(lock, &it, crew_lock_acquire(&it))
