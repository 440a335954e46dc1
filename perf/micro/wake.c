/* SPDX-License-Identifier: MIT */
/*
 * wake.c - an idle crew.
 *
 *	wake	from crew_group_spawn() on a plain thread to the task's first
 *		instruction, after a millisecond without work: median and 99th of
 *		100, two clock readings included
 *	idle	CPU seconds in 5 seconds without work
 *	asleep	the same while one task is in crew_sleep()
 */
#include "../inside.h"

static struct crew *crew;

static int stamp_task(void *arg)
{
	crew_time *stamp = arg;

	*stamp = crew_bench_now();
	return 0;
}

static void wake_one(crew_time *stamp)
{
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.crew = crew));
	crew_group_spawn(&group, stamp_task, stamp);
	crew_group_close(&group, 0);
}

static crew_time wake(uint64_t n, long workers)
{
	(void)n;
	crew = inside_crew(workers);
	if (!crew)
		return -1;
	wake_latency(wake_one);
	return 0;
}

static crew_time idle(uint64_t n, long workers)
{
	(void)n;
	if (!inside_crew(workers))
		return -1;
	idle_cpu("idle");
	return 0;
}

static int sleep_task(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_S(IDLE_SECONDS + 1));
}

static crew_time asleep(uint64_t n, long workers)
{
	struct crew_group group;

	(void)n;
	crew = inside_crew(workers);
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	crew_group_spawn(&group, sleep_task, NULL);
	sleep_ns(CREW_MS(10));
	idle_cpu("asleep");
	return crew_group_close(&group, 0) ? -1 : 0;
}

static const struct crew_bench benches[] = {
	{ .name = "wake", .fn = wake, .param = 2, .n = 1, .fresh = true },
	{ .name = "idle", .fn = idle, .param = 2, .n = 1, .fresh = true },
	{ .name = "asleep", .fn = asleep, .param = 2, .n = 1, .fresh = true },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
