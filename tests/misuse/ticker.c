/* expect: a ticker is given up while somebody waits for it: left behind */
/* SPDX-License-Identifier: MIT */
#include "crew/ticker.h"
#include "misuse/given_up.h"

static struct crew_ticker it = { { .period_ns = CREW_S(1), .due = CREW_NEVER } };

static int wait_in_it(void *arg)
{
	(void)arg;
	return crew_ticker_take(&it, NULL);
}

GIVEN_UP(ticker, &it, 0)
