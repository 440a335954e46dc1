/* SPDX-License-Identifier: MIT */
/*
 * omp.c - OpenMP tasks, built twice: gcc with libgomp ("gomp"), clang with
 * libomp ("omp"). PEER is the name. shared(...) and taskwait, as its examples do.
 */
#include "../common.h"
#include "../kernel/kernel.h"

#include <omp.h>

static long fib_tasks(int n)
{
	long a, b;

	if (n < 2)
		return n;
#pragma omp task shared(a) firstprivate(n)
	a = fib_tasks(n - 1);
	b = fib_tasks(n - 2);
#pragma omp taskwait
	return a + b;
}

static void queens_tasks(struct queens *q)
{
	struct queens next[QUEENS_N];
	int children = 0;

	if (q->columns == QUEENS_ALL) {
		q->count = 1;
		return;
	}
	for (uint32_t f = queens_free(q); f; f &= f - 1) {
		struct queens *child = &next[children++];

		*child = queens_place(q, f);
#pragma omp task firstprivate(child)
		queens_tasks(child);
	}
	if (!children)
		return;
#pragma omp taskwait
	for (int i = 0; i < children; i++)
		q->count += next[i].count;
}

static void uts_tasks(struct uts *node)
{
	struct uts next[UTS_CHILDREN];
	int children = uts_children(node);

	node->count = 1;
	if (!children)
		return;
	for (int i = 0; i < children; i++) {
		struct uts *child = &next[i];

		*child = uts_child(node, i);
#pragma omp task firstprivate(child)
		uts_tasks(child);
	}
#pragma omp taskwait
	for (int i = 0; i < children; i++)
		node->count += next[i].count;
}

static bool fib_once(void)
{
	return !kernel_wrong("fib", fib_tasks(FIB_N), FIB_ANSWER);
}

static bool queens_once(void)
{
	struct queens board = { 0, 0, 0, 0 };

	queens_tasks(&board);
	return !kernel_wrong("queens", board.count, QUEENS_ANSWER);
}

static bool uts_once(void)
{
	struct uts root = uts_root();

	uts_tasks(&root);
	return !kernel_wrong("uts", root.count, UTS_ANSWER);
}

static bool flat_once(void)
{
	for (int i = 0; i < FLAT_TASKS; i++) {
#pragma omp task
		crew_bench_keep(NULL);
	}
#pragma omp taskwait
	return true;
}

/* n times `once` by one thread of a team of `workers`. */
static crew_time inside(uint64_t n, long workers, bool (*once)(void))
{
	crew_time took = 0;

#pragma omp parallel num_threads((int)workers)
#pragma omp single
	{
		crew_time begin = crew_bench_now();

		for (uint64_t i = 0; i < n && took >= 0; i++)
			if (!once())
				took = -1;
		if (took >= 0)
			took = crew_bench_now() - begin;
	}
	return took;
}

static crew_time fib(uint64_t n, long workers)
{
	return inside(n, workers, fib_once);
}

static crew_time queens(uint64_t n, long workers)
{
	return inside(n, workers, queens_once);
}

static crew_time uts(uint64_t n, long workers)
{
	uts_init();
	return inside(n, workers, uts_once);
}

static crew_time flat(uint64_t n, long workers)
{
	crew_time took = inside(n, workers, flat_once);

	peak_memory("flat.rss");
	return took;
}

static crew_time launch(uint64_t n, long workers)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++) {
#pragma omp parallel for num_threads((int)workers)
		for (int k = 0; k < LAUNCH_PIECES * LAUNCH_TURNS; k++)
			__asm__ volatile("");
	}
	return crew_bench_now() - begin;
}

static const struct crew_bench benches[] = {
	{ .name = "fib.1w", .fn = fib, .param = 1, .divisor = FIB_SPAWNS },
	{ .name = "fib.2w", .fn = fib, .param = 2, .divisor = FIB_SPAWNS },
	{ .name = "queens.1w", .fn = queens, .param = 1, .unit = "ms", .divisor = 1e6 },
	{ .name = "queens.2w", .fn = queens, .param = 2, .unit = "ms", .divisor = 1e6 },
	{ .name = "uts.1w", .fn = uts, .param = 1, .unit = "ms", .divisor = 1e6 },
	{ .name = "uts.2w", .fn = uts, .param = 2, .unit = "ms", .divisor = 1e6 },
	{ .name = "flat", .fn = flat, .param = 2, .divisor = FLAT_TASKS, .n = 1, .fresh = true },
	{ .name = "launch", .fn = launch, .param = 2, .unit = "us", .divisor = 1e3 },
};

int main(int argc, char **argv)
{
	omp_set_dynamic(0);
	return crew_bench_main(argc, argv, PEER, benches, sizeof(benches) / sizeof(*benches));
}
