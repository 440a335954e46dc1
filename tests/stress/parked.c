/* SPDX-License-Identifier: MIT */
/*
 * parked.c - COUNT tasks (100000) wait at once, and go on; then again. Afterwards the
 * stacks go back while the crew idles, and all memory when it stops. A count that the
 * machine cannot hold is reduced, and the line says so.
 *
 *	SECONDS=8 parked [COUNT]
 */
#include "stress/stress.h"

#include "base/atomic.h"
#include "base/config.h"

#include <unistd.h>

static struct crew_word arrived;
static struct crew_word gone;
static struct crew_word checksum;

static struct crew_word wake_at;
static struct crew_word parks;

static int park(void *arg)
{
	int rc;

	crew__add_relaxed(&arrived, 1);
	rc = crew_sleep_until((crew_time)crew__load_relaxed(&wake_at));
	crew__add_relaxed(&gone, 1);
	crew__add_relaxed(&checksum, (uint64_t)(uintptr_t)arg);
	return rc;
}

static int park_all(void *arg)
{
	uint64_t count = *(uint64_t *)arg;
	struct crew_stats stats = { .size = sizeof(stats) };
	struct crew_group group;
	int rc;

	crew_group_open(&group, NULL);
	for (uint64_t i = 0; i < count; i++)
		if ((rc = crew_group_spawn(&group, park, (void *)(uintptr_t)i)))
			return rc;
	rc = crew_group_close(&group, 0);
	crew_read_stats(NULL, &stats);
	crew__store_relaxed(&parks, stats.parks);
	return rc;
}

static long resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long values[2] = { 0 };

	if (file) {
		if (fscanf(file, "%ld %ld", &values[0], &values[1]) != 2)
			values[1] = 0;
		fclose(file);
	}
	return values[1] * (sysconf(_SC_PAGESIZE) / 1024);
}

static uint64_t what_fits(uint64_t count)
{
	uint64_t fits =
		(uint64_t)sysconf(_SC_AVPHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE) / 10000 / 2;

#ifdef __SANITIZE_THREAD__
	fits = fits < 4000 ? fits : 4000;
#elif defined(__SANITIZE_ADDRESS__)
	fits = fits < 2000 ? fits : 2000;
#endif
	/* the owner of them all, and two workers, need stacks as well */
	if (fits > CREW__SLABS_MAX * CREW__SLAB_FIBERS - 8)
		fits = CREW__SLABS_MAX * CREW__SLAB_FIBERS - 8;
	if (fits < count) {
		printf("(%llu tasks instead of %llu: more do not fit)\n", (unsigned long long)fits,
		       (unsigned long long)count);
		return fits;
	}
	return count;
}

int main(int argc, char **argv)
{
	uint64_t count = what_fits(argc > 1 ? strtoull(argv[1], NULL, 10) : 100000);
	struct crew *crew;
	long before;
	long most = 0;
	long trimmed = 0;
	crew_time patience = CREW_US(10);

	puts("parked: SEED=0 (nothing is random)");
	/* what the process needs anyway */
	if (crew_start(&crew, CREW_OPTIONS(.workers = 2, .stack_bytes = 64 * 1024)))
		die("start", 0, 0);
	crew_stop(crew);
	before = resident();
	if (crew_start(&crew, CREW_OPTIONS(.workers = 2, .stack_bytes = 64 * 1024)))
		die("start", 0, 0);
	for (int round = 0; round < 2; round++) {
		crew_time began = crew_now();
		uint64_t parks_before = crew__load_relaxed(&parks);
		int rc;

		crew__store_relaxed(&gone, 0);
		crew__store_relaxed(&arrived, 0);
		crew__store_relaxed(&checksum, 0);
		/* so late that all are parked by then; else again, later */
		crew__store_relaxed(&wake_at,
				    (uint64_t)(began + CREW_MS(500) + patience * (crew_time)count));
		rc = crew_run(crew, park_all, &count);
		if (rc)
			die("run", rc, 0);
		if (crew__load_acquire(&gone) != count ||
		    crew__load_acquire(&checksum) != count * (count - 1) / 2)
			die("gone", (int64_t)crew__load_acquire(&gone), (int64_t)count);
		if (crew__load_relaxed(&parks) - parks_before < count) {
			patience *= 4;
			round--;
			continue;
		}
		most = resident();
		printf("%llu parked and woken: %lld ms after the moment\n",
		       (unsigned long long)count,
		       (long long)((crew_now() - (crew_time)crew__load_relaxed(&wake_at)) /
				   1000000));
	}
	/* idle workers give the stacks back */
	for (int i = 0; i < 500; i++) {
		crew_sleep(CREW_MS(10));
		trimmed = resident();
		if (trimmed < before + (most - before) / 4)
			break;
	}
	crew_stop(crew);
	printf("resident: %ld KiB, %ld with all of them, %ld trimmed, %ld after the stop\n", before,
	       most, trimmed, resident());
#if !defined(__SANITIZE_THREAD__) && !defined(__SANITIZE_ADDRESS__)
	if (count >= 10000 && trimmed > before + (most - before) / 4)
		die("the stacks were not given back", trimmed, most);
	if (resident() > before + before / 10 + 256)
		die("resident memory after the stop", resident(), before);
#endif
	return 0;
}
