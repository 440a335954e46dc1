/* SPDX-License-Identifier: MIT */
/*
 * sync.c - random operations on all that can be waited for (support/ops.h), on real threads:
 * 64 tasks and 4 plain threads at a time.
 *
 *	SECONDS=8 SEED=n [OPERATIONS=n] sync
 *
 * With OPERATIONS it goes on until so many are done, however long that takes.
 */
#include "stress/stress.h"

#define OPS_CHECK(condition, message) ((condition) ? (void)0 : die(message, __LINE__, 0))
#include "support/ops_run.h"

#include <pthread.h>

#define TASKS	64
#define THREADS 4

static void *thread_main(void *arg)
{
	ops_act((unsigned)(uintptr_t)arg);
	return NULL;
}

static uint64_t run(struct crew *crew)
{
	struct ops_round round = {
		.seed = stress_seed, .tasks = TASKS, .threads = THREADS, .steps = 30
	};
	pthread_t threads[THREADS];

	ops_begin(crew, &round);
	for (unsigned i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, thread_main, (void *)(uintptr_t)(TASKS + i)))
			die("a thread was refused", 0, 0);
	if (crew_run(crew, ops_tasks_main, NULL))
		die("the actors", 0, 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ops_end();
	return crew__load_relaxed(&ops.done);
}

int main(void)
{
	const char *text = getenv("OPERATIONS");
	uint64_t least = text ? strtoull(text, NULL, 10) : 0;
	uint64_t done = 0, rounds = 0;
	crew_time end;

	stress_choose_seed();
	end = crew_now() + (text ? 0 : stress_length());
	while (crew_now() < end || done < least) {
		struct crew *crew;

		if (crew_start(&crew, CREW_OPTIONS(.workers = 1 + stress_seed % 4)))
			die("start", 0, 0);
		for (int i = 0; i < 20; i++, rounds++, stress_seed++)
			done += run(crew);
		if (crew_stop(crew))
			die("stop", 0, 0);
	}
	printf("%llu operations in %llu rounds\n", (unsigned long long)done,
	       (unsigned long long)rounds);
	return 0;
}
