/* expect: a latch is given up while somebody waits for it: a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/latch.h"

#include <pthread.h>
#include <sched.h>

static struct crew_latch latch = CREW_LATCH_INIT(1);

static void *wait_for_it(void *arg)
{
	crew_latch_wait(&latch);
	return arg;
}

int main(void)
{
	struct crew_latch_stats stats = { .size = sizeof(stats) };
	pthread_t thread;

	pthread_create(&thread, NULL, wait_for_it, NULL);
	while (stats.waiting == 0) {
		sched_yield();
		crew_latch_read_stats(&latch, &stats);
	}
	crew_latch_fini(&latch);
	return 0;
}
