/* SPDX-License-Identifier: MIT */
/*
 * switch.c - the context switch alone (src/fiber), one way: two stacks of one
 * plain thread, no scheduler.
 *
 * Both sides switch at the same place, as everybody in the library does: the
 * processor predicts the return of the switch by the place it was called from, and
 * a pair of different places costs 4 ns more.
 */
#include "../common.h"

#include "fiber/fiber.h"

static struct crew__context here, there;

static __attribute__((noinline)) void take_turns(struct crew__context *me,
						 struct crew__context *other, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		crew__context_switch(me, other);
}

static void other_side(void *arg)
{
	(void)arg;
	crew__context_entered(&here);
	take_turns(&there, &here, UINT64_MAX);
}

static crew_time bench(uint64_t n, long param)
{
	static _Alignas(64) char stack[65536];
	crew_time begin;

	(void)param;
	crew__context_init_thread(&here);
	crew__context_init(&there, stack, stack + sizeof(stack), other_side, NULL);
	begin = crew_bench_now();
	take_turns(&here, &there, n);
	begin = crew_bench_now() - begin;
	crew__context_fini(&there);
	crew__context_fini(&here);
	return begin;
}

static const struct crew_bench benches[] = {
	{ .name = "switch", .fn = bench, .divisor = 2 },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
