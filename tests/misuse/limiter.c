/* expect: a limiter is given up while somebody waits for it: left behind, a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"
#include "crew/limiter.h"

#include <pthread.h>

static struct crew_limiter it;

static int wait_for_it(void *arg)
{
	(void)arg;
	return crew_limiter_acquire(&it);
}

static void *thread_waits_for_it(void *arg)
{
	wait_for_it(arg);
	return NULL;
}

static void until_there_wait(uint64_t count)
{
	struct crew_limiter_stats stats = { .size = sizeof(stats) };

	while (stats.waiting < count) {
		crew_yield();
		crew_limiter_read_stats(&it, &stats);
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
	crew_limiter_fini(&it);
	return crew_group_close(&group, 0);
}

int main(void)
{
	return crew_run(NULL, give_it_up, NULL);
}
