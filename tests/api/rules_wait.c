/* SPDX-License-Identifier: MIT */
/* rules_wait.c - rules of the engine: waiting, plain threads, what belongs to a task (R3 to R6). */
#include "api/rules.h"

#include <errno.h>
#include <fenv.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

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
	cr_assert_lt(crew_now() - began, CREW_S(100));
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

static int sleep_long(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_S(100));
}

Test(rules, R6_an_idle_crew_uses_no_cpu, .timeout = 60)
{
	struct crew *crew = start(8);
	struct crew_stats before = { .size = sizeof(before) };
	struct crew_stats after = { .size = sizeof(after) };
	crew_time used;

	cr_assert_eq(crew_run(crew, many_sleepers, NULL), 0);
	do {
		crew_sleep(CREW_MS(200));
		cr_assert_eq(crew_read_stats(crew, &before), 0);
	} while (before.workers_idle < 8);
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
	struct crew_group group;
	crew_time used;

	crew_group_open(&group, CREW_GROUP(.crew = crew));
	for (int i = 0; i < 100; i++)
		cr_assert_eq(crew_group_spawn(&group, sleep_long, NULL), 0);
	wait_for_parked(crew, 100, "sleep");
	crew_sleep(CREW_MS(200)); /* for the workers to fall asleep */
	used = cpu_time();
	crew_sleep(CREW_S(1));
	used = cpu_time() - used;
	cr_assert_lt(used, CREW_MS(50), "%lld ns", (long long)used);
	crew_group_cancel(&group, NULL);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	stop(crew);
}
