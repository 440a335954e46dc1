/* SPDX-License-Identifier: MIT */
/* uts.c - the unbalanced tree of kernel.h, a task per child: milliseconds. */
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

static const struct crew_bench benches[] = {
	{ .name = "uts.1w", .fn = bench, .param = 1, .unit = "ms", .divisor = 1e6 },
	{ .name = "uts.2w", .fn = bench, .param = 2, .unit = "ms", .divisor = 1e6 },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
