/* SPDX-License-Identifier: MIT */
/*
 * queens.c - 13 queens, a task per placement: milliseconds. `queens`: a group per board;
 * `queens_fork`: forks, all placements but the last.
 */
#include <crew/fork.h>

#include "../inside.h"
#include "kernel.h"

static int place(void *arg)
{
	struct queens next[QUEENS_N], *q = arg;
	struct crew_group group;
	uint32_t f = queens_free(q);
	int children = 0;

	if (q->columns == QUEENS_ALL) {
		q->count = 1;
		return 0;
	}
	if (!f)
		return 0;
	crew_group_open(&group, NULL);
	for (; f; f &= f - 1) {
		next[children] = queens_place(q, f);
		crew_group_spawn(&group, place, &next[children++]);
	}
	crew_group_close(&group, 0);
	for (int i = 0; i < children; i++)
		q->count += next[i].count;
	return 0;
}

static void put(struct queens *q);
CREW_FORK1_VOID(put, struct queens *)

static void put(struct queens *q)
{
	struct queens next[QUEENS_N];
	struct put_forked forks[QUEENS_N];
	uint32_t f = queens_free(q);
	int children = 0;

	if (q->columns == QUEENS_ALL) {
		q->count = 1;
		return;
	}
	if (!f)
		return;
	for (; f & (f - 1); f &= f - 1, children++) {
		next[children] = queens_place(q, f);
		put_fork(&forks[children], &next[children]);
	}
	next[children] = queens_place(q, f);
	put(&next[children]);
	q->count = next[children].count;
	while (children-- > 0) {
		put_join(&forks[children]);
		q->count += next[children].count;
	}
}

static crew_time fork_loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++) {
		struct queens board = { 0, 0, 0, 0 };

		put(&board);
		if (kernel_wrong("queens_fork", board.count, QUEENS_ANSWER))
			return -1;
	}
	return crew_bench_now() - begin;
}

static crew_time loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++) {
		struct queens board = { 0, 0, 0, 0 };

		place(&board);
		if (kernel_wrong("queens", board.count, QUEENS_ANSWER))
			return -1;
	}
	return crew_bench_now() - begin;
}

static crew_time bench(uint64_t n, long workers)
{
	return inside(workers, loop, n);
}

static crew_time fork_bench(uint64_t n, long workers)
{
	return inside(workers, fork_loop, n);
}

static const struct crew_bench benches[] = {
	{ .name = "queens.1w", .fn = bench, .param = 1, .unit = "ms", .divisor = 1e6 },
	{ .name = "queens.2w", .fn = bench, .param = 2, .unit = "ms", .divisor = 1e6 },
	{ .name = "queens_fork.1w", .fn = fork_bench, .param = 1, .unit = "ms", .divisor = 1e6 },
	{ .name = "queens_fork.2w", .fn = fork_bench, .param = 2, .unit = "ms", .divisor = 1e6 },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
