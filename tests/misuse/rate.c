/* expect: a rate is given up while somebody waits for it: left behind */
/* SPDX-License-Identifier: MIT */
#include "crew/rate.h"
#include "misuse/given_up.h"

static struct crew_rate it = { { .count = 1,
				 .period_ns = CREW_S(1000),
				 .burst = 1,
				 .spent = 1000000000000,
				 .at = INT64_MAX / 2 } };

static int wait_in_it(void *arg)
{
	(void)arg;
	return crew_rate_take(&it, 1);
}

GIVEN_UP(rate, &it, 0)
