/* expect: an event is given up while somebody waits for it: a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/event.h"

#include <pthread.h>
#include <sched.h>

static struct crew_event event;

static void *wait_for_it(void *arg)
{
	crew_event_wait(&event);
	return arg;
}

int main(void)
{
	struct crew_event_stats stats = { .size = sizeof(stats) };
	pthread_t thread;

	pthread_create(&thread, NULL, wait_for_it, NULL);
	while (stats.waiting == 0) {
		sched_yield();
		crew_event_read_stats(&event, &stats);
	}
	crew_event_fini(&event);
	return 0;
}
