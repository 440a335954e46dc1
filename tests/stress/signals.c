/* SPDX-License-Identifier: MIT */
/*
 * signals.c - a storm of profiling signals, 4000 for each second of processor time, while
 * tasks spawn, join, sleep, yield, and call what blocks. The handler does what a profiler
 * does: it walks the stack of whatever it interrupted, a switch included, and it spoils
 * errno as far as handlers may: it puts it back. Everything that was spawned ran once, no
 * call failed, no walk went on for ever.
 *
 *	SECONDS=8 signals
 */
#include "stress/stress.h"
#include "support/sampler.h"

#include "base/atomic.h"

static struct crew_word spawned;
static struct crew_word ran;

static int in_a_call(void *arg)
{
	(void)arg;
	return 5;
}

static int leaf(void *arg)
{
	uintptr_t number = (uintptr_t)arg;
	int rc = 0;

	crew__add_relaxed(&ran, 1);
	switch (number % 8) {
	case 0:
		rc = crew_sleep(CREW_US(number % 50));
		break;
	case 1:
		crew_yield();
		break;
	case 2:
		rc = crew_blocking(in_a_call, NULL) != 5;
		break;
	case 3:
		for (int i = 0; i < 500; i++)
			crew__spin_hint();
		break;
	default:
		rc = crew_check();
	}
	return rc;
}

static int branch(void *arg)
{
	struct crew_group group;
	int rc = 0;

	crew_group_open(&group, NULL);
	for (uintptr_t i = 0; i < 32 && rc == 0; i++) {
		crew__add_relaxed(&spawned, 1);
		rc = crew_group_spawn(&group, leaf, (void *)((uintptr_t)arg + i));
	}
	if (rc == 0)
		rc = crew_group_wait(&group);
	return crew_group_close(&group, rc);
}

static int tree(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (uintptr_t i = 0; i < 16; i++)
		crew_group_spawn(&group, branch, (void *)((uintptr_t)arg + i));
	return crew_group_close(&group, 0);
}

int main(void)
{
	crew_time end = crew_now() + stress_length();

	puts("signals: SEED=0 (nothing is random)");
	start_sampling(250);
	for (uintptr_t round = 0; round < 20 || crew_now() < end; round++) {
		struct crew *crew;
		int rc = crew_start(&crew, CREW_OPTIONS(.workers = 1 + round % 4));

		if (rc)
			die("start", rc, 0);
		for (int i = 0; i < 20 && rc == 0; i++)
			rc = crew_run(crew, tree, (void *)round);
		if (rc)
			die("run", rc, (int64_t)round);
		rc = crew_stop(crew);
		if (rc)
			die("stop", rc, 0);
	}
	stop_sampling();
	if (crew__load_acquire(&ran) != crew__load_acquire(&spawned))
		die("ran, spawned", (int64_t)crew__load_acquire(&ran),
		    (int64_t)crew__load_acquire(&spawned));
	if (crew__load_relaxed(&endless))
		die("walks without an end", (int64_t)crew__load_relaxed(&endless), 0);
	printf("%llu tasks, %llu samples\n", (unsigned long long)crew__load_relaxed(&ran),
	       (unsigned long long)crew__load_relaxed(&samples));
	/* the kernel may tick only 100 times a second */
	if (crew__load_relaxed(&samples) < 10)
		die("hardly a signal came", (int64_t)crew__load_relaxed(&samples), 0);
	return 0;
}
