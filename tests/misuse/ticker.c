/* expect: a ticker is given up while somebody waits for it: left behind */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"
#include "crew/ticker.h"

#include <pthread.h>

static struct crew_ticker it = { { .period_ns = CREW_S(1), .due = CREW_NEVER } };

static int wait_for_it(void *arg)
{
	(void)arg;
	return crew_ticker_take(&it, NULL);
}

static void *thread_waits_for_it(void *arg)
{
	wait_for_it(arg);
	return NULL;
}

static void until_there_wait(uint64_t count)
{
	struct crew_ticker_stats stats = { .size = sizeof(stats) };

	while (stats.waiting < count) {
		crew_yield();
		crew_ticker_read_stats(&it, &stats);
	}
}

static int give_it_up(void *arg)
{
	struct crew_group group;
	pthread_t thread;

	crew_group_open(&group, NULL);
	crew_group_spawn_task(&group, wait_for_it, arg, CREW_TASK(.name = "left behind"), NULL);
	until_there_wait(1);
	pthread_create(&thread, NULL, thread_waits_for_it, arg);
	until_there_wait(2);
	crew_ticker_fini(&it);
	return crew_group_close(&group, 0);
}

int main(void)
{
	return crew_run(NULL, give_it_up, NULL);
}
