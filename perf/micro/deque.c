/* SPDX-License-Identifier: MIT */
/*
 * deque.c - the split deque of src/exec/deque.h ("crew"; "crew_fences" as it runs
 * where there is no membarrier) against a plain Chase-Lev deque.
 *
 *	deque.pair	one push and one pop by the owner, 16 deep, no thief
 *	deque.robbed	the same per item while another thread steals all it can
 *	deque.steal	one steal from an owner that does not touch its deque
 *	deque.share	of the items in deque.robbed: what the thief got, in percent
 *
 * perf/run deque prints them side by side.
 */
#include "../common.h"

#include "chase_lev.h"
#include "exec/deque.h"
#include "port/port.h"

#include <pthread.h>
#include <stdatomic.h>

#define DEPTH	   16
#define STEAL_MANY 1000000

enum {
	SPLIT,
	SPLIT_FENCES,
	CHASE_LEV
};

static struct crew__deque split;
static struct chase_lev chase_lev;
static atomic_bool running, ready;
static uint64_t stolen;
static crew_time steal_took;

/* What every worker's thief does: exec/idle.c. */
static bool split_steal(struct crew__slot *slot)
{
	uint32_t count = 1;
	uint64_t mark;

	switch (crew__deque_steal(&split, slot, &count, 1, &mark)) {
	case CREW__DEQUE_TAKEN:
		return true;
	case CREW__DEQUE_MARKED:
		for (uint32_t i = 0; i < CREW__PATIENCE; i++) {
			if (crew__deque_answered(&split, mark))
				return false;
			crew__spin_hint();
		}
		if (split.fences)
			crew__fence_seq_cst();
		else
			crew__port_membarrier();
		crew__deque_expose(&split, mark);
		return false;
	default:
		return false;
	}
}

static bool steal(long kind)
{
	struct crew__slot slot;
	struct chase_lev_item item;

	return kind == CHASE_LEV ? chase_lev_steal(&chase_lev, &item) : split_steal(&slot);
}

/* An empty deque of that kind. */
static bool prepare(long kind)
{
	struct chase_lev_item item;

	if (kind != CHASE_LEV) {
		crew__deque_fini(&split);
		return crew__port_has_membarrier() &&
		       crew__deque_init(&split, kind == SPLIT_FENCES);
	}
	if (!chase_lev.items)
		chase_lev.items = crew__port_map(CHASE_LEV_SLOTS * sizeof(struct chase_lev_item));
	if (!chase_lev.items)
		return false;
	while (chase_lev_pop(&chase_lev, &item))
		;
	return true;
}

/* n pushes and n pops, DEPTH at a time; a pop that finds nothing counts as one. */
static __attribute__((noinline)) void split_pairs(uint64_t n)
{
	struct crew__slot slot = { 0 };

	for (uint64_t i = 0; i < n; i += DEPTH) {
		for (int k = 0; k < DEPTH; k++) {
			crew_bench_keep(&slot);
			crew__deque_push(&split, &slot);
		}
		for (int k = 0; k < DEPTH; k++) {
			if (!crew__deque_pop(&split, &slot))
				break;
			crew_bench_keep(&slot);
		}
	}
}

static __attribute__((noinline)) void chase_lev_pairs(uint64_t n)
{
	struct chase_lev_item item = { { 0 } };

	for (uint64_t i = 0; i < n; i += DEPTH) {
		for (int k = 0; k < DEPTH; k++) {
			crew_bench_keep(&item);
			chase_lev_push(&chase_lev, &item);
		}
		for (int k = 0; k < DEPTH; k++) {
			if (!chase_lev_pop(&chase_lev, &item))
				break;
			crew_bench_keep(&item);
		}
	}
}

static crew_time pair(uint64_t n, long kind)
{
	crew_time begin;

	if (!prepare(kind))
		return -1;
	begin = crew_bench_now();
	if (kind == CHASE_LEV)
		chase_lev_pairs(n);
	else
		split_pairs(n);
	return crew_bench_now() - begin;
}

static void *rob(void *kind)
{
	stolen = 0;
	ready = true;
	while (running)
		stolen += steal(*(const long *)kind);
	return NULL;
}

static crew_time robbed(uint64_t n, long kind)
{
	pthread_t thief;
	crew_time begin;

	if (!prepare(kind))
		return -1;
	ready = false;
	running = true;
	if (pthread_create(&thief, NULL, rob, &kind))
		return -1;
	while (!ready)
		;
	begin = crew_bench_now();
	if (kind == CHASE_LEV)
		chase_lev_pairs(n);
	else
		split_pairs(n);
	begin = crew_bench_now() - begin;
	running = false;
	pthread_join(thief, NULL);
	crew_bench_value("deque.share", "%", 100.0 * (double)stolen / (double)n);
	return begin;
}

static void *steal_all(void *kind)
{
	crew_time begin = crew_bench_now();
	uint64_t got = 0;

	while (got < STEAL_MANY)
		got += steal(*(const long *)kind);
	steal_took = crew_bench_now() - begin;
	return NULL;
}

static crew_time steals(uint64_t n, long kind)
{
	struct crew__slot slot = { 0 };
	struct chase_lev_item item = { { 0 } };
	pthread_t thief;

	(void)n;
	if (!prepare(kind))
		return -1;
	for (int i = 0; i < STEAL_MANY; i++) {
		if (kind == CHASE_LEV)
			chase_lev_push(&chase_lev, &item);
		else
			crew__deque_push(&split, &slot);
	}
	if (pthread_create(&thief, NULL, steal_all, &kind))
		return -1;
	pthread_join(thief, NULL);
	return steal_took;
}

/* clang-format off */
#define BENCHES(kind) { \
	{ .name = "deque.pair", .fn = pair, .param = kind }, \
	{ .name = "deque.robbed", .fn = robbed, .param = kind }, \
	{ .name = "deque.steal", .fn = steals, .param = kind, .divisor = STEAL_MANY, .n = 1 }, \
}
/* clang-format on */

int main(int argc, char **argv)
{
	static const struct crew_bench ours[] = BENCHES(SPLIT);
	static const struct crew_bench fenced[] = BENCHES(SPLIT_FENCES);
	static const struct crew_bench plain[] = BENCHES(CHASE_LEV);

	return crew_bench_main(argc, argv, "crew", ours, 3) |
	       crew_bench_main(argc, argv, "crew_fences", fenced, 3) |
	       crew_bench_main(argc, argv, "chase_lev", plain, 3);
}
