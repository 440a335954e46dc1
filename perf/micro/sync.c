/* SPDX-License-Identifier: MIT */
/*
 * sync.c - locks and semaphores: taken and given back by one task; and by a thousand of
 * them, a thousand times each, which hold what they took for 10 dependent
 * multiplications. All turns are counted. 2 workers: of a semaphore of 4 nobody waits
 * for long.
 */
#include "../inside.h"

#include <crew/lock.h>
#include <crew/semaphore.h>

enum {
	TASKS = 1000,
	UNITS = 4,
};

static struct crew_lock lock;
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
	(void)arg;
	for (uint64_t i = 0; i < turns; i++) {
		if (crew_lock_acquire(&lock))
			return 1;
		work();
		counted++;
		crew_lock_release(&lock);
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

static crew_time contended(uint64_t n, crew_task_fn *fn)
{
	struct crew_group group;
	crew_time begin = crew_bench_now();

	counted = 0;
	turns = n / TASKS + 1;
	crew_group_open(&group, NULL);
	for (int i = 0; i < TASKS; i++)
		crew_group_spawn(&group, fn, NULL);
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
	return contended(n, lock_task);
}

static crew_time semaphore_loop(uint64_t n)
{
	crew_semaphore_init(&semaphore, UNITS, UNITS);
	return contended(n, semaphore_task);
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

/* ---- all ------------------------------------------------------------------- */

static inside_fn *const loops[] = { lock_loop, semaphore_loop, lock_free_loop,
				    semaphore_free_loop };

static crew_time bench(uint64_t n, long which)
{
	return inside(2, loops[which], n);
}

static const struct crew_bench benches[] = {
	{ .name = "lock.free", .fn = bench, .param = 2 },
	{ .name = "lock.fifo", .fn = bench, .param = 0, .n = 1000000 },
	{ .name = "semaphore.free", .fn = bench, .param = 3 },
	{ .name = "semaphore.4", .fn = bench, .param = 1, .n = 1000000 },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
