/* SPDX-License-Identifier: MIT */
/*
 * pthread.c - threads of the system: a mutex and a semaphore taken and given back with nobody
 * else there; a turn that two threads pass to each other by a condition; a round of a barrier
 * of 8 threads.
 */
#include "../common.h"

#include <pthread.h>
#include <semaphore.h>

#define PARTIES 8

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t passed = PTHREAD_COND_INITIALIZER;
static pthread_barrier_t barrier;
static uint64_t turn, turns;

/* With another thread there glibc's mutex takes no short cut. */
static void *nothing(void *arg)
{
	return arg;
}

static crew_time threads(void *(*fn)(void *), uintptr_t count)
{
	pthread_t thread[PARTIES];
	crew_time begin = crew_bench_now();

	for (uintptr_t i = 0; i < count; i++)
		if (pthread_create(&thread[i], NULL, fn, (void *)i)) {
			fprintf(stderr, "pthread: a thread was refused\n");
			exit(1); /* the others would wait for it */
		}
	for (uintptr_t i = 0; i < count; i++)
		pthread_join(thread[i], NULL);
	return crew_bench_now() - begin;
}

static crew_time lock_free(uint64_t n, long param)
{
	crew_time begin;

	(void)param;
	threads(nothing, 1);
	begin = crew_bench_now();
	for (uint64_t i = 0; i < n; i++)
		if (pthread_mutex_lock(&mutex) || pthread_mutex_unlock(&mutex))
			return -1;
	return crew_bench_now() - begin;
}

static crew_time semaphore_free(uint64_t n, long param)
{
	crew_time begin;
	sem_t units;

	(void)param;
	threads(nothing, 1);
	sem_init(&units, 0, 4);
	begin = crew_bench_now();
	for (uint64_t i = 0; i < n; i++)
		if (sem_wait(&units) || sem_post(&units))
			return -1;
	return crew_bench_now() - begin;
}

static void *pass(void *mine)
{
	pthread_mutex_lock(&mutex);
	for (uint64_t i = 0; i < turns; i++) {
		while (turn % 2 != (uintptr_t)mine)
			pthread_cond_wait(&passed, &mutex);
		turn++;
		pthread_cond_signal(&passed);
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static crew_time condition(uint64_t n, long param)
{
	turn = 0;
	turns = (n + 1) / 2;
	return threads(pass, (uintptr_t)param);
}

static void *come(void *arg)
{
	for (uint64_t i = 0; i < turns; i++)
		pthread_barrier_wait(&barrier);
	return arg;
}

static crew_time rounds(uint64_t n, long param)
{
	crew_time took;

	turns = n;
	pthread_barrier_init(&barrier, NULL, (unsigned)param);
	took = threads(come, (uintptr_t)param);
	pthread_barrier_destroy(&barrier);
	return took;
}

static const struct crew_bench benches[] = {
	{ .name = "lock.free", .fn = lock_free },
	{ .name = "semaphore.free", .fn = semaphore_free },
	{ .name = "condition.pass", .fn = condition, .param = 2, .n = 20000 },
	{ .name = "barrier.8", .fn = rounds, .param = PARTIES, .n = 2000 },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "pthread", benches, sizeof(benches) / sizeof(*benches));
}
