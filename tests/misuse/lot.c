/* expect: a lot is given up while somebody waits in it: left behind, a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/lot.h"
#include "misuse/given_up.h"

static struct crew_lot it;

static int wait_in_it(void *arg)
{
	(void)arg;
	return crew_lot_wait(&it, NULL, NULL, "misuse");
}

GIVEN_UP(lot, &it, 0)
