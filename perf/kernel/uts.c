/* SPDX-License-Identifier: MIT */
/*
 * uts.c - the unbalanced tree of kernel.h, a task per child: milliseconds. `uts`: a group
 * per node; `uts_fork`: forks, all children but the last.
 */
#include <crew/fork.h>

#include "../inside.h"
#include "kernel.h"

static int visit(void *arg)
{
	struct uts next[UTS_CHILDREN], *node = arg;
	struct crew_group group;
	int children = uts_children(node);

	node->count = 1;
	if (!children)
		return 0;
	crew_group_open(&group, NULL);
	for (int i = 0; i < children; i++) {
		next[i] = uts_child(node, i);
		crew_group_spawn(&group, visit, &next[i]);
	}
	crew_group_close(&group, 0);
	for (int i = 0; i < children; i++)
		node->count += next[i].count;
	return 0;
}

static void grow(struct uts *node);
CREW_FORK1_VOID(grow, struct uts *)

static void grow(struct uts *node)
{
	struct uts next[UTS_CHILDREN];
	struct grow_forked forks[UTS_CHILDREN];
	int children = uts_children(node), last = children - 1;

	node->count = 1;
	if (!children)
		return;
	for (int i = 0; i < last; i++) {
		next[i] = uts_child(node, i);
		grow_fork(&forks[i], &next[i]);
	}
	next[last] = uts_child(node, last);
	grow(&next[last]);
	node->count += next[last].count;
	while (last-- > 0) {
		grow_join(&forks[last]);
		node->count += next[last].count;
	}
}

static crew_time fork_loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++) {
		struct uts root = uts_root();

		grow(&root);
		if (kernel_wrong("uts_fork", root.count, UTS_ANSWER))
			return -1;
	}
	return crew_bench_now() - begin;
}

static crew_time loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++) {
		struct uts root = uts_root();

		visit(&root);
		if (kernel_wrong("uts", root.count, UTS_ANSWER))
			return -1;
	}
	return crew_bench_now() - begin;
}

static crew_time bench(uint64_t n, long workers)
{
	uts_init();
	return inside(workers, loop, n);
}

static crew_time fork_bench(uint64_t n, long workers)
{
	uts_init();
	return inside(workers, fork_loop, n);
}

static const struct crew_bench benches[] = {
	{ .name = "uts.1w", .fn = bench, .param = 1, .unit = "ms", .divisor = 1e6 },
	{ .name = "uts.2w", .fn = bench, .param = 2, .unit = "ms", .divisor = 1e6 },
	{ .name = "uts_fork.1w", .fn = fork_bench, .param = 1, .unit = "ms", .divisor = 1e6 },
	{ .name = "uts_fork.2w", .fn = fork_bench, .param = 2, .unit = "ms", .divisor = 1e6 },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
