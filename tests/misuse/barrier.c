/* expect: a barrier is given up while somebody waits at it: a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/barrier.h"

#include <pthread.h>
#include <sched.h>

static struct crew_barrier barrier = CREW_BARRIER_INIT(2);

static void *wait_for_it(void *arg)
{
	crew_barrier_wait(&barrier, NULL);
	return arg;
}

int main(void)
{
	struct crew_barrier_stats stats = { .size = sizeof(stats) };
	pthread_t thread;

	pthread_create(&thread, NULL, wait_for_it, NULL);
	while (stats.waiting == 0) {
		sched_yield();
		crew_barrier_read_stats(&barrier, &stats);
	}
	crew_barrier_fini(&barrier);
	return 0;
}
