/* SPDX-License-Identifier: MIT */
/*
 * yield.c - crew_yield() by two tasks of one worker in turns, so that each yield
 * is a switch; crew_yield() and crew_check() with nobody else there.
 */
#include "../inside.h"

static int yield_task(void *arg)
{
	const uint64_t *n = arg;

	for (uint64_t i = 0; i < *n; i++)
		crew_yield();
	return 0;
}

static crew_time yield_loop(uint64_t n)
{
	struct crew_group group;
	crew_time begin = crew_bench_now();
	uint64_t half = n / 2 + 1;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, yield_task, &half);
	crew_group_spawn(&group, yield_task, &half);
	if (crew_group_close(&group, 0))
		return -1;
	return crew_bench_now() - begin;
}

static crew_time yield_alone_loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	yield_task(&n);
	return crew_bench_now() - begin;
}

static crew_time check_loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++)
		if (crew_check())
			return -1;
	return crew_bench_now() - begin;
}

static crew_time yield(uint64_t n, long workers)
{
	return inside(workers, yield_loop, n);
}

static crew_time yield_alone(uint64_t n, long workers)
{
	return inside(workers, yield_alone_loop, n);
}

static crew_time check(uint64_t n, long workers)
{
	return inside(workers, check_loop, n);
}

static const struct crew_bench benches[] = {
	{ .name = "yield", .fn = yield, .param = 1 },
	{ .name = "yield_alone", .fn = yield_alone, .param = 1 },
	{ .name = "check", .fn = check, .param = 1 },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
