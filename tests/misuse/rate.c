/* expect: a rate is given up while somebody waits for it: left behind */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"
#include "crew/rate.h"

#include <pthread.h>

static struct crew_rate it = { { .count = 1,
				 .period_ns = CREW_S(1000),
				 .burst = 1,
				 .spent = 1000000000000,
				 .at = INT64_MAX / 2 } };

static int wait_for_it(void *arg)
{
	(void)arg;
	return crew_rate_take(&it, 1);
}

static void *thread_waits_for_it(void *arg)
{
	wait_for_it(arg);
	return NULL;
}

static void until_there_wait(uint64_t count)
{
	struct crew_rate_stats stats = { .size = sizeof(stats) };

	while (stats.waiting < count) {
		crew_yield();
		crew_rate_read_stats(&it, &stats);
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
	crew_rate_fini(&it);
	return crew_group_close(&group, 0);
}

int main(void)
{
	return crew_run(NULL, give_it_up, NULL);
}
