/* SPDX-License-Identifier: MIT */
/*
 * serial.c - the kernels without tasks: what there is to be divided among
 * workers. fib is given per spawn as well (two calls), to be compared with the
 * others' ns per spawn; compilers inline that recursion several levels deep. FIB_CALLS:
 * compiled so that they do not.
 */
#include <crew/bench.h>
#include "../kernel/kernel.h"

#ifdef FIB_CALLS
#define fib_serial fib_called

static __attribute__((noinline)) long fib_called(int n)
{
	__asm__ volatile(""); /* two calls with one argument are not one call */
	return n < 2 ? n : fib_called(n - 1) + fib_called(n - 2);
}
#endif

static crew_time fib(uint64_t n, long param)
{
	crew_time begin = crew_bench_now();
	int depth = FIB_N;

	(void)param;
	for (uint64_t i = 0; i < n; i++) {
		crew_bench_keep(&depth);
		if (kernel_wrong("fib", fib_serial(depth), FIB_ANSWER))
			return -1;
	}
	return crew_bench_now() - begin;
}

#ifndef FIB_CALLS
static crew_time queens(uint64_t n, long param)
{
	crew_time begin = crew_bench_now();
	struct queens board = { 0, 0, 0, 0 };

	(void)param;
	for (uint64_t i = 0; i < n; i++) {
		crew_bench_keep(&board);
		if (kernel_wrong("queens", queens_serial(&board), QUEENS_ANSWER))
			return -1;
	}
	return crew_bench_now() - begin;
}

static crew_time uts(uint64_t n, long param)
{
	crew_time begin;
	struct uts root = uts_root();

	(void)param;
	uts_init();
	begin = crew_bench_now();
	for (uint64_t i = 0; i < n; i++) {
		crew_bench_keep(&root);
		if (kernel_wrong("uts", uts_serial(&root), UTS_ANSWER))
			return -1;
	}
	return crew_bench_now() - begin;
}
#endif

static const struct crew_bench benches[] = {
#ifdef FIB_CALLS
	{ .name = "fib_calls", .fn = fib, .divisor = FIB_SPAWNS },
#else
	{ .name = "fib", .fn = fib, .divisor = FIB_SPAWNS },
	{ .name = "queens", .fn = queens, .unit = "ms", .divisor = 1e6 },
	{ .name = "uts", .fn = uts, .unit = "ms", .divisor = 1e6 },
#endif
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "serial", benches, sizeof(benches) / sizeof(*benches));
}
