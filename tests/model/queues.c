/* SPDX-License-Identifier: MIT */
/*
 * model/queues.c - what threads hand each other things through: the lock (port/lock.h), the
 * ready ring, the inject queue, the pool of objects. Two or three plain threads drive the
 * real functions, all interleavings to a bound and many seeds. What is handed over carries
 * a plain word, written before and read after: so every order is needed.
 */
#include "exec/inject.h"
#include "exec/pool.h"
#include "exec/ring.h"
#include "base/list.h"
#include "sim/sim.h"

#include "support/test.h"

#include <string.h>

#define THREADS 3
#define THINGS	8

struct thing {
	struct crew__injected injected;
	uint64_t payload; /* plain */
	struct crew_word taken;
};

static struct {
	void (*fn[THREADS])(unsigned thread);
	struct thing things[THINGS];
	struct crew__lock lock;
	uint64_t guarded;
	struct crew__ring ring;
	struct crew__inject inject;
	struct crew__pool pool;
	struct crew__word32 asleep;
} q;

static void run_thread(void *opaque)
{
	unsigned thread = (unsigned)(uintptr_t)opaque;

	q.fn[thread](thread);
}

/* Runs all of q.fn. */
static void together(void)
{
	uint64_t handles[THREADS];

	memset(q.things, 0, sizeof(q.things));
	q.asleep.value = 0;
	for (uintptr_t i = 0; i < THREADS; i++)
		if (q.fn[i])
			crew__port_thread_start(&handles[i], run_thread, (void *)i, "model");
	for (unsigned i = 0; i < THREADS; i++)
		if (q.fn[i])
			crew__port_thread_join(handles[i]);
}

static void search(const char *name, void (*main)(void *), unsigned bound, uint64_t seeds)
{
	struct crew__sim_options options = { .name = name, .turn_max = 50 };
	struct crew__sim_result result = crew__sim_enumerate(&options, main, NULL, bound);

	cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", name, result.message);
	cr_assert(result.complete);
	options.spurious_one_in = 4;
	result = crew__sim_search_seeds(&options, main, NULL, seeds);
	cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", name, result.message);
}

static void fill(struct thing *thing)
{
	thing->payload = (uint64_t)(thing - q.things) + 100;
}

static void take(struct thing *thing)
{
	crew__sim_check(thing >= q.things && thing < q.things + THINGS, "what was taken is none");
	crew__sim_check(thing->payload == (uint64_t)(thing - q.things) + 100,
			"taken before it was there");
	crew__sim_check(crew__add_relaxed(&thing->taken, 1) == 0, "taken twice");
}

static void all_taken(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		crew__sim_check(q.things[i].taken.value == 1, "lost");
}

/* ---- the lock: one at a time, and nobody sleeps for ever -------------------------------- */

static void lock_twice(unsigned thread)
{
	(void)thread;
	for (int i = 0; i < 2; i++) {
		crew__lock_acquire(&q.lock);
		q.guarded++;
		crew__lock_release(&q.lock);
	}
}

static void try_lock(unsigned thread)
{
	(void)thread;
	if (crew__lock_try(&q.lock)) {
		q.guarded += 10;
		crew__lock_release(&q.lock);
	}
}

static void lock_main(void *opaque)
{
	uint64_t expected = 0;

	(void)opaque;
	q.lock = (struct crew__lock){ .word = { 0 } };
	q.guarded = 0;
	together();
	for (unsigned i = 0; i < THREADS; i++)
		expected += q.fn[i] == lock_twice ? 2 : 0;
	crew__sim_check(q.guarded % 10 == expected, "an update was lost");
	crew__sim_check(q.lock.word.value == 0, "left locked");
}

Test(queues, lock_two_threads)
{
	memset(q.fn, 0, sizeof(q.fn));
	q.fn[0] = q.fn[1] = lock_twice;
	search("lock_two", lock_main, 4, 20000);
}

Test(queues, lock_three_threads)
{
	memset(q.fn, 0, sizeof(q.fn));
	q.fn[0] = q.fn[1] = q.fn[2] = lock_twice;
	search("lock_three", lock_main, 2, 20000);
	q.fn[1] = try_lock;
	search("lock_try", lock_main, 2, 20000);
}

/* ---- the ring: one puts in, and takes; others take ------------------------------------- */

static void ring_owner(unsigned thread)
{
	struct thing *thing;

	(void)thread;
	for (unsigned i = 0; i < 4; i++) {
		fill(&q.things[i]);
		while (!crew__ring_push(&q.ring, (struct crew__fiber *)(void *)&q.things[i])) {
			thing = (struct thing *)(void *)crew__ring_pop(&q.ring);
			if (thing)
				take(thing);
		}
	}
	while ((thing = (struct thing *)(void *)crew__ring_pop(&q.ring)))
		take(thing);
}

static void ring_taker(unsigned thread)
{
	(void)thread;
	for (unsigned i = 0; i < 2; i++) {
		struct thing *thing = (struct thing *)(void *)crew__ring_pop(&q.ring);

		if (thing)
			take(thing);
	}
}

static void ring_main(void *opaque)
{
	(void)opaque;
	memset(&q.ring, 0, sizeof(q.ring));
	together();
	all_taken(4);
	crew__sim_check(crew__ring_count(&q.ring) == 0, "an empty ring counts something");
}

Test(queues, ring)
{
	memset(q.fn, 0, sizeof(q.fn));
	q.fn[0] = ring_owner;
	q.fn[1] = ring_taker;
	search("ring_two", ring_main, 4, 50000);
	q.fn[2] = ring_taker;
	search("ring_three", ring_main, 2, 50000);
}

/* ---- the inject queue: a gap is not empty ----------------------------------------------- */

/* Two things, one of each kind; wakes whoever has said that it sleeps. */
static void put_two(unsigned thread)
{
	for (unsigned i = 0; i < 2; i++) {
		struct thing *thing = &q.things[2 * thread + i];

		fill(thing);
		thing->injected.is_fiber = i == 1;
		crew__inject_put(&q.inject, &thing->injected);
		if (crew__load32_relaxed(&q.asleep)) {
			crew__store32_relaxed(&q.asleep, 0);
			crew__port_wake(&q.asleep, 1);
		}
	}
}

/* Takes until all have come. Sleeps when there is nothing: then nobody may have put
 * something in, and not have woken it. */
static void take_injected(unsigned thread)
{
	unsigned got = 0;

	(void)thread;
	while (got < 4) {
		struct crew__injected *what;

		if (crew__inject_empty(&q.inject)) {
			crew__store32_relaxed(&q.asleep, 1);
			crew__fence_seq_cst();
			if (crew__inject_empty(&q.inject))
				crew__port_wait(&q.asleep, 1, CREW_NEVER);
			continue;
		}
		if (!crew__lock_try(&q.inject.lock))
			continue;
		what = crew__inject_take(&q.inject, true);
		crew__lock_release(&q.inject.lock);
		if (what) {
			take(crew__container(what, struct thing, injected));
			got++;
		}
	}
}

static void inject_main(void *opaque)
{
	(void)opaque;
	crew__inject_init(&q.inject);
	together();
	all_taken(4);
	crew__sim_check(crew__inject_empty(&q.inject) && crew__inject_count(&q.inject) == 0,
			"something is left");
}

Test(queues, inject, .timeout = 120)
{
	memset(q.fn, 0, sizeof(q.fn));
	q.fn[0] = q.fn[1] = put_two;
	q.fn[2] = take_injected;
	search("inject", inject_main, 2, 50000);
}

/* ---- the pool: nothing is handed out twice, what others give comes back ------------------- */

static struct crew__pool_cache caches[THREADS];

static void take_and_give(unsigned thread)
{
	struct crew__pool_cache *cache = thread == 0 ? &caches[0] : NULL;
	uint64_t *objects[2];

	for (int round = 0; round < 2; round++) {
		for (uint64_t i = 0; i < 2; i++) {
			objects[i] = crew__pool_take(&q.pool, cache);
			crew__sim_check(objects[i] != NULL, "no memory");
			memset(objects[i], 0, 64);
			objects[i][2] = 10 * thread + i; /* plain: it is ours alone */
		}
		for (uint64_t i = 0; i < 2; i++) {
			crew__sim_check(objects[i][2] == 10 * thread + i,
					"an object was handed out twice");
			crew__pool_give(&q.pool, i == 0 ? cache : NULL, objects[i]);
		}
	}
}

static void pool_main(void *opaque)
{
	(void)opaque;
	memset(caches, 0, sizeof(caches));
	crew__pool_init(&q.pool, 64);
	together();
	crew__pool_fini(&q.pool);
}

Test(queues, pool, .timeout = 120)
{
	memset(q.fn, 0, sizeof(q.fn));
	q.fn[0] = q.fn[1] = take_and_give;
	search("pool_two", pool_main, 1, 10000);
	q.fn[2] = take_and_give;
	search("pool_three", pool_main, 1, 10000);
}
