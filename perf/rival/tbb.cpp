// SPDX-License-Identifier: MIT
/*
 * tbb.cpp - oneTBB: a task_group per call, as its manual teaches recursion.
 * 1w: a task_arena of one slot. Flat from a plain thread: enqueued tasks of a
 * task_group. The empty loop: parallel_for with a simple_partitioner.
 */
#include "../common.h"
#include "../kernel/kernel.h"

#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>

#include <memory>

static std::unique_ptr<tbb::global_control> control;
static std::unique_ptr<tbb::task_arena> arena;

/* Runs loop n times inside of an arena of `workers`. */
template <class Loop> static crew_time inside(long workers, uint64_t n, Loop loop)
{
	crew_time took = 0;

	if (!arena || arena->max_concurrency() != workers) {
		arena.reset();
		control = std::make_unique<tbb::global_control>(
			tbb::global_control::max_allowed_parallelism, (size_t)workers);
		arena = std::make_unique<tbb::task_arena>((int)workers);
		arena->execute([] { tbb::parallel_for(0, 1000, [](int) { launch_piece(); }); });
	}
	arena->execute([&] {
		crew_time begin = crew_bench_now();

		for (uint64_t i = 0; i < n && took >= 0; i++)
			if (!loop())
				took = -1;
		if (took >= 0)
			took = crew_bench_now() - begin;
	});
	return took;
}

static long fib_tasks(int n)
{
	if (n < 2)
		return n;
	tbb::task_group group;
	long a, b;

	group.run([&a, n] { a = fib_tasks(n - 1); });
	b = fib_tasks(n - 2);
	group.wait();
	return a + b;
}

static void queens_tasks(struct queens *q)
{
	struct queens next[QUEENS_N];
	int children = 0;
	uint32_t f = queens_free(q);

	if (q->columns == QUEENS_ALL) {
		q->count = 1;
		return;
	}
	if (!f)
		return;
	tbb::task_group group;

	for (; f; f &= f - 1) {
		struct queens *child = &next[children++];

		*child = queens_place(q, f);
		group.run([child] { queens_tasks(child); });
	}
	group.wait();
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
	tbb::task_group group;

	for (int i = 0; i < children; i++) {
		struct uts *child = &next[i];

		*child = uts_child(node, i);
		group.run([child] { uts_tasks(child); });
	}
	group.wait();
	for (int i = 0; i < children; i++)
		node->count += next[i].count;
}

static crew_time fib(uint64_t n, long workers)
{
	return inside(workers, n,
		      [] { return !kernel_wrong("fib", fib_tasks(FIB_N), FIB_ANSWER); });
}

static crew_time queens(uint64_t n, long workers)
{
	return inside(workers, n, [] {
		struct queens board = {};

		queens_tasks(&board);
		return !kernel_wrong("queens", board.count, QUEENS_ANSWER);
	});
}

static crew_time uts(uint64_t n, long workers)
{
	uts_init();
	return inside(workers, n, [] {
		struct uts root = uts_root();

		uts_tasks(&root);
		return !kernel_wrong("uts", root.count, UTS_ANSWER);
	});
}

static crew_time flat(uint64_t n, long workers)
{
	crew_time took = inside(workers, n, [] {
		tbb::task_group group;

		for (int i = 0; i < FLAT_TASKS; i++)
			group.run([] {});
		group.wait();
		return true;
	});

	peak_memory("flat.rss");
	return took;
}

/* `n` times from a thread that is outside of the arena. */
static crew_time flat_thread(uint64_t n, long workers)
{
	crew_time begin;

	inside(workers, 1, [] { return true; });
	begin = crew_bench_now();
	for (uint64_t i = 0; i < n; i++) {
		tbb::task_group group;

		for (int k = 0; k < FLAT_TASKS; k++)
			arena->enqueue(group.defer([] {}));
		group.wait();
	}
	return crew_bench_now() - begin;
}

static crew_time launch(uint64_t n, long workers)
{
	return inside(workers, n, [] {
		tbb::parallel_for(
			tbb::blocked_range<int>(0, LAUNCH_PIECES * LAUNCH_TURNS, LAUNCH_TURNS),
			[](const tbb::blocked_range<int> &range) {
				for (int i = range.begin(); i != range.end(); i++)
					__asm__ volatile("");
			},
			tbb::simple_partitioner());
		return true;
	});
}

static void wake_one(crew_time *stamp)
{
	tbb::task_group group;

	arena->enqueue(group.defer([stamp] { *stamp = crew_bench_now(); }));
	group.wait();
}

static crew_time wake(uint64_t, long workers)
{
	inside(workers, 1, [] { return true; });
	wake_latency(wake_one);
	return 0;
}

static crew_time idle(uint64_t, long workers)
{
	if (fib(1, workers) < 0)
		return -1;
	idle_cpu("idle");
	return 0;
}

static const struct crew_bench benches[] = {
	{ "fib.1w", fib, 1, NULL, FIB_SPAWNS, 0, false },
	{ "fib.2w", fib, 2, NULL, FIB_SPAWNS, 0, false },
	{ "queens.1w", queens, 1, "ms", 1e6, 0, false },
	{ "queens.2w", queens, 2, "ms", 1e6, 0, false },
	{ "uts.1w", uts, 1, "ms", 1e6, 0, false },
	{ "uts.2w", uts, 2, "ms", 1e6, 0, false },
	{ "flat", flat, 2, NULL, FLAT_TASKS, 1, true },
	{ "flat_thread", flat_thread, 2, NULL, FLAT_TASKS, 1, true },
	{ "launch", launch, 2, "us", 1e3, 0, false },
	{ "wake", wake, 2, NULL, 0, 1, true },
	{ "idle", idle, 2, NULL, 0, 1, true },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "tbb", benches, sizeof(benches) / sizeof(*benches));
}
