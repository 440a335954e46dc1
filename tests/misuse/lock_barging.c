/* expect: a lock is given up while somebody waits for it: left behind, a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"
#include "crew/lock.h"

#include <pthread.h>

static struct crew_lock lock = CREW_LOCK_BARGING_INIT;

static int wait_for_it(void *arg)
{
	(void)arg;
	return crew_lock_acquire(&lock);
}

static void *thread_waits_for_it(void *arg)
{
	wait_for_it(arg);
	return NULL;
}

static void until_there_wait(uint64_t count)
{
	struct crew_lock_stats stats = { .size = sizeof(stats) };

	while (stats.waiting < count) {
		crew_yield();
		crew_lock_read_stats(&lock, &stats);
	}
}

/* With one worker: who was called has not come yet. */
static int give_it_up(void *arg)
{
	struct crew_group group;
	pthread_t thread;

	crew_lock_acquire(&lock);
	crew_group_open(&group, NULL);
	crew_group_spawn_task(&group, wait_for_it, arg, CREW_TASK(.name = "left behind"), NULL);
	until_there_wait(1);
	pthread_create(&thread, NULL, thread_waits_for_it, arg);
	until_there_wait(2);
	crew_lock_release(&lock);
	crew_lock_fini(&lock);
	return crew_group_close(&group, 0);
}

int main(void)
{
	struct crew *crew;

	if (crew_start(&crew, CREW_OPTIONS(.workers = 1)))
		return 1;
	crew_run(crew, give_it_up, NULL);
	return crew_stop(crew);
}
