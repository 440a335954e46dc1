/* SPDX-License-Identifier: MIT */
/* rules_memory.c - rules of the engine: memory, and what comes from outside (R10, R13). */
#include "api/rules.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

/* ---- R10 ------------------------------------------------------------------- */

static int some_of_everything(void *arg)
{
	struct crew_group group;
	int number = 7;

	for (int i = 0; i < 20; i++) {
		crew_group_open(&group, NULL);
		for (int j = 0; j < 50; j++) {
			crew_group_spawn(&group, inner_work, arg);
			crew_group_spawn_copy(&group, inner_work, &number, sizeof(number));
		}
		crew_group_spawn(&group, sleep_a_little, arg);
		crew_group_wait(&group);
		crew_check();
		crew_group_close(&group, 0);
	}
	return 0;
}

Test(rules, R10_spawning_and_waiting_use_no_malloc, .timeout = 60)
{
	struct crew *crew = start(2);
	bool same = false;

	for (int i = 0; i < 3; i++)
		cr_assert_eq(crew_run(crew, some_of_everything, NULL), 0);
	/* a spare thread of an earlier test may end meanwhile, and free what it had: in
	 * TINY builds they hardly wait. A malloc of ours would show every time. */
	for (int round = 0; round < 10 && !same; round++) {
		struct mallinfo2 before = mallinfo2();
		struct mallinfo2 after;

		for (int i = 0; i < 10; i++)
			cr_assert_eq(crew_run(crew, some_of_everything, NULL), 0);
		after = mallinfo2();
		same = before.uordblks == after.uordblks && before.arena == after.arena;
	}
	cr_assert(same, "each of ten times");
	stop(crew);
}

#if !defined(CREW__TSAN) && !defined(CREW__ASAN) /* they map as they like */
/* Pages of address space. */
static long map_size(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	long pages = -1;

	if (file) {
		if (fscanf(file, "%ld", &pages) != 1)
			pages = -1;
		fclose(file);
	}
	return pages;
}

Test(rules, R10_stop_gives_everything_back, .timeout = 60)
{
	long pages = 0;

	for (int i = 0; i < 20; i++) {
		struct crew *crew = start(3);

		cr_assert_eq(crew_run(crew, many_sleepers, NULL), 0);
		stop(crew);
		if (i == 4)
			pages = map_size();
	}
	cr_assert_leq(map_size(), pages + 512, "%ld pages, later %ld", pages, map_size());
}
#endif

/* ---- R13 ------------------------------------------------------------------- */

struct flood {
	struct crew *crew;
	struct crew_word *sum;
	int failures;
};

static int add_number(void *arg)
{
	struct {
		struct crew_word *sum;
		uint64_t number;
	} *copy = arg;

	crew__add_relaxed(copy->sum, copy->number);
	return 0;
}

static void *flood(void *arg)
{
	struct flood *flood = arg;
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.crew = flood->crew));
	for (uint64_t i = 1; i <= 5000; i++) {
		struct {
			struct crew_word *sum;
			uint64_t number;
		} copy = { flood->sum, i };

		flood->failures += crew_group_spawn_copy(&group, add_number, &copy, sizeof(copy)) !=
				   0;
	}
	flood->failures += crew_group_close(&group, 0) != 0;
	return NULL;
}

Test(rules, R13_what_eight_threads_inject_runs_once_each, .timeout = 60)
{
	struct crew *crew = start(2);
	struct crew_word sum = { 0 };
	struct flood floods[8];
	pthread_t threads[8];

	for (int i = 0; i < 8; i++) {
		floods[i] = (struct flood){ .crew = crew, .sum = &sum };
		cr_assert_eq(pthread_create(&threads[i], NULL, flood, &floods[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		cr_assert_eq(floods[i].failures, 0);
	}
	cr_assert_eq(crew__load_relaxed(&sum), 8 * (uint64_t)5000 * 5001 / 2);
	stop(crew);
}

static size_t slabs_of(const struct crew *crew)
{
	size_t count = 0;

	/* a slab begins with the pointer to the next */
	for (void **slab = (void **)crew->records[CREW__RECORD_COPY].slabs; slab; slab = *slab)
		count++;
	return count;
}

Test(rules, R13_records_that_others_free_come_back, .timeout = 60)
{
	struct crew *crew = start(2);
	struct crew_word sum = { 0 };
	struct flood me = { .crew = crew, .sum = &sum };
	size_t slabs;

	flood(&me);
	flood(&me);
	slabs = slabs_of(crew);
	for (int i = 0; i < 20; i++)
		flood(&me);
	cr_assert_leq(slabs_of(crew), 2 * slabs + 4, "%zu slabs, later %zu", slabs, slabs_of(crew));
	stop(crew);
}
