/* expect: a notify is given up while somebody waits for it: a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/notify.h"

#include <pthread.h>
#include <sched.h>

static struct crew_notify notify;

static void *wait_for_it(void *arg)
{
	crew_notify_take(&notify);
	return arg;
}

int main(void)
{
	struct crew_notify_stats stats = { .size = sizeof(stats) };
	pthread_t thread;

	pthread_create(&thread, NULL, wait_for_it, NULL);
	while (stats.waiting == 0) {
		sched_yield();
		crew_notify_read_stats(&notify, &stats);
	}
	crew_notify_fini(&notify);
	return 0;
}
