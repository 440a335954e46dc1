/* SPDX-License-Identifier: MIT */
/*
 * rules.c - the rules of the engine, R1 to R16, each with a test that names it.
 * What they say is in tests/RULES.md. R12 (nothing bypasses port/) is checked by
 * tools/check-floors, the rest of R15 is in fork.c, R11's failing calls in failures.c.
 */
#include "support/test.h"

#include "crew/crew.h"
#include "exec/exec.h"

#include <dirent.h>
#include <errno.h>
#include <fenv.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static struct crew *start(unsigned workers)
{
	struct crew *crew = NULL;
	int rc = crew_start(&crew, CREW_OPTIONS(.workers = workers));

	cr_assert_eq(rc, 0, "crew_start: %s", crew_strerror(rc));
	return crew;
}

static void stop(struct crew *crew)
{
	cr_assert_eq(crew_stop(crew), 0);
}

/* On a plain thread: until the word is at least `value`, for at most 20 s. */
static bool wait_for(struct crew_word *word, uint64_t value)
{
	for (int i = 0; i < 200000 && crew__load_acquire(word) < value; i++)
		crew_sleep(CREW_US(100));
	return crew__load_acquire(word) >= value;
}

/* Computes, in a task: the same without ever waiting. */
static bool spin_for(struct crew_word *word, uint64_t value)
{
	crew_time end = crew_now() + CREW_S(20);

	while (crew__load_acquire(word) < value)
		if (crew_now() > end)
			return false;
	return true;
}

static int add_one(void *arg)
{
	crew__add_relaxed(arg, 1);
	return 0;
}

/* ---- R1 -------------------------------------------------------------------- */

static int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	int count = 0;

	while (dir && (entry = readdir(dir)))
		count += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return count;
}

static int sleep_a_little(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_US(300));
}

static int many_sleepers(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 500; i++)
		crew_group_spawn(&group, sleep_a_little, arg);
	return crew_group_close(&group, 0);
}

Test(rules, R1_the_number_of_threads_is_fixed, .timeout = 30)
{
	struct crew *crew;
	int before;
	int idle;

	stop(start(1)); /* a sanitizer starts its own thread with the first */
	for (int i = 0; i < 1000 && count_threads() > 2; i++)
		crew_sleep(CREW_MS(1));
	before = count_threads();
	crew = start(3);
	idle = count_threads();

	cr_assert_eq(crew_worker_count(crew), 3);
	cr_assert_eq(idle, before + 3 + 1, "workers and one timer: %d, %d", before, idle);
	cr_assert_eq(crew_run(crew, many_sleepers, NULL), 0);
	cr_assert_eq(count_threads(), idle);
	stop(crew);
	for (int i = 0; i < 1000 && count_threads() > before; i++)
		crew_sleep(CREW_MS(1));
	cr_assert_eq(count_threads(), before);
}

/* ---- R2 -------------------------------------------------------------------- */

static struct crew_word enough;

#ifndef CREW_TINY /* there most tasks go through the inject queue, first in first out */
static struct crew_word leaves;
static struct crew_word worst_gap;

/* A tree without an end: whoever runs in it is inside of joins. */
static int endless(void *arg)
{
	int depth = *(int *)arg;
	int below = depth - 1;
	struct crew_group group;

	if (crew__load_relaxed(&enough))
		return 0;
	if (depth == 0) {
		crew__add_relaxed(&leaves, 1);
		return 0;
	}
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, endless, &below);
	crew_group_spawn(&group, endless, &below);
	return crew_group_close(&group, 0);
}

static int yield_often(void *arg)
{
	(void)arg;
	for (int i = 0; i < 300; i++) {
		uint64_t then = crew__load_relaxed(&leaves);
		uint64_t gap;

		crew_yield();
		gap = crew__load_relaxed(&leaves) - then;
		if (gap > crew__load_relaxed(&worst_gap))
			crew__store_relaxed(&worst_gap, gap);
	}
	for (int i = 0; i < 30; i++)
		crew_sleep(CREW_US(100));
	crew__store_relaxed(&enough, 1);
	return 0;
}

static int trees_and_a_pulse(void *arg)
{
	struct crew_group group;
	int depth = 60;

	crew_group_open(&group, NULL);
	for (int i = 0; i < *(int *)arg; i++)
		crew_group_spawn(&group, endless, &depth);
	crew_group_spawn(&group, yield_often, NULL);
	return crew_group_close(&group, 0);
}

Test(rules, R2_a_ready_fiber_runs_while_all_workers_are_deep_in_joins, .timeout = 60)
{
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct crew *crew = start(workers);
		int trees = 4;

		crew__store_relaxed(&leaves, 0);
		crew__store_relaxed(&enough, 0);
		crew__store_relaxed(&worst_gap, 0);
		cr_assert_eq(crew_run(crew, trees_and_a_pulse, &trees), 0);
		if (workers == 1)
			cr_assert_lt(crew__load_relaxed(&worst_gap), 5000, "gap %llu",
				     (unsigned long long)crew__load_relaxed(&worst_gap));
		stop(crew);
	}
}

#endif

static struct crew_word pulses;

static int yield_until_enough(void *arg)
{
	crew_time end = crew_now() + CREW_S(10);

	(void)arg;
	while (!crew__load_relaxed(&enough) && crew_now() < end)
		crew_yield();
	return crew__load_relaxed(&enough) ? 0 : 1;
}

static int pulse_until_enough(void *arg)
{
	(void)arg;
	for (int i = 0; i < 100; i++) {
		crew_yield();
		crew__add_relaxed(&pulses, 1);
	}
	crew__store_relaxed(&enough, 1);
	return 0;
}

static int pinned_and_others(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.policy = CREW_COLLECT));
	for (int i = 0; i < 3; i++)
		crew_group_spawn_task(&group, yield_until_enough, NULL,
				      CREW_TASK(.flags = CREW_TASK_PINNED), NULL);
	crew_group_spawn(&group, pulse_until_enough, NULL);
	return crew_group_close(&group, 0);
}

Test(rules, R2_pinned_fibers_do_not_starve_the_others, .timeout = 30)
{
	struct crew *crew = start(1);

	crew__store_relaxed(&enough, 0);
	crew__store_relaxed(&pulses, 0);
	cr_assert_eq(crew_run(crew, pinned_and_others, NULL), 0, "only %llu turns in 10 s",
		     (unsigned long long)crew__load_relaxed(&pulses));
	stop(crew);
}

static int yielder_count;

static int yielders(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.policy = CREW_COLLECT));
	for (int i = 0; i < yielder_count; i++)
		crew_group_spawn(&group, yield_until_enough, arg);
	return crew_group_close(&group, 0);
}

static int say_enough(void *arg)
{
	(void)arg;
	crew__store_relaxed(&enough, 1);
	return 0;
}

static void *run_yielders(void *crew)
{
	return (void *)(intptr_t)crew_run(crew, yielders, NULL);
}

static void inject_beside_yielders(int count)
{
	struct crew *crew = start(1);
	pthread_t thread;
	void *rc;

	yielder_count = count;
	crew__store_relaxed(&enough, 0);
	cr_assert_eq(pthread_create(&thread, NULL, run_yielders, crew), 0);
	crew_sleep(CREW_MS(20));
	cr_assert_eq(crew_run(crew, say_enough, NULL), 0);
	pthread_join(thread, &rc);
	cr_assert_eq((int)(intptr_t)rc, 0, "%d yielding tasks, and it did not begin in 10 s",
		     count);
	stop(crew);
}

Test(rules, R2_ready_fibers_do_not_starve_what_plain_threads_spawn, .timeout = 60)
{
	for (int count = 2; count <= 40; count += count / 2)
		inject_beside_yielders(count);
}

Test(rules, R2_more_ready_fibers_than_the_ring_holds_starve_nobody, .timeout = 60)
{
	inject_beside_yielders(CREW__RING_SLOTS + 1);
	inject_beside_yielders(CREW__RING_SLOTS + 50);
}

static struct crew_word runs;

static int run_briefly(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3000; i++)
		crew__spin_hint();
	crew__add_relaxed(&runs, 1);
	return 0;
}

/* How many others ran while a sleep of a moment lasted, at worst. */
static int count_runs_while_asleep(void *arg)
{
	uint64_t *worst = arg;

	while (crew__load_relaxed(&runs) == 0)
		crew_sleep(CREW_US(10));
	for (int i = 0; i < 10; i++) {
		uint64_t then = crew__load_relaxed(&runs);

		crew_sleep(CREW_US(1));
		then = crew__load_relaxed(&runs) - then;
		if (then > *worst)
			*worst = then;
	}
	return 0;
}

static void *run_sleeper(void *arg)
{
	void **crew_and_worst = arg;

	crew_run(crew_and_worst[0], count_runs_while_asleep, crew_and_worst[1]);
	return NULL;
}

Test(rules, R2_a_woken_fiber_does_not_wait_behind_all_that_was_injected, .timeout = 60)
{
	struct crew *crew = start(1);
	uint64_t worst = 0;
	void *crew_and_worst[2] = { crew, &worst };
	struct crew_group group;
	pthread_t thread;

	crew__store_relaxed(&runs, 0);
	cr_assert_eq(pthread_create(&thread, NULL, run_sleeper, crew_and_worst), 0);
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	for (int i = 0; i < 50000; i++)
		cr_assert_eq(crew_group_spawn(&group, run_briefly, NULL), 0);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	pthread_join(thread, NULL);
	cr_assert_lt(worst, 5000, "%llu tasks ran first", (unsigned long long)worst);
	stop(crew);
}

/* ---- R3 -------------------------------------------------------------------- */

static struct crew_word sleeper_fiber;
static struct crew_word outcomes[2]; /* slept, cancelled */

struct cancelled_sleep {
	crew_time duration;
	struct crew_group *group;
	int rc;
};

static int publish_and_sleep(void *arg)
{
	struct cancelled_sleep *sleep = arg;
	struct crew_group group;

	/* a scope of our own, for the canceller to mark */
	crew_group_open(&group, NULL);
	sleep->group = &group;
	crew__store_release(&sleeper_fiber, (uint64_t)(uintptr_t)crew__self()->fiber);
	sleep->rc = crew_sleep(sleep->duration);
	/* wait for the canceller: it knows the scope */
	while (crew__load_acquire(&sleeper_fiber))
		crew_yield();
	crew_group_close(&group, 0);
	return 0;
}

static void *cancel_it(void *arg)
{
	struct cancelled_sleep *sleep = arg;
	struct crew__cause cause = { .source = CREW_BY_CALL };

	while (!crew__load_acquire(&sleeper_fiber))
		crew_yield();
	crew_sleep(sleep->duration > CREW_S(1) ? CREW_MS(2) : sleep->duration);
	crew__scope_cancel(&sleep->group->scope, &cause);
	crew__store_release(&sleeper_fiber, 0);
	return NULL;
}

static int one_cancelled_sleep(struct crew *crew, crew_time duration)
{
	struct cancelled_sleep sleep = { .duration = duration };
	pthread_t thread;

	crew__store_relaxed(&sleeper_fiber, 0);
	if (pthread_create(&thread, NULL, cancel_it, &sleep))
		return 1;
	crew_run(crew, publish_and_sleep, &sleep);
	pthread_join(thread, NULL);
	return sleep.rc;
}

Test(rules, R3_a_canceller_ends_a_wait, .timeout = 30)
{
	struct crew *crew = start(2);
	crew_time began = crew_now();

	cr_assert_eq(one_cancelled_sleep(crew, CREW_S(100)), CREW_ECANCELED);
	cr_assert_lt(crew_now() - began, CREW_S(20));
	cr_assert_eq(crew->timer.heap.size, 0, "a cancelled sleep leaves no timer");
	stop(crew);
}

Test(rules, R3_grant_and_cancel_race_for_one_outcome, .timeout = 60)
{
	struct crew *crew = start(2);

	outcomes[0].value = outcomes[1].value = 0;
	for (int i = 0; i < 500; i++) {
		int rc = one_cancelled_sleep(crew, CREW_US(20 + i % 40));

		cr_assert(rc == 0 || rc == CREW_ECANCELED, "rc %d", rc);
		outcomes[rc != 0].value++;
		cr_assert_eq(crew->timer.heap.size, 0);
	}
	stop(crew);
}

/* ---- R4 -------------------------------------------------------------------- */

struct outsider {
	struct crew *crew;
	struct crew_word sum;
	int failures;
};

static int give_five(void *arg)
{
	(void)arg;
	return 5;
}

static void *outside(void *arg)
{
	struct outsider *me = arg;

	for (int i = 0; i < 50; i++) {
		struct crew_group group;
		crew_time began = crew_now();

		me->failures += crew_in_task() || crew_check() || crew_checkpoint();
		me->failures += crew_sleep(CREW_US(50)) || crew_now() - began < CREW_US(50);
		crew_yield();
		me->failures += crew_blocking(give_five, NULL) != 5;
		crew_group_open(&group, CREW_GROUP(.crew = me->crew));
		for (int j = 0; j < 10; j++)
			me->failures += crew_group_spawn(&group, add_one, &me->sum) != 0;
		me->failures += crew_group_wait(&group) != 0;
		me->failures += crew__load_relaxed(&me->sum) != 20 * (uint64_t)i + 10;
		for (int j = 0; j < 10; j++)
			me->failures += crew_group_spawn(&group, add_one, &me->sum) != 0;
		me->failures += crew_group_close(&group, 0) != 0;
		me->failures += crew_run(me->crew, give_five, NULL) != 5;
	}
	return NULL;
}

Test(rules, R4_plain_threads_may_call_everything, .timeout = 60)
{
	struct crew *crew = start(2);
	struct outsider outsiders[4];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		outsiders[i] = (struct outsider){ .crew = crew };
		cr_assert_eq(pthread_create(&threads[i], NULL, outside, &outsiders[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		cr_assert_eq(outsiders[i].failures, 0);
		cr_assert_eq(crew__load_relaxed(&outsiders[i].sum), 1000);
	}
	stop(crew);
}

static void *close_slowly(void *arg)
{
	struct outsider *me = arg;
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.crew = me->crew));
	/* a child that nobody runs: the test ends it by hand */
	crew__add_acq_rel(&group.private_.count, 1);
	crew__store_release(&sleeper_fiber, (uint64_t)(uintptr_t)&group);
	crew_group_close(&group, 0);
	crew__store_release(&me->sum, 1);
	return NULL;
}

/* The steps of crew__join_ended(), with a pause before the last touch of the group. */
Test(rules, R4_a_plain_thread_leaves_its_group_after_the_last_touch, .timeout = 30)
{
	struct crew *crew = start(1);
	struct outsider me = { .crew = crew };
	struct crew__parker *parker;
	struct crew_group *group;
	pthread_t thread;
	uint64_t left = CREW__JOIN_BIAS + 1;
	bool early;

	crew__store_relaxed(&sleeper_fiber, 0);
	cr_assert_eq(pthread_create(&thread, NULL, close_slowly, &me), 0);
	cr_assert(wait_for(&sleeper_fiber, 1));
	group = (struct crew_group *)(uintptr_t)crew__load_acquire(&sleeper_fiber);
	cr_assert(wait_for(&group->private_.count, CREW__JOIN_BIAS));
	crew__lock_acquire(crew__join_lock(group));
	cr_assert(crew__cas_acq_rel(&group->private_.count, &left, CREW__JOIN_BIAS));
	cr_assert(crew__grant(group->private_.waiter, &parker));
	/* a wake for no reason */
	crew__or32_acq_rel(&parker->signal, CREW__SIGNAL_LOOK);
	crew__port_wake(&parker->signal, 1);
	crew_sleep(CREW_MS(100));
	early = crew__load_acquire(&me.sum);
	if (!early) {
		crew__lock_release(crew__join_lock(group));
		crew__ready(parker);
	}
	pthread_join(thread, NULL);
	cr_assert_not(early, "close returned while the last child still held the group's lock");
	stop(crew);
}

/* ---- R5 -------------------------------------------------------------------- */

__attribute__((noinline)) static void set_errno(int value)
{
	errno = value;
	__asm__ volatile("");
}

__attribute__((noinline)) static int get_errno(void)
{
	__asm__ volatile("");
	return errno;
}

static struct crew_word migrations;
static struct crew_word broken;

static int keep_your_state(void *arg)
{
	static const int modes[] = { FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO };
	int number = *(int *)arg;
	int before = fegetround();

	set_errno(1000 + number);
	fesetround(modes[number % 4]);
	for (int i = 0; i < 30; i++) {
		struct crew__worker *worker = crew__self();

		if (i % 3 == 0)
			crew_sleep(CREW_US(10 + number));
		else
			crew_yield();
		if (crew__self() != worker)
			crew__add_relaxed(&migrations, 1);
		if (get_errno() != 1000 + number)
			crew__add_relaxed(&broken, 1);
		if (fegetround() != modes[number % 4])
			crew__add_relaxed(&broken, UINT64_C(1) << 32);
	}
	fesetround(before);
	return 0;
}

static int keepers(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	for (int i = 0; i < 200; i++)
		crew_group_spawn_copy(&group, keep_your_state, &i, sizeof(i));
	return crew_group_close(&group, 0);
}

Test(rules, R5_errno_and_rounding_belong_to_the_task, .timeout = 60)
{
	struct crew *crew = start(4);

	crew__store_relaxed(&broken, 0);
	crew__store_relaxed(&migrations, 0);
	for (int i = 0; i < 50 && (i < 3 || !crew__load_relaxed(&migrations)); i++)
		cr_assert_eq(crew_run(crew, keepers, NULL), 0);
	cr_assert_eq(crew__load_relaxed(&broken) >> 32, 0, "%u times another rounding",
		     (unsigned)(crew__load_relaxed(&broken) >> 32));
	cr_assert_eq((uint32_t)crew__load_relaxed(&broken), 0, "%u times another errno",
		     (unsigned)crew__load_relaxed(&broken));
	cr_assert_gt(crew__load_relaxed(&migrations), 0, "nobody ever changed its thread");
	stop(crew);
}

static int stay(void *arg)
{
	pthread_t me = pthread_self();
	struct crew_group group;

	(void)arg;
	for (int i = 0; i < 20; i++) {
		crew_yield();
		crew_sleep(CREW_US(20));
		crew_blocking(give_five, NULL);
		crew_group_open(&group, NULL);
		crew_group_spawn(&group, sleep_a_little, NULL);
		crew_group_spawn(&group, sleep_a_little, NULL);
		crew_group_close(&group, 0);
		if (!pthread_equal(me, pthread_self()))
			crew__add_relaxed(&broken, 1);
	}
	return 0;
}

static int stayers(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 20; i++)
		crew_group_spawn_task(&group, stay, arg, CREW_TASK(.flags = CREW_TASK_PINNED),
				      NULL);
	return crew_group_close(&group, 0);
}

Test(rules, R5_a_pinned_task_never_changes_its_thread, .timeout = 60)
{
	struct crew *crew = start(3);

	crew__store_relaxed(&broken, 0);
	cr_assert_eq(crew_run(crew, stayers, NULL), 0);
	cr_assert_eq(crew__load_relaxed(&broken), 0);
	stop(crew);
}

/* ---- R6 -------------------------------------------------------------------- */

static crew_time cpu_time(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * CREW_S(1) +
	       (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * CREW_US(1);
}

static int sleep_for_a_second(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_S(1));
}

static int sleepers_for_a_second(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 100; i++)
		crew_group_spawn(&group, sleep_for_a_second, arg);
	return crew_group_close(&group, 0);
}

Test(rules, R6_an_idle_crew_uses_no_cpu, .timeout = 60)
{
	struct crew *crew = start(8);
	struct crew_stats before = { .size = sizeof(before) };
	struct crew_stats after = { .size = sizeof(after) };
	crew_time used;

	cr_assert_eq(crew_run(crew, many_sleepers, NULL), 0);
	crew_sleep(CREW_MS(200));
	cr_assert_eq(crew_read_stats(crew, &before), 0);
	cr_assert_eq(before.workers_idle, 8);
	used = cpu_time();
	crew_sleep(CREW_S(1));
	used = cpu_time() - used;
	cr_assert_eq(crew_read_stats(crew, &after), 0);
	cr_assert_lt(used, CREW_MS(50), "%lld ns", (long long)used);
	cr_assert_eq(after.sleeps, before.sleeps, "somebody woke");
	cr_assert_eq(after.steals_tried, before.steals_tried);
	stop(crew);
}

Test(rules, R6_waiting_tasks_use_no_cpu, .timeout = 60)
{
	struct crew *crew = start(4);
	crew_time used = cpu_time();

	cr_assert_eq(crew_run(crew, sleepers_for_a_second, NULL), 0);
	used = cpu_time() - used;
	cr_assert_lt(used, CREW_MS(200), "%lld ns", (long long)used);
	stop(crew);
}

/* ---- R7 -------------------------------------------------------------------- */

static int spawn_and_compute(void *arg)
{
	struct crew_group group;
	int rc;

	crew__store_relaxed(arg, 0);
	crew_group_open(&group, NULL);
	for (int i = 0; i < 10; i++)
		crew_group_spawn(&group, add_one, arg);
	/* not one of them can run here while we compute */
	rc = spin_for(arg, 10) ? 0 : 1;
	return crew_group_close(&group, rc);
}

static int spawn_one_and_compute(void *arg)
{
	struct crew_group group;
	int rc;

	crew__store_relaxed(arg, 0);
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, add_one, arg);
	rc = spin_for(arg, 1) ? 0 : 1;
	return crew_group_close(&group, rc);
}

Test(rules, R7_a_computing_worker_hides_nothing, .timeout = 120)
{
	for (unsigned workers = 2; workers <= 8; workers *= 2) {
		struct crew *crew = start(workers);
		struct crew_word count;

		for (int i = 0; i < 30; i++) {
			cr_assert_eq(crew_run(crew, spawn_and_compute, &count), 0, "10 children");
			cr_assert_eq(crew_run(crew, spawn_one_and_compute, &count), 0, "1 child");
			if (i % 10 == 0)
				crew_sleep(CREW_MS(5)); /* all asleep */
		}
		stop(crew);
	}
}

static struct crew_word turns;

static int take_turns(void *arg)
{
	(void)arg;
	while (!crew__load_relaxed(&enough)) {
		crew__add_relaxed(&turns, 1);
		crew_yield();
	}
	return 0;
}

static int compute_beside_ready_ones(void *arg)
{
	struct crew_group group;
	bool ok = true;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, take_turns, NULL);
	crew_group_spawn(&group, take_turns, NULL);
	for (int i = 0; ok && i < 10; i++) {
		uint64_t now = crew__load_relaxed(&turns);

		crew_yield();
		ok = spin_for(&turns, now + 3);
	}
	crew__store_relaxed(&enough, 1);
	return crew_group_close(&group, ok ? 0 : 1);
}

Test(rules, R7_a_computing_worker_hides_no_ready_fiber, .timeout = 120)
{
	struct crew *crew = start(2);

	crew__store_relaxed(&enough, 0);
	cr_assert_eq(crew_run(crew, compute_beside_ready_ones, NULL), 0);
	stop(crew);
}

/* ---- R8 -------------------------------------------------------------------- */

/* A lock as the library will have them: first in, first out, handed over. */
struct handed_lock {
	struct crew__lock lot;
	bool held;
	struct crew__link waiters;
};

struct lock_waiter {
	struct crew__link link;
	struct crew__waiter waiter;
};

static void release_lot(void *lot)
{
	crew__lock_release(lot);
}

static void handed_lock_acquire(struct handed_lock *lock)
{
	struct lock_waiter me;

	crew__lock_acquire(&lock->lot);
	if (!lock->held) {
		lock->held = true;
		crew__lock_release(&lock->lot);
		return;
	}
	crew__waiter_init(&me.waiter, false);
	crew__list_append(&lock->waiters, &me.link);
	crew__park(&me.waiter, release_lot, &lock->lot, CREW_NEVER, "test lock");
}

static void handed_lock_release(struct handed_lock *lock)
{
	struct crew__parker *parker = NULL;
	struct crew__link *link;

	crew__lock_acquire(&lock->lot);
	link = crew__list_take(&lock->waiters);
	if (link)
		crew__grant(&crew__container(link, struct lock_waiter, link)->waiter, &parker);
	else
		lock->held = false;
	crew__lock_release(&lock->lot);
	if (parker)
		crew__ready(parker);
}

static struct handed_lock test_lock;
static long guarded;

static int inner_work(void *arg)
{
	(void)arg;
	crew_yield();
	return 0;
}

static int lock_across_a_join(void *arg)
{
	struct crew_group group;
	long before;

	handed_lock_acquire(&test_lock);
	before = ++guarded;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, inner_work, arg);
	crew_group_spawn(&group, inner_work, arg);
	crew_group_close(&group, 0);
	if (guarded != before)
		crew__add_relaxed(&broken, 1);
	handed_lock_release(&test_lock);
	return 0;
}

static int lockers(void *arg)
{
	struct crew_group outer;
	struct crew_group inner;

	crew_group_open(&outer, NULL);
	crew_group_spawn(&outer, lock_across_a_join, arg);
	for (int i = 0; i < 100; i++)
		crew_group_spawn(&outer, lock_across_a_join, arg);
	crew_group_open(&inner, NULL);
	for (int i = 0; i < 100; i++)
		crew_group_spawn(&inner, lock_across_a_join, arg);
	crew_group_close(&inner, 0);
	return crew_group_close(&outer, 0);
}

Test(rules, R8_a_lock_inside_nested_joins_cannot_deadlock_on_one_worker, .timeout = 60)
{
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct crew *crew = start(workers);

		test_lock = (struct handed_lock){ .held = false };
		crew__list_init(&test_lock.waiters);
		guarded = 0;
		crew__store_relaxed(&broken, 0);
		cr_assert_eq(crew_run(crew, lockers, NULL), 0);
		cr_assert_eq(guarded, 201);
		cr_assert_eq(crew__load_relaxed(&broken), 0);
		stop(crew);
	}
}

static int one_below(void *arg)
{
	int depth = *(int *)arg - 1;
	struct crew_group group;

	if (depth < 0)
		return 0;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, one_below, &depth);
	return crew_group_close(&group, 0);
}

Test(rules, R8_stack_use_is_bounded_however_deep_joins_nest, .timeout = 60)
{
	struct crew *crew;
	int depth = 3000;

	for (unsigned workers = 1; workers <= 3; workers++) {
		cr_assert_eq(crew_start(&crew,
					CREW_OPTIONS(.workers = workers, .stack_bytes = 64 * 1024)),
			     0);
		cr_assert_eq(crew_run(crew, one_below, &depth), 0);
		stop(crew);
	}
}

struct chain {
	struct crew_group *group;
	long left;
	char *lowest;
	char *highest;
};

static int next_in_chain(void *arg)
{
	struct chain *chain = arg;
	char *here = crew__stack_pointer();

	if (!chain->lowest || here < chain->lowest)
		chain->lowest = here;
	if (!chain->highest || here > chain->highest)
		chain->highest = here;
	return --chain->left > 0 ? crew_group_spawn(chain->group, next_in_chain, chain) : 0;
}

static int run_chain(void *arg)
{
	struct chain *chain = arg;
	struct crew_group group;

	chain->group = &group;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, next_in_chain, chain);
	return crew_group_close(&group, 0);
}

Test(rules, R8_a_chain_of_spawns_uses_constant_stack, .timeout = 60)
{
	struct crew *crew = start(1);
	struct chain chain = { .left = 100000 };

	cr_assert_eq(crew_run(crew, run_chain, &chain), 0);
	cr_assert_eq(chain.left, 0);
	cr_assert_lt(chain.highest - chain.lowest, 16 * 1024);
	stop(crew);
}

static int sleep_long(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_S(1000));
}

static int wait_rc;
static crew_time wait_took;

static int wait_for_a_sleeper(void *arg)
{
	crew_time began = crew_now();
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, sleep_long, arg);
	wait_rc = crew_group_wait(&group);
	wait_took = crew_now() - began;
	return crew_group_close(&group, 0);
}

static void *cancel_soon(void *crew)
{
	crew_sleep(CREW_MS(50));
	crew_cancel(crew, "test");
	return NULL;
}

Test(rules, R8_a_wait_on_one_worker_is_interrupted_while_its_only_child_sleeps, .timeout = 30)
{
	struct crew *crew = start(1);
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, cancel_soon, crew), 0);
	cr_assert_eq(crew_run(crew, wait_for_a_sleeper, NULL), CREW_ECANCELED);
	pthread_join(thread, NULL);
	cr_assert_eq(wait_rc, CREW_ECANCELED);
	cr_assert_lt(wait_took, CREW_S(20));
	stop(crew);
}

static int fail_soon(void *arg)
{
	(void)arg;
	crew_sleep(CREW_MS(20));
	return 77;
}

static int sleep_until_told(void *arg)
{
	(void)arg;
	while (!crew__load_acquire(&enough))
		crew_sleep(CREW_MS(1)) ? crew_yield() : (void)0;
	return 0;
}

static int wait_beside_a_failure(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, sleep_until_told, arg);
	crew_group_spawn(&group, fail_soon, arg);
	wait_rc = crew_group_wait(&group);
	crew__store_release(&enough, 1);
	return crew_group_close(&group, 0);
}

Test(rules, R8_a_wait_on_one_worker_is_interrupted_by_a_failing_child, .timeout = 30)
{
	struct crew *crew = start(1);

	crew__store_relaxed(&enough, 0);
	cr_assert_eq(crew_run(crew, wait_beside_a_failure, NULL), 77);
	cr_assert_eq(wait_rc, CREW_ECANCELED);
	stop(crew);
}

static struct crew_word unpinned_moved;

static int unpinned_child(void *arg)
{
	struct crew__fiber *fiber = crew__self()->fiber;

	(void)arg;
	/* R8: never a child that is pinned differently */
	if (fiber->pinned)
		crew__add_relaxed(&unpinned_moved, 1);
	return 0;
}

static int pinned_owner(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 10; i++)
		crew_group_spawn(&group, unpinned_child, arg);
	return crew_group_close(&group, 0);
}

static int spawn_pinned_owner(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn_task(&group, pinned_owner, arg, CREW_TASK(.flags = CREW_TASK_PINNED),
			      NULL);
	return crew_group_close(&group, 0);
}

Test(rules, R8_a_pinned_owner_runs_no_unpinned_child_in_place, .timeout = 30)
{
	struct crew *crew = start(1);

	crew__store_relaxed(&unpinned_moved, 0);
	cr_assert_eq(crew_run(crew, spawn_pinned_owner, NULL), 0);
	cr_assert_eq(crew__load_relaxed(&unpinned_moved), 0);
	stop(crew);
}

/* ---- R9 -------------------------------------------------------------------- */

#ifndef CREW_TINY /* there the deque holds two, and the rest leaves the worker */
static int look_at_the_count(void *arg)
{
	struct crew_group *group = arg;

	if (group->private_.count.value)
		crew__add_relaxed(&broken, 1);
	return 0;
}

static int children_that_stay(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	for (int i = 0; i < 1000; i++)
		crew_group_spawn(&group, look_at_the_count, &group);
	return crew_group_close(&group, 0);
}

Test(rules, R9_children_that_stay_are_counted_without_the_shared_word, .timeout = 30)
{
	struct crew *crew = start(1);

	crew__store_relaxed(&broken, 0);
	cr_assert_eq(crew_run(crew, children_that_stay, NULL), 0);
	cr_assert_eq(crew__load_relaxed(&broken), 0);
	stop(crew);
}
#endif

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

/* ---- R16 ------------------------------------------------------------------- */

#ifndef CREW_TINY
static int count_and_fail(void *arg)
{
	crew__add_relaxed(arg, 1);
	return 9;
}

static int spawn_behind_a_failure(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 100; i++)
		crew_group_spawn(&group, add_one, arg);
	for (int i = 0; i < 100; i++)
		crew_group_spawn_copy(&group, add_one, &arg, sizeof(arg));
	crew_group_spawn(&group, count_and_fail, arg); /* the newest runs first */
	return crew_group_close(&group, 0);
}

Test(rules, R16_children_not_started_when_their_group_is_cancelled_never_run, .timeout = 30)
{
	struct crew *crew = start(1);
	struct crew_word count = { 0 };

	cr_assert_eq(crew_run(crew, spawn_behind_a_failure, &count), 9);
	cr_assert_eq(crew__load_relaxed(&count), 1);
	stop(crew);
}
#endif

static int cancel_the_crew_then_spawn(void *arg)
{
	struct crew_group group;
	int rc;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 100; i++)
		crew_group_spawn(&group, add_one, arg);
	crew_cancel(NULL, "test");
	rc = crew_group_spawn(&group, add_one, arg);
	return crew_group_close(&group, 0) == CREW_ECANCELED && rc == CREW_ECANCELED ? 3 : 4;
}

Test(rules, R16_children_of_a_cancelled_crew_are_counted_off_without_running, .timeout = 30)
{
	struct crew *crew = start(1);
	struct crew_word count = { 0 };

	cr_assert_eq(crew_run(crew, cancel_the_crew_then_spawn, &count), 3);
	cr_assert_eq(crew__load_relaxed(&count), 0);
	cr_assert_eq(crew_run(crew, add_one, &count), CREW_ECANCELED, "it stays cancelled");
	stop(crew);
}
