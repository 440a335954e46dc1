/* expect: a once is given up while somebody waits for it: a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/once.h"

#include <pthread.h>
#include <sched.h>

static struct crew_once once;

static int sleep_on(void *arg)
{
	(void)arg;
	for (;;)
		sched_yield();
	return 0;
}

static void *do_it(void *arg)
{
	crew_once_do(&once, sleep_on, NULL);
	return arg;
}

int main(void)
{
	struct crew_once_stats stats = { .size = sizeof(stats) };
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, do_it, NULL);
	while (stats.waiting == 0) {
		sched_yield();
		crew_once_read_stats(&once, &stats);
	}
	crew_once_fini(&once);
	return 0;
}
