/* SPDX-License-Identifier: MIT */
/*
 * startstop.c - crews come and go: COUNT times (10000, or as many as SECONDS allow), with
 * and without work, and with a task that waits for a task of a crew that stays. Threads,
 * memory and mappings are what they were.
 *
 *	SECONDS=8 SEED=n startstop [COUNT]
 */
#include "stress/stress.h"

#include "base/random.h"

#include <malloc.h>
#include <unistd.h>

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int some(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 20; i++)
		crew_group_spawn(&group, nothing, arg);
	return crew_group_close(&group, 0);
}

static int wait_for_the_other_crew(void *other)
{
	int rc = 0;

	for (int i = 0; i < 5 && rc == 0; i++)
		rc = crew_run(other, nothing, NULL);
	return rc;
}

static long pages(int field)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long values[2] = { 0 };

	if (file) {
		if (fscanf(file, "%ld %ld", &values[0], &values[1]) != 2)
			values[0] = values[1] = 0;
		fclose(file);
	}
	return values[field];
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 10000;
	crew_time begin = crew_now();
	crew_time end = begin + stress_length();
	struct crew *stays;
	uint64_t random;
	long sizes[2] = { 0, 0 };
	long i;

	mallopt(M_ARENA_MAX, 1); /* each takes 64 MB of address space, whenever it likes */
	stress_choose_seed();
	random = stress_seed;
	if (crew_start(&stays, CREW_OPTIONS(.workers = 2)))
		die("start", 0, 0);
	for (i = 0; i < count && (i < 200 || crew_now() < end); i++) {
		struct crew *crew;
		int rc = crew_start(&crew,
				    CREW_OPTIONS(.workers = 1 + crew__random_below(&random, 4)));

		if (rc)
			die("start", i, rc);
		switch (crew__random_below(&random, 4)) {
		case 0:
			break;
		case 1:
			rc = crew_run(crew, some, NULL);
			break;
		default:
			rc = crew_run(crew, wait_for_the_other_crew, stays);
		}
		if (rc)
			die("run", i, rc);
		rc = crew_stop(crew);
		if (rc)
			die("stop", i, rc);
		if (i == 100)
			for (int field = 0; field < 2; field++)
				sizes[field] = pages(field);
	}
	crew_stop(stays);
	printf("%ld times, %lld us each; %ld pages mapped, %ld in memory, before %ld, %ld\n", i,
	       (long long)((crew_now() - begin) / 1000 / i), pages(0), pages(1), sizes[0],
	       sizes[1]);
#ifndef __SANITIZE_ADDRESS__
#ifndef __SANITIZE_THREAD__
	/* glibc keeps stacks of threads that have ended: 40 MB of address space */
	if (pages(0) > sizes[0] + 16384 || pages(1) > sizes[1] + sizes[1] / 10 + 256)
		die("it grows", pages(0), pages(1));
#endif
#endif
	return 0;
}
