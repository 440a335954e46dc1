/* SPDX-License-Identifier: MIT */
/*
 * rules.c - the rules of the engine, each with a test that names it: who runs, and when
 * (R1, R2, R7). The others are in rules_wait.c, rules_join.c, rules_memory.c; what they say
 * is in tests/RULES.md. R12 (nothing bypasses port/) is checked by tools/check-floors, the
 * rest of R15 is in fork.c, R11's failing calls in failures.c.
 */
#include "api/rules.h"
#include "crew/event.h"

#include "crew/event.h"

#include <dirent.h>
#include <pthread.h>
#include <string.h>

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
	crew_time end = crew_now() + patience();

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
	cr_assert_eq((int)(intptr_t)rc, 0, "%d yielding tasks, and it did not begin", count);
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

#define INJECTED 20000
#define ROUNDS	 10

static struct crew_word runs;
static struct crew_word all_are_there;
static struct crew_event wakes[ROUNDS];
static struct crew_word woken[ROUNDS]; /* after so many runs, and one */

static int hold_the_worker(void *arg)
{
	add_one(arg);
	return spin_for(&all_are_there, 1) ? 0 : 1;
}

static int run_briefly(void *arg)
{
	for (int i = 0; i < 1000; i++)
		crew__spin_hint();
	return add_one(arg);
}

static int wait_again_and_again(void *arg)
{
	for (unsigned i = 0; i < ROUNDS; i++) {
		add_one(arg);
		if (crew_event_wait(&wakes[i]))
			return 1;
		crew__store_release(&woken[i], crew__load_relaxed(&runs) + 1);
	}
	return 0;
}

Test(rules, R2_a_woken_fiber_does_not_wait_behind_all_that_was_injected, .timeout = 60)
{
	struct crew *crew = start(1);
	struct crew_word begun = { 0 };
	struct crew_word held = { 0 };
	struct crew_group group;

	crew__store_relaxed(&runs, 0);
	crew__store_relaxed(&all_are_there, 0);
	memset(wakes, 0, sizeof(wakes));
	memset(woken, 0, sizeof(woken));
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	cr_assert_eq(crew_group_spawn(&group, wait_again_and_again, &begun), 0);
	cr_assert(wait_for(&begun, 1));
	cr_assert_eq(crew_group_spawn(&group, hold_the_worker, &held), 0);
	cr_assert(wait_for(&held, 1));
	for (int i = 0; i < INJECTED; i++)
		cr_assert_eq(crew_group_spawn(&group, run_briefly, &runs), 0);
	crew__store_release(&all_are_there, 1);
	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t then;

		cr_assert(wait_for(&begun, i + 1));
		wait_for_parked(crew, 1, "event");
		crew_event_set(&wakes[i]);
		then = crew__load_relaxed(&runs); /* by now it is in line */
		cr_assert(wait_for(&woken[i], 1));
		cr_assert_lt(crew__load_relaxed(&woken[i]), then + 100, "it waited too long");
	}
	cr_assert_eq(crew_group_close(&group, 0), 0);
	cr_assert_eq(crew__load_relaxed(&runs), INJECTED);
	stop(crew);
}

#define WOKEN (8 * CREW__RING_SLOTS)

static struct crew_event gate;
static uint32_t waiting, gone_on, farthest; /* of one worker */

/* How far from its place in the line it goes on. */
static void go_on_from(uint32_t place)
{
	uint32_t turn = gone_on++;

	place = turn > place ? turn - place : place - turn;
	farthest = place > farthest ? place : farthest;
}

static int wait_in_line(void *arg)
{
	uint32_t place = waiting++;

	(void)arg;
	CHECK(crew_event_wait(&gate) == 0);
	go_on_from(place);
	return 0;
}

static int wake_all_at_once(void *arg)
{
	struct crew_group group;

	(void)arg;
	waiting = gone_on = farthest = 0;
	gate = (struct crew_event)CREW_EVENT_INIT;
	crew_group_open(&group, NULL);
	for (uint32_t i = 0; i < WOKEN; i++)
		CHECK(crew_group_spawn(&group, wait_in_line, NULL) == 0);
	while (waiting < WOKEN)
		crew_sleep(CREW_MS(1));
	crew_event_set(&gate);
	return crew_group_close(&group, 0);
}

Test(rules, R2_the_ring_does_not_wait_behind_all_that_did_not_fit, .timeout = 60)
{
	struct crew *crew = start(1);

	cr_assert_eq(crew_run(crew, wake_all_at_once, NULL), 0);
	cr_assert_lt(farthest, 4 * CREW__RING_SLOTS, "%u of %u others went on between", farthest,
		     WOKEN);
	stop(crew);
}

static int run_in_line(void *place)
{
	go_on_from((uint32_t)(uintptr_t)place);
	return 0;
}

Test(rules, R2_who_was_injected_first_does_not_wait_behind_all_of_the_others, .timeout = 60)
{
	struct crew *crew = start(1);
	struct crew_word held = { 0 };
	struct crew_group group;

	gone_on = farthest = 0;
	crew__store_relaxed(&all_are_there, 0);
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	cr_assert_eq(crew_group_spawn(&group, hold_the_worker, &held), 0);
	cr_assert(wait_for(&held, 1));
	for (uintptr_t place = 0; place < INJECTED; place++)
		cr_assert_eq(crew_group_spawn(&group, run_in_line, (void *)place), 0);
	crew__store_release(&all_are_there, 1);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	cr_assert_lt(farthest, 2 * CREW__INJECT_BATCH, "%u of %u others ran between", farthest,
		     INJECTED);
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
