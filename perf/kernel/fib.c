/* SPDX-License-Identifier: MIT */
/*
 * fib.c - fib(30) with a group per call, and with a fork per call: nanoseconds per
 * spawn and join, the work of the two calls included (serial.c says what that is).
 * FIB_CALLS: compiled so that every call stays a call, as it does in serial.c's fib_calls.
 */
#include <crew/fork.h>

#include "../inside.h"
#include "kernel.h"

#ifndef FIB_CALLS
struct fib {
	int n;
	long result;
};

static long fib(int n);

static int fib_task(void *arg)
{
	struct fib *call = arg;

	call->result = fib(call->n);
	return 0;
}

static long fib(int n)
{
	struct fib a = { n - 1, 0 };
	struct crew_group group;
	long b;

	if (n < 2)
		return n;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, fib_task, &a);
	b = fib(n - 2);
	crew_group_close(&group, 0);
	return a.result + b;
}
#endif

static long forked_fib(int n);
CREW_FORK1(forked_fib, long, int)

static long forked_fib(int n)
{
	struct forked_fib_forked a;
	long b;

	if (n < 2)
		return n;
	forked_fib_fork(&a, n - 1);
	b = forked_fib(n - 2);
	return forked_fib_join(&a) + b;
}

static crew_time forked_loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++)
		if (kernel_wrong("fork", forked_fib(FIB_N), FIB_ANSWER))
			return -1;
	return crew_bench_now() - begin;
}

#ifndef FIB_CALLS
static crew_time loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++)
		if (kernel_wrong("fib", fib(FIB_N), FIB_ANSWER))
			return -1;
	return crew_bench_now() - begin;
}

static crew_time bench(uint64_t n, long workers)
{
	return inside(workers, loop, n);
}
#endif

static crew_time forked_bench(uint64_t n, long workers)
{
	return inside(workers, forked_loop, n);
}

static const struct crew_bench benches[] = {
#ifdef FIB_CALLS
	{ .name = "fork_calls.1w", .fn = forked_bench, .param = 1, .divisor = FIB_SPAWNS },
#else
	{ .name = "fib.1w", .fn = bench, .param = 1, .divisor = FIB_SPAWNS },
	{ .name = "fib.2w", .fn = bench, .param = 2, .divisor = FIB_SPAWNS },
	{ .name = "fib.64w", .fn = bench, .param = 64, .divisor = FIB_SPAWNS },
	{ .name = "fork.1w", .fn = forked_bench, .param = 1, .divisor = FIB_SPAWNS },
	{ .name = "fork.2w", .fn = forked_bench, .param = 2, .divisor = FIB_SPAWNS },
	{ .name = "fork.64w", .fn = forked_bench, .param = 64, .divisor = FIB_SPAWNS },
#endif
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
