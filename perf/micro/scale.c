/* SPDX-License-Identifier: MIT */
/*
 * scale.c - does it stay as it is when there is more of it?
 *
 *	tasks.N		N empty tasks, spawned by one task into one group, in a
 *			fresh process: ns for each
 *	tree.N		N empty tasks as the leaves of a tree in which each task spawns
 *			ten into a group of its own, in a fresh process: ns for each
 *	admitted	a child spawns 100,000 others into its group, where only
 *			one may run: ns for each until all have ended;
 *			admitted.bytes: resident memory for each while they wait
 */
#include "../inside.h"

#define ADMITTED 100000

static crew_time tasks_loop(uint64_t n)
{
	struct crew_group group;
	crew_time begin = crew_bench_now();

	crew_group_open(&group, NULL);
	for (uint64_t i = 0; i < n; i++)
		crew_group_spawn(&group, inside_nothing, NULL);
	return crew_group_close(&group, 0) ? -1 : crew_bench_now() - begin;
}

static crew_time tasks(uint64_t n, long workers)
{
	return inside(workers, tasks_loop, n);
}

static int branch(void *left)
{
	uintptr_t below = (uintptr_t)left / 10;
	struct crew_group group;

	if (!below)
		return 0;
	crew_group_open(&group, NULL);
	for (int i = 0; i < 10; i++)
		crew_group_spawn(&group, branch, (void *)below);
	return crew_group_close(&group, 0);
}

static crew_time tree_loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	return branch((void *)(uintptr_t)n) ? -1 : crew_bench_now() - begin;
}

static crew_time tree(uint64_t n, long workers)
{
	return inside(workers, tree_loop, n);
}

static int spawn_admitted(void *group)
{
	double before = memory_now();

	for (int i = 0; i < ADMITTED; i++)
		if (crew_group_spawn(group, inside_nothing, NULL))
			return -1;
	crew_bench_value("admitted.bytes", "B", (memory_now() - before) / ADMITTED);
	return 0;
}

static crew_time admitted_loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++) {
		struct crew_group group;

		crew_group_open(&group, CREW_GROUP(.running_max = 1));
		crew_group_spawn(&group, spawn_admitted, &group);
		if (crew_group_close(&group, 0))
			return -1;
	}
	return crew_bench_now() - begin;
}

static crew_time admitted(uint64_t n, long workers)
{
	return inside(workers, admitted_loop, n);
}

/* clang-format off */
#define TASKS(count) { .name = "tasks." #count, .fn = tasks, .param = 2, .n = count, .fresh = true }
#define TREE(count) { .name = "tree." #count, .fn = tree, .param = 2, .n = count, .fresh = true }
/* clang-format on */

static const struct crew_bench benches[] = {
	TASKS(1000),
	TASKS(10000),
	TASKS(100000),
	TASKS(1000000),
	TASKS(10000000),
	TASKS(100000000),
	TREE(1000),
	TREE(10000),
	TREE(100000),
	TREE(1000000),
	TREE(10000000),
	TREE(100000000),
	{ .name = "admitted",
	  .fn = admitted,
	  .param = 2,
	  .divisor = ADMITTED,
	  .n = 1,
	  .fresh = true },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
