/* SPDX-License-Identifier: MIT */
/*
 * given_up.h - programs in which a thing is given up while a task waits in it, and a plain
 * thread behind that one. Each says how it waits, and then GIVEN_UP().
 */
#ifndef MISUSE_GIVEN_UP_H
#define MISUSE_GIVEN_UP_H

#include "crew/crew.h"

#include <pthread.h>

static int wait_in_it(void *arg);
static void prepare_it(void);
static uint64_t how_many_wait(void);
static void give_it_up(void);

/* For a thing of this kind, prepared so (0: it needs nothing). */
#define GIVEN_UP(kind, it, prepared)                                                               \
	static void prepare_it(void)                                                               \
	{                                                                                          \
		(void)(prepared);                                                                  \
	}                                                                                          \
	static uint64_t how_many_wait(void)                                                        \
	{                                                                                          \
		struct crew_##kind##_stats stats = { .size = sizeof(stats) };                      \
		crew_##kind##_read_stats(it, &stats);                                              \
		return stats.waiting;                                                              \
	}                                                                                          \
	static void give_it_up(void)                                                               \
	{                                                                                          \
		crew_##kind##_fini(it);                                                            \
	}

static void *thread_waits_in_it(void *arg)
{
	wait_in_it(arg);
	return NULL;
}

static void until_there_wait(uint64_t count)
{
	while (how_many_wait() < count)
		crew_yield();
}

static int leave_them_behind(void *arg)
{
	struct crew_group group;
	pthread_t thread;

	prepare_it();
	crew_group_open(&group, NULL);
	crew_group_spawn_task(&group, wait_in_it, arg, CREW_TASK(.name = "left behind"), NULL);
	until_there_wait(1);
	pthread_create(&thread, NULL, thread_waits_in_it, arg);
	until_there_wait(2);
	give_it_up();
	return crew_group_close(&group, 0);
}

int main(void)
{
	return crew_run(NULL, leave_them_behind, NULL);
}

#endif /* MISUSE_GIVEN_UP_H */
