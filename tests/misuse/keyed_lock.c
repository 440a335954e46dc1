/* expect: a keyed lock is given up while somebody waits for a key of it: left behind */
/* SPDX-License-Identifier: MIT */
#include "crew/keyed_lock.h"
#include "misuse/given_up.h"

static struct crew_keyed_lock it;

static int wait_in_it(void *arg)
{
	(void)arg;
	return crew_keyed_lock_acquire(&it, "ann", 3);
}

GIVEN_UP(keyed_lock, &it, crew_keyed_lock_acquire(&it, "ann", 3))
