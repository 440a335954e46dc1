/* expect: an rwlock is given up while somebody waits for it: left behind, a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/rwlock.h"
#include "misuse/given_up.h"

static struct crew_rwlock it = { { .writer = 2 } };

static int wait_in_it(void *arg)
{
	(void)arg;
	return crew_rwlock_acquire_read(&it);
}

GIVEN_UP(rwlock, &it, 0)
