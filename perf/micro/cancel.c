/* SPDX-License-Identifier: MIT */
/*
 * cancel.c - a million tasks sleep in a thousand groups; the group around these is
 * cancelled: nanoseconds for each task, until all have ended.
 *
 * PARKED=100000 in the environment makes fewer.
 */
#include "../inside.h"

#define GROUPS 1000

static uint64_t asleep;

static int sleeper(void *arg)
{
	(void)arg;
	__atomic_fetch_add(&asleep, 1, __ATOMIC_RELAXED);
	return crew_sleep(CREW_NEVER);
}

static int group_of_sleepers(void *arg)
{
	const uint64_t *n = arg;
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (uint64_t i = 0; i < *n / GROUPS; i++)
		crew_group_spawn(&group, sleeper, NULL);
	return crew_group_close(&group, 0);
}

static crew_time loop(uint64_t n)
{
	struct crew_group group;
	crew_time begin;

	n = n / GROUPS * GROUPS;
	crew_group_open(&group, NULL);
	for (int i = 0; i < GROUPS; i++)
		if (crew_group_spawn(&group, group_of_sleepers, &n))
			return -1;
	while (__atomic_load_n(&asleep, __ATOMIC_RELAXED) < n)
		crew_sleep(CREW_MS(1));
	begin = crew_bench_now();
	crew_group_cancel(&group, "enough");
	if (crew_group_close(&group, 0))
		return -1;
	crew_bench_value("cancel", "ns", (double)(crew_bench_now() - begin) / (double)n);
	return 0;
}

static crew_time bench(uint64_t n, long workers)
{
	const char *parked = getenv("PARKED");

	return inside(workers, loop, parked ? strtoull(parked, NULL, 10) : n);
}

static const struct crew_bench benches[] = {
	{ .name = "cancel", .fn = bench, .param = 2, .n = 1000000, .fresh = true },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
