/* SPDX-License-Identifier: MIT */
/*
 * sync.c - locks and semaphores: taken and given back by one task; and by a thousand of
 * them, a thousand times each, which hold what they took for 10 dependent
 * multiplications. All turns are counted. 2 workers: of a semaphore of 4 nobody waits
 * for long. Locks of both kinds: handed over in turn, and barging.
 *
 * An event that 100,000 tasks wait for: from the set until all of them have ended. A turn that
 * two tasks pass to each other by a condition; a round of a barrier of 8 tasks.
 */
#include "../inside.h"

#include <crew/barrier.h>
#include <crew/condition.h>
#include <crew/event.h>
#include <crew/latch.h>
#include <crew/lock.h>
#include <crew/semaphore.h>

enum {
	TASKS = 1000,
	UNITS = 4,
	WAITERS = 100000,
	PARTIES = 8,
};

static struct crew_lock lock;
static struct crew_lock barging = CREW_LOCK_BARGING_INIT;
static struct crew_semaphore semaphore;
static uint64_t counted, turns;

static void work(void)
{
	uint64_t value = 1;

	for (int i = 0; i < 10; i++) {
		value = value * 6364136223846793005 + 1;
		crew_bench_keep(&value);
	}
}

static int lock_task(void *arg)
{
	struct crew_lock *of = arg;

	for (uint64_t i = 0; i < turns; i++) {
		if (crew_lock_acquire(of))
			return 1;
		work();
		counted++;
		crew_lock_release(of);
	}
	return 0;
}

static int semaphore_task(void *arg)
{
	(void)arg;
	for (uint64_t i = 0; i < turns; i++) {
		if (crew_semaphore_acquire(&semaphore, 1))
			return 1;
		work();
		__atomic_fetch_add(&counted, 1, __ATOMIC_RELAXED);
		crew_semaphore_release(&semaphore, 1);
	}
	return 0;
}

/* ---- contended: n turns in all --------------------------------------------- */

static crew_time contended(uint64_t n, crew_task_fn *fn, void *arg)
{
	struct crew_group group;
	crew_time begin = crew_bench_now();

	counted = 0;
	turns = n / TASKS + 1;
	crew_group_open(&group, NULL);
	for (int i = 0; i < TASKS; i++)
		crew_group_spawn(&group, fn, arg);
	if (crew_group_close(&group, 0))
		return -1;
	if (counted != turns * TASKS) {
		fprintf(stderr, "%llu turns are missing\n",
			(unsigned long long)(turns * TASKS - counted));
		return -1;
	}
	/* for n of them */
	return (crew_time)((double)(crew_bench_now() - begin) * (double)n / (double)counted);
}

static crew_time lock_loop(uint64_t n)
{
	return contended(n, lock_task, &lock);
}

static crew_time barging_loop(uint64_t n)
{
	return contended(n, lock_task, &barging);
}

static crew_time semaphore_loop(uint64_t n)
{
	crew_semaphore_init(&semaphore, UNITS, UNITS);
	return contended(n, semaphore_task, NULL);
}

/* ---- free ------------------------------------------------------------------ */

static crew_time lock_free_loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++)
		if (crew_lock_acquire(&lock) || crew_lock_release(&lock))
			return -1;
	return crew_bench_now() - begin;
}

static crew_time semaphore_free_loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	crew_semaphore_init(&semaphore, UNITS, UNITS);
	for (uint64_t i = 0; i < n; i++)
		if (crew_semaphore_acquire(&semaphore, 1) || crew_semaphore_release(&semaphore, 1))
			return -1;
	return crew_bench_now() - begin;
}

/* ---- a hundred thousand wait for one event ----------------------------------- */

static struct crew_event event;
static struct crew_latch came;

static int wait_task(void *arg)
{
	(void)arg;
	crew_latch_count_down(&came, 1);
	return crew_event_wait(&event);
}

/* For n of them. */
static crew_time event_loop(uint64_t n)
{
	uint64_t rounds = n / WAITERS + 1;
	crew_time took = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		struct crew_event_stats stats = { .size = sizeof(stats) };
		struct crew_group group;
		crew_time begin;

		event = (struct crew_event)CREW_EVENT_INIT;
		crew_latch_init(&came, WAITERS);
		crew_group_open(&group, NULL);
		for (int k = 0; k < WAITERS; k++)
			crew_group_spawn(&group, wait_task, NULL);
		crew_latch_wait(&came);
		do { /* counted is not yet waiting; and counting keeps the others out */
			crew_sleep(CREW_MS(1));
			crew_event_read_stats(&event, &stats);
		} while (stats.waiting < WAITERS);
		begin = crew_bench_now();
		crew_event_set(&event);
		if (crew_group_close(&group, 0))
			return -1;
		took += crew_bench_now() - begin;
	}
	return (crew_time)((double)took * (double)n / (double)(rounds * WAITERS));
}

/* ---- a turn that is passed by a condition ------------------------------------- */

static struct crew_condition passed = CREW_CONDITION_INIT(&lock);
static uint64_t turn;

static int pass_task(void *arg)
{
	uint64_t mine = (uint64_t)(uintptr_t)arg;
	int rc = crew_lock_acquire(&lock);

	if (rc)
		return rc;
	for (uint64_t i = 0; rc == 0 && i < turns; i++) {
		while (rc == 0 && turn % 2 != mine)
			rc = crew_condition_wait(&passed);
		turn++;
		crew_condition_notify(&passed, 1);
	}
	crew_lock_release(&lock);
	return rc;
}

static crew_time condition_loop(uint64_t n)
{
	struct crew_group group;
	crew_time begin = crew_bench_now();

	turn = 0;
	turns = (n + 1) / 2;
	crew_group_open(&group, NULL);
	for (uint64_t i = 0; i < 2; i++)
		crew_group_spawn(&group, pass_task, (void *)(uintptr_t)i);
	if (crew_group_close(&group, 0) || turn != 2 * turns)
		return -1;
	return crew_bench_now() - begin;
}

/* ---- rounds of a barrier -------------------------------------------------------- */

static struct crew_barrier barrier;

static int barrier_task(void *arg)
{
	int rc = 0;

	(void)arg;
	for (uint64_t i = 0; rc == 0 && i < turns; i++)
		rc = crew_barrier_wait(&barrier, NULL);
	return rc;
}

static crew_time barrier_loop(uint64_t n)
{
	struct crew_group group;
	crew_time begin = crew_bench_now();

	turns = n;
	crew_barrier_init(&barrier, PARTIES);
	crew_group_open(&group, NULL);
	for (int i = 0; i < PARTIES; i++)
		crew_group_spawn(&group, barrier_task, NULL);
	return crew_group_close(&group, 0) ? -1 : crew_bench_now() - begin;
}

/* ---- all ------------------------------------------------------------------- */

static inside_fn *const loops[] = { lock_loop,	semaphore_loop, lock_free_loop, semaphore_free_loop,
				    event_loop, condition_loop, barrier_loop,	barging_loop };

static crew_time bench(uint64_t n, long which)
{
	return inside(2, loops[which], n);
}

static const struct crew_bench benches[] = {
	{ .name = "lock.free", .fn = bench, .param = 2 },
	{ .name = "lock.fifo", .fn = bench, .param = 0, .n = 1000000 },
	{ .name = "lock.barging", .fn = bench, .param = 7, .n = 1000000 },
	{ .name = "semaphore.free", .fn = bench, .param = 3 },
	{ .name = "semaphore.4", .fn = bench, .param = 1, .n = 1000000 },
	{ .name = "event.wake", .fn = bench, .param = 4, .n = WAITERS },
	{ .name = "condition.pass", .fn = bench, .param = 5, .n = 200000 },
	{ .name = "barrier.8", .fn = bench, .param = 6, .n = 20000 },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
