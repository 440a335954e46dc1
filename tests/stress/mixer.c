/* SPDX-License-Identifier: MIT */
/*
 * mixer.c - random programs over all calls (support/mixer.h), on crews of 1 to 64 workers.
 *
 *	SECONDS=8 SEED=n mixer [COUNT [TIMES]]
 *
 * COUNT programs (as many as the time allows), with the seeds n, n + 1, ..., each TIMES
 * times (3). Those that differ between two runs of one program are the schedule's. A run
 * that takes longer than a minute hangs: the crews are dumped, and the process ends.
 */
#include "stress/stress.h"
#include "support/mixer_run.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>

#ifndef HANG_SECONDS
#define HANG_SECONDS 60
#endif

static struct mix_program program;
static const char *me;
static struct crew_word runs;

static void say_again(void)
{
	dprintf(2, "again: SEED=%llu SECONDS=600 %s 1 100000\n", (unsigned long long)program.seed,
		me);
}

/* A crash, an abort: says which program it was, and lets it happen. */
static struct sigaction before[2];

static void crashed(int signal)
{
	say_again();
	sigaction(signal, &before[signal == SIGABRT], NULL);
}

uint64_t mix_thread(void)
{
	return (uint64_t)pthread_self();
}

void mix_fail(const struct mix_program *p, const char *what, int node, int rc)
{
	mix_print(p, stderr);
	fprintf(stderr, "mixer: SEED=%llu: node %d: %s (%d)\n", (unsigned long long)p->seed, node,
		what, rc);
	abort();
}

static void *watch(void *arg)
{
	uint64_t last = 0;

	(void)arg;
	for (int still = 0; still < HANG_SECONDS; still++) {
		uint64_t now = crew__load_relaxed(&runs);

		if (now != last)
			still = 0;
		last = now;
		poll(NULL, 0, 1000);
	}
	mix_print(&program, stderr);
	for (int i = 0; i < 2; i++)
		if (program.crew[i])
			crew_dump(program.crew[i], stderr);
	fprintf(stderr, "mixer: SEED=%llu: it hangs\n", (unsigned long long)program.seed);
	abort();
}

int main(int argc, char **argv)
{
	static const unsigned workers[] = { 2, 3, 2, 4, 1, 8, 2, 3, 2, 16, 2, 4, 2, 3, 1, 64 };
	uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : UINT64_MAX;
	int times = argc > 2 ? atoi(argv[2]) : 3;
	crew_time end = crew_now() + stress_length();
	uint64_t tasks = 0, made = 0;
	struct sigaction action = { .sa_handler = crashed };
	pthread_t watcher;

	me = argv[0];
	sigaction(SIGSEGV, &action, &before[0]);
	sigaction(SIGABRT, &action, &before[1]);
	stress_choose_seed();
	if (pthread_create(&watcher, NULL, watch, NULL))
		return 1;
	for (; made < count && crew_now() < end; made++, stress_seed++) {
		mix_make(&program, stress_seed, workers[stress_seed % 16], MIX_NODES);
		mix_expect_all(&program);
		for (int i = 0; i < times && crew_now() < end; i++) {
			mix_run(&program);
			for (int n = 0; n < program.count; n++)
				tasks += program.nodes[n].begun.value;
			crew__add_relaxed(&runs, 1);
		}
	}
	printf("%llu programs, %llu runs, %llu nodes ran\n", (unsigned long long)made,
	       (unsigned long long)runs.value, (unsigned long long)tasks);
	return 0;
}
