/* SPDX-License-Identifier: MIT */
/*
 * visitors.c - tasks of crews that come and go wait for tasks of a crew that stays, whose
 * workers are held up for a moment at any instruction: whoever wakes a task of
 * another crew must not touch that crew afterwards, for it may have been stopped.
 *
 *	SECONDS=8 SEED=n visitors [COUNT]
 */
#include "stress/stress.h"

#include "base/atomic.h"
#include "base/random.h"
#include "exec/exec.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

static struct crew *stays;
static struct crew_word enough;

/* SIGPROF is the signal that workers take (port.h) */
static void hold_up(int signal)
{
	(void)signal;
	poll(NULL, 0, 1);
}

static void *hold_them_up(void *arg)
{
	uint64_t random = *(uint64_t *)arg;

	while (!crew__load_relaxed(&enough)) {
		unsigned which = crew__random_below(&random, stays->worker_count);

		pthread_kill((pthread_t)stays->workers[which].thread, SIGPROF);
		for (unsigned i = 1000 + crew__random_below(&random, 6000); i; i--)
			crew__spin_hint();
	}
	return NULL;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int visit(void *arg)
{
	return crew_run(stays, nothing, arg);
}

int main(int argc, char **argv)
{
	long count = argc > 1 ? atol(argv[1]) : 20000;
	crew_time end = crew_now() + stress_length();
	struct sigaction action = { .sa_handler = hold_up, .sa_flags = SA_RESTART };
	pthread_t thread;
	long i;

	stress_choose_seed();
	sigaction(SIGPROF, &action, NULL);
	if (crew_start(&stays, CREW_OPTIONS(.workers = 2)) ||
	    pthread_create(&thread, NULL, hold_them_up, &stress_seed))
		return 1;
	for (i = 0; i < count && crew_now() < end; i++) {
		struct crew *crew;

		if (crew_start(&crew, CREW_OPTIONS(.workers = 1)) || crew_run(crew, visit, NULL) ||
		    crew_stop(crew))
			die("a call failed in round", i, 0);
	}
	crew__store_relaxed(&enough, 1);
	pthread_join(thread, NULL);
	crew_stop(stays);
	printf("%ld visits\n", i);
	return 0;
}
