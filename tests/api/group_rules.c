/* SPDX-License-Identifier: MIT */
/*
 * group_rules.c - what groups promise: G1 to G21 and Y12 to Y15 of tests/RULES.md, for
 * groups of tasks and, where it may differ, of plain threads and of other crews' tasks.
 */
#include "support/test.h"

#include "crew/crew.h"
#include "exec/exec.h"

#include <pthread.h>

static struct crew *start(unsigned workers)
{
	struct crew *crew = NULL;

	cr_assert_eq(crew_start(&crew, CREW_OPTIONS(.workers = workers)), 0);
	return crew;
}

static void stop(struct crew *crew)
{
	cr_assert_eq(crew_stop(crew), 0);
}

/* Runs fn(arg) as a task on crews of several sizes; it returns 0, or where it failed. */
static void in_tasks(crew_task_fn *fn, void *arg)
{
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct crew *crew = start(workers);
		int rc = crew_run(crew, fn, arg);

		cr_assert_eq(rc, 0, "line %d with %u workers", rc, workers);
		stop(crew);
	}
}

/* In a task: leaves it with the line of what does not hold. */
#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			return __LINE__;                                                           \
	} while (0)

static struct crew_word count;
static struct crew_word gate;
static struct crew_word begun;

static int add_one(void *arg)
{
	(void)arg;
	crew__add_relaxed(&count, 1);
	return 0;
}

static int fail(void *arg)
{
	return *(int *)arg;
}

static int wait_at_gate(void *arg)
{
	int rc = 0;

	(void)arg;
	while (!crew__load_acquire(&gate) && rc == 0)
		rc = crew_sleep(CREW_US(200));
	crew__add_relaxed(&count, 1);
	return rc;
}

/* The same, and does not care whether it is cancelled. */
static int wait_for_gate(void *arg)
{
	(void)arg;
	while (!crew__load_acquire(&gate))
		if (crew_sleep(CREW_US(200)))
			crew_yield();
	return 0;
}

/* Ends only when somebody cancels it. */
static int wait_for_cancel(void *arg)
{
	int rc = 0;

	(void)arg;
	crew__add_relaxed(&begun, 1);
	while (rc == 0)
		rc = crew_sleep(CREW_US(100));
	crew__add_relaxed(&count, 1);
	return rc;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

/* ---- G1 -------------------------------------------------------------------- */

static int closes_after_all(void *arg)
{
	int five = 5;
	struct crew_group group;

	(void)arg;
	crew__store_relaxed(&count, 0);
	crew_group_open(&group, NULL);
	crew__store_relaxed(&begun, 0);
	for (int i = 0; i < 10; i++)
		crew_group_spawn(&group, wait_for_cancel, NULL);
	while (crew__load_relaxed(&begun) < 10)
		crew_sleep(CREW_US(100));
	crew_group_spawn(&group, fail, &five);
	CHECK(crew_group_close(&group, 0) == 5);
	CHECK(crew__load_relaxed(&count) == 10);
	return 0;
}

Test(group, G1_close_waits_for_all_children_also_after_a_failure, .timeout = 30)
{
	in_tasks(closes_after_all, NULL);
}

static int cancelled_owner(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew__store_relaxed(&count, 0);
	crew_group_open(&group, NULL);
	crew__store_relaxed(&begun, 0);
	for (int i = 0; i < 10; i++)
		crew_group_spawn(&group, wait_for_cancel, NULL);
	while (crew__load_relaxed(&begun) < 10)
		crew_sleep(CREW_US(100));
	crew_cancel(NULL, "test");
	CHECK(crew_group_close(&group, 0) == CREW_ECANCELED);
	CHECK(crew__load_relaxed(&count) == 10);
	return 0;
}

Test(group, G1_close_waits_for_all_children_also_when_the_owner_is_cancelled, .timeout = 30)
{
	in_tasks(cancelled_owner, NULL);
}

/* ---- G2, G3 ------------------------------------------------------------------ */

static int body_is_cancelled(void *arg)
{
	int five = 5;
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, fail, &five);
	CHECK(crew_sleep(CREW_S(100)) == CREW_ECANCELED);
	CHECK(crew_check() == CREW_ECANCELED); /* again and again */
	CHECK(crew_sleep(CREW_S(100)) == CREW_ECANCELED);
	CHECK(crew_checkpoint() == CREW_ECANCELED);
	CHECK(crew_group_wait(&group) == CREW_ECANCELED);
	CHECK(crew_blocking(nothing, NULL) == CREW_ECANCELED);
	CHECK(crew_group_close(&group, CREW_ECANCELED) == 5);
	CHECK(crew_check() == 0); /* outside nothing is left of it */
	return 0;
}

Test(group, G2_a_failing_child_cancels_the_body, .timeout = 30)
{
	in_tasks(body_is_cancelled, NULL);
}

static int body_fails(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew__store_relaxed(&count, 0);
	crew_group_open(&group, NULL);
	for (int i = 0; i < 10; i++)
		crew_group_spawn(&group, wait_for_cancel, NULL);
	crew_sleep(CREW_MS(2));
	CHECK(crew_group_close(&group, 17) == 17);
	CHECK(crew_check() == 0);
	return 0;
}

Test(group, G3_a_failing_body_cancels_the_children, .timeout = 30)
{
	in_tasks(body_fails, NULL);
}

static int plain_body_fails(struct crew *crew, enum crew_policy policy)
{
	struct crew_group group;

	crew__store_relaxed(&count, 0);
	crew_group_open(&group, CREW_GROUP(.crew = crew, .policy = policy));
	for (int i = 0; i < 10; i++)
		crew_group_spawn(&group, wait_for_cancel, NULL);
	return crew_group_close(&group, 17);
}

Test(group, G3_a_failing_body_of_a_plain_thread_cancels_the_children, .timeout = 30)
{
	struct crew *crew = start(2);

	cr_assert_eq(plain_body_fails(crew, CREW_FAIL_FAST), 17);
	cr_assert_eq(plain_body_fails(crew, CREW_COLLECT), 17);
	cr_assert_eq(plain_body_fails(crew, CREW_SUPERVISE), 17);
	stop(crew);
}

Test(group, G2_a_failing_child_interrupts_the_wait_of_a_plain_thread, .timeout = 30)
{
	struct crew *crew = start(1);
	struct crew_group group;
	int five = 5;
	int rc;

	crew__store_relaxed(&gate, 0);
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	crew_group_spawn(&group, wait_for_gate, NULL);
	crew_group_spawn(&group, fail, &five);
	rc = crew_group_wait(&group);
	crew__store_release(&gate, 1);
	cr_assert_eq(rc, CREW_ECANCELED);
	cr_assert_eq(crew_check(), CREW_ECANCELED);
	cr_assert_eq(crew_sleep(CREW_S(100)), CREW_ECANCELED);
	cr_assert_eq(crew_group_close(&group, 0), 5);
	cr_assert_eq(crew_check(), 0);
	stop(crew);
}

/* A task of one crew owns a group of another. */
struct visit {
	struct crew *other;
	int wait_rc;
	int close_rc;
};

static int sleep_three_seconds(void *arg)
{
	(void)arg;
	crew_sleep(CREW_S(3));
	return 0;
}

static int fail_later(void *arg)
{
	crew_sleep(CREW_MS(50));
	return *(int *)arg;
}

static int visit_and_wait(void *arg)
{
	struct visit *visit = arg;
	crew_time began = crew_now();
	struct crew_group group;
	int five = 5;

	crew_group_open(&group, CREW_GROUP(.crew = visit->other));
	crew_group_spawn(&group, sleep_three_seconds, NULL);
	crew_group_spawn(&group, fail_later, &five);
	visit->wait_rc = crew_group_wait(&group);
	began = crew_now() - began;
	visit->close_rc = crew_group_close(&group, 0);
	return began < CREW_S(2) ? 0 : 1;
}

Test(group, G2_a_failing_child_interrupts_the_wait_of_another_crews_task, .timeout = 30)
{
	struct crew *crew = start(1);
	struct visit visit = { .other = start(1) };

	cr_assert_eq(crew_run(crew, visit_and_wait, &visit), 0, "it slept on");
	cr_assert_eq(visit.wait_rc, CREW_ECANCELED);
	cr_assert_eq(visit.close_rc, 5);
	stop(crew);
	stop(visit.other);
}

static int visit_and_sleep(void *arg)
{
	struct visit *visit = arg;
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.crew = visit->other));
	visit->wait_rc = crew_sleep(CREW_S(3));
	visit->close_rc = crew_group_close(&group, 0);
	return 0;
}

static void *cancel_soon(void *crew)
{
	crew_sleep(CREW_MS(50));
	crew_cancel(crew, "test");
	return NULL;
}

Test(group, G2_cancelling_a_crew_interrupts_the_tasks_of_others_that_visit_it, .timeout = 30)
{
	struct crew *crew = start(1);
	struct visit visit = { .other = start(1) };
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, cancel_soon, visit.other), 0);
	cr_assert_eq(crew_run(crew, visit_and_sleep, &visit), 0);
	pthread_join(thread, NULL);
	cr_assert_eq(visit.wait_rc, CREW_ECANCELED);
	stop(crew);
	stop(visit.other);
}

static int check_in_a_cancelled_crew(void *arg)
{
	struct visit *visit = arg;
	struct crew_group group;

	CHECK(crew_check() == 0);
	crew_group_open(&group, CREW_GROUP(.crew = visit->other));
	CHECK(crew_group_spawn(&group, nothing, NULL) == CREW_ECANCELED);
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_sleep(CREW_MS(1)) == CREW_ECANCELED);
	CHECK(crew_group_wait(&group) == CREW_ECANCELED);
	crew_group_close(&group, 0);
	CHECK(crew_check() == 0);
	return 0;
}

Test(group, B6_a_group_of_a_cancelled_crew_is_born_cancelled, .timeout = 30)
{
	struct crew *crew = start(1);
	struct visit visit = { .other = start(1) };
	int rc;

	crew_cancel(visit.other, "test");
	rc = crew_run(crew, check_in_a_cancelled_crew, &visit);
	cr_assert_eq(rc, 0, "line %d", rc);
	stop(crew);
	stop(visit.other);
}

/* ---- G4 to G8, G20, Y15 ------------------------------------------------------- */

static int first_code_wins(void *arg)
{
	int codes[] = { 5, 6 };
	struct crew_group group;

	(void)arg;
	for (int policy = CREW_FAIL_FAST; policy <= CREW_COLLECT; policy++) {
		crew_group_open(&group, CREW_GROUP(.policy = (enum crew_policy)policy));
		crew_group_spawn(&group, fail, &codes[0]);
		while (crew__load32_acquire((struct crew__word32 *)(void *)&group.private_.first) ==
		       0)
			crew_yield();
		/* fail fast: refused; collect: a second failure */
		crew_group_spawn(&group, fail, &codes[1]);
		CHECK(crew_group_close(&group, 7) == 5);
	}
	return 0;
}

Test(group, G4_close_returns_the_first_failure, .timeout = 30)
{
	in_tasks(first_code_wins, NULL);
}

static int cleans_up_and_fails(void *arg)
{
	while (crew_sleep(CREW_US(100)) == 0)
		;
	return *(int *)arg;
}

static int errors_while_cancelled(void *arg)
{
	int six = 6;
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, cleans_up_and_fails, &six);
	crew_sleep(CREW_MS(2));
	crew_cancel(NULL, "test");
	CHECK(crew_group_close(&group, CREW_ECANCELED) == 6);
	return 0;
}

Test(group, G5_a_failure_during_cancellation_is_kept, .timeout = 30)
{
	in_tasks(errors_while_cancelled, NULL);
}

static int cancelled_from_outside(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, wait_for_cancel, NULL);
	crew_sleep(CREW_MS(2));
	crew_cancel(NULL, "test");
	CHECK(crew_group_close(&group, 0) == CREW_ECANCELED);
	crew_group_open(&group, NULL);
	CHECK(crew_group_close(&group, CREW_ECANCELED) == CREW_ECANCELED);
	return 0;
}

Test(group, G6_only_cancellations_from_outside_are_one_code, .timeout = 30)
{
	in_tasks(cancelled_from_outside, NULL);
}

Test(group, Y15_children_of_a_plain_thread_stopped_by_crew_cancel_show_at_close, .timeout = 30)
{
	struct crew *crew = start(1);
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.crew = crew));
	crew__store_relaxed(&count, 0);
	crew_group_spawn(&group, wait_for_cancel, NULL);
	crew_sleep(CREW_MS(5));
	crew_cancel(crew, "test");
	cr_assert_eq(crew_group_close(&group, 0), CREW_ECANCELED);
	stop(crew);
}

static int all_ended_well(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew__store_relaxed(&gate, 0);
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, nothing, NULL);
	crew_sleep(CREW_MS(2));
	crew_cancel(NULL, "test");
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(group, Y15_close_is_0_when_all_ended_well_before_the_cancellation, .timeout = 30)
{
	in_tasks(all_ended_well, NULL);
}

static int empty_in_cancelled(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_cancel(NULL, "test");
	crew_group_open(&group, NULL);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(group, G8_closing_an_empty_group_does_not_look_for_cancellation, .timeout = 30)
{
	in_tasks(empty_in_cancelled, NULL);
}

static int body_beats_cancel(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, wait_for_cancel, NULL);
	crew_sleep(CREW_MS(2));
	crew_cancel(NULL, "test");
	CHECK(crew_group_close(&group, 8) == 8);
	return 0;
}

Test(group, G20_the_bodys_failure_wins_over_a_cancellation, .timeout = 30)
{
	in_tasks(body_beats_cancel, NULL);
}

static int return_cancelled(void *arg)
{
	(void)arg;
	return CREW_ECANCELED;
}

static int unexplained_cancel(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, return_cancelled, NULL);
	CHECK(crew_group_close(&group, 0) == CREW_ECANCELED);
	crew_group_open(&group, CREW_GROUP(.policy = CREW_COLLECT));
	crew_group_spawn(&group, return_cancelled, NULL);
	crew_group_spawn(&group, nothing, NULL);
	CHECK(crew_group_close(&group, 0) == CREW_ECANCELED);
	return 0;
}

Test(group, G6_a_cancellation_that_nobody_asked_for_is_a_failure, .timeout = 30)
{
	in_tasks(unexplained_cancel, NULL);
}

/* ---- G9 to G11 ---------------------------------------------------------------- */

struct family {
	struct crew_group *group;
	int generations;
};

static int spawn_the_next(void *arg)
{
	struct family *family = arg;

	crew__add_relaxed(&count, 1);
	crew_yield();
	return --family->generations > 0 ? crew_group_spawn(family->group, spawn_the_next, family) :
					   0;
}

static int close_with_descendants(void *arg)
{
	struct crew_group group;
	struct family families[8];

	(void)arg;
	crew__store_relaxed(&count, 0);
	crew_group_open(&group, NULL);
	for (int i = 0; i < 8; i++) {
		families[i] = (struct family){ .group = &group, .generations = 100 };
		crew_group_spawn(&group, spawn_the_next, &families[i]);
	}
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew__load_relaxed(&count) == 800);
	return 0;
}

Test(group, G9_close_waits_for_children_spawned_by_children, .timeout = 30)
{
	in_tasks(close_with_descendants, NULL);
}

Test(group, G9_close_on_a_plain_thread_waits_for_children_of_children, .timeout = 30)
{
	struct crew *crew = start(2);
	struct crew_group group;
	struct family family = { .group = &group, .generations = 1000 };

	crew__store_relaxed(&count, 0);
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	crew_group_spawn(&group, spawn_the_next, &family);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	cr_assert_eq(crew__load_relaxed(&count), 1000);
	stop(crew);
}

static int spawn_after_close(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_close(&group, 0);
	CHECK(crew_group_spawn(&group, nothing, NULL) == CREW_ECLOSED);
	CHECK(crew_group_spawn_copy(&group, nothing, &group, 8) == CREW_ECLOSED);
	CHECK(crew_group_spawn_task(&group, nothing, NULL, NULL, NULL) == CREW_ECLOSED);
	CHECK(crew_group_close(&group, 0) == CREW_ESTATE); /* Y13 */
	CHECK(crew_group_wait(&group) == CREW_ESTATE);
	return 0;
}

Test(group, G10_a_closed_group_takes_nothing, .timeout = 30)
{
	in_tasks(spawn_after_close, NULL);
}

static int spawn_into_cancelled(void *arg)
{
	int five = 5;
	struct crew_group group;
	int rc = 0;
	long spawned;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, fail, &five);
	/* a loop that spawns until spawn fails ends */
	for (spawned = 0; rc == 0; spawned++) {
		rc = crew_group_spawn(&group, nothing, NULL);
		crew_sleep(CREW_US(10));
	}
	CHECK(rc == CREW_ECANCELED);
	CHECK(crew_group_close(&group, 0) == 5);
	return 0;
}

Test(group, G11_a_cancelled_group_refuses_children, .timeout = 30)
{
	in_tasks(spawn_into_cancelled, NULL);
}

/* ---- G13 to G17, G21 ------------------------------------------------------------ */

static int use_again(void *arg)
{
	struct crew_group group;

	(void)arg;
	for (int i = 0; i < 100; i++) {
		int rc = i % 3;

		crew_group_open(&group, NULL);
		crew_group_spawn(&group, fail, &rc);
		CHECK(crew_group_close(&group, 0) == i % 3);
	}
	return 0;
}

Test(group, G13_closed_storage_may_be_opened_again, .timeout = 30)
{
	in_tasks(use_again, NULL);
}

struct stranger {
	struct crew_group *group;
	int wait_rc;
	int close_rc;
};

static int close_it(void *arg)
{
	struct stranger *stranger = arg;

	stranger->wait_rc = crew_group_wait(stranger->group);
	stranger->close_rc = crew_group_close(stranger->group, 0);
	return 0;
}

static int close_by_child(void *arg)
{
	struct crew_group group;
	struct stranger child = { .group = &group };
	struct stranger call = { .group = &group };

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, close_it, &child);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(child.wait_rc == CREW_ESTATE && child.close_rc == CREW_ESTATE);
	(void)call;
	return 0;
}

Test(group, G14_only_the_owner_closes, .timeout = 30)
{
	in_tasks(close_by_child, NULL);
}

static void *close_from_a_thread(void *arg)
{
	close_it(arg);
	return NULL;
}

static int close_it_in_a_call(void *arg)
{
	return crew_blocking(close_it, arg);
}

Test(group, G14_only_the_owner_closes_the_group_of_a_plain_thread, .timeout = 30)
{
	struct crew *crew = start(1);
	struct crew_group group;
	struct stranger child = { .group = &group };
	struct stranger thread = { .group = &group };
	pthread_t other;

	crew_group_open(&group, CREW_GROUP(.crew = crew));
	crew_group_spawn(&group, close_it, &child);
	cr_assert_eq(pthread_create(&other, NULL, close_from_a_thread, &thread), 0);
	pthread_join(other, NULL);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	cr_assert_eq(child.wait_rc, CREW_ESTATE);
	cr_assert_eq(child.close_rc, CREW_ESTATE);
	cr_assert_eq(thread.wait_rc, CREW_ESTATE);
	cr_assert_eq(thread.close_rc, CREW_ESTATE);
	stop(crew);
}

Test(group, G14_a_childs_blocking_call_does_not_close_the_group_of_a_plain_thread, .timeout = 10)
{
	struct crew *crew = start(1);
	struct crew_group group;
	struct stranger child = { .group = &group };

	crew_group_open(&group, CREW_GROUP(.crew = crew));
	crew_group_spawn(&group, close_it_in_a_call, &child);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	cr_assert_eq(child.wait_rc, CREW_ESTATE);
	cr_assert_eq(child.close_rc, CREW_ESTATE);
	stop(crew);
}

static int wait_again_and_again(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew__store_relaxed(&count, 0);
	crew_group_open(&group, NULL);
	CHECK(crew_group_wait(&group) == 0);
	for (uint64_t i = 1; i <= 50; i++) {
		for (int j = 0; j < 10; j++)
			crew_group_spawn(&group, add_one, NULL);
		CHECK(crew_group_wait(&group) == 0);
		CHECK(crew__load_relaxed(&count) == 10 * i);
		CHECK(crew_group_wait(&group) == 0);
	}
	crew_group_spawn(&group, add_one, NULL);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew__load_relaxed(&count) == 501);
	return 0;
}

Test(group, G15_G17_wait_may_be_repeated_and_followed_by_more_children, .timeout = 30)
{
	in_tasks(wait_again_and_again, NULL);
}

static int wrong_order(void *arg)
{
	struct crew_group outer;
	struct crew_group inner;

	(void)arg;
	crew__store_relaxed(&count, 0);
	crew_group_open(&outer, NULL);
	crew_group_open(&inner, NULL);
	crew_group_spawn(&inner, add_one, NULL);
	CHECK(crew_group_wait(&outer) == CREW_ESTATE);
	CHECK(crew_group_close(&outer, 0) == CREW_ESTATE);
	crew_group_close(&inner, 0);
	CHECK(crew_group_close(&outer, 0) == 0);
	return 0;
}

Test(group, Y13_closing_in_the_wrong_order_closes_nothing, .timeout = 30)
{
	in_tasks(wrong_order, NULL);
}

static int wrong_order_cancels(void *arg)
{
	struct crew_group outer;
	struct crew_group inner;

	(void)arg;
	crew_group_open(&outer, NULL);
	crew_group_open(&inner, NULL);
	crew_group_spawn(&inner, wait_for_cancel, NULL);
	crew_group_spawn(&inner, wait_at_gate, NULL);
	crew__store_release(&gate, 1);
	CHECK(crew_group_close(&outer, 0) == CREW_ESTATE);
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_group_close(&inner, 0) == 0);
	CHECK(crew_group_close(&outer, 0) == 0);
	return 0;
}

Test(group, Y13_closing_in_the_wrong_order_cancels_what_is_inside, .timeout = 10)
{
	in_tasks(wrong_order_cancels, NULL);
}

static int nest(void *arg)
{
	int left = *(int *)arg - 1;
	struct crew_group group;
	int rc;

	if (left < 0) {
		crew__add_relaxed(&count, 1);
		return 13;
	}
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, nest, &left);
	rc = crew_group_wait(&group);
	return crew_group_close(&group, rc == CREW_ECANCELED ? 0 : rc);
}

static int nest_a_thousand(void *arg)
{
	int depth = 1000;

	(void)arg;
	CHECK(nest(&depth) == 13);
	return 0;
}

Test(group, G21_the_outermost_close_waits_for_a_thousand_nested_groups, .timeout = 60)
{
	in_tasks(nest_a_thousand, NULL);
}

/* ---- G19 and the codes ---------------------------------------------------------- */

static int supervise(void *arg)
{
	int five = 5;
	struct crew_group group;

	(void)arg;
	crew__store_relaxed(&count, 0);
	crew_group_open(&group, CREW_GROUP(.policy = CREW_SUPERVISE));
	crew_group_spawn(&group, fail, &five);
	crew_sleep(CREW_MS(1));
	CHECK(crew_check() == 0);
	CHECK(crew_group_spawn(&group, add_one, NULL) == 0);
	CHECK(crew_group_wait(&group) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew__load_relaxed(&count) == 1);
	return 0;
}

Test(group, G19_under_supervise_a_failing_child_hurts_nobody, .timeout = 30)
{
	in_tasks(supervise, NULL);
}

static int bad_arguments(void *arg)
{
	char big[CREW_COPY_MAX + 1] = { 0 };
	struct crew_group group;
	struct crew_task *task = NULL;
	struct crew_task_options unknown = { .size = sizeof(unknown), .flags = 1U << 30 };

	(void)arg;
	crew_group_open(&group, NULL);
	CHECK(crew_group_spawn(&group, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_group_spawn_copy(&group, NULL, big, 1) == CREW_EINVAL);
	CHECK(crew_group_spawn_copy(&group, nothing, big, sizeof(big)) == CREW_EINVAL);
	CHECK(crew_group_spawn_copy(&group, nothing, big, CREW_COPY_MAX) == 0);
	CHECK(crew_group_spawn_copy(&group, nothing, NULL, 1) == CREW_EINVAL);
	CHECK(crew_group_spawn_copy(&group, nothing, NULL, 0) == 0);
	CHECK(crew_group_spawn_task(&group, nothing, NULL, &unknown, NULL) == CREW_EINVAL);
	CHECK(crew_group_spawn_task(&group, nothing, NULL, &unknown, &task) == CREW_EINVAL &&
	      !task);
	CHECK(crew_group_spawn_task(&group, nothing, NULL, CREW_TASK(.flags = CREW_TASK_LAZY),
				    NULL) == CREW_EINVAL);
	CHECK(crew_group_spawn_task(&group, nothing, NULL, NULL, NULL) == 0);
	CHECK(crew_blocking(NULL, NULL) == CREW_EINVAL);
	CHECK(crew_sleep(-1) == CREW_EINVAL);
	CHECK(crew_run(NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_run(NULL, nothing, NULL) == CREW_ESTATE); /* R1 of the pool rules */
	CHECK(crew_group_close(&group, 0) == 0);
	crew_group_open(&group, CREW_GROUP(.policy = (enum crew_policy)7));
	CHECK(crew_group_spawn(&group, nothing, NULL) == CREW_EINVAL);
	CHECK(crew_group_wait(&group) == CREW_EINVAL);
	CHECK(crew_group_close(&group, 0) == CREW_EINVAL);
	/* Y2: misuse is reported before cancellation */
	crew_cancel(NULL, "test");
	CHECK(crew_sleep(-1) == CREW_EINVAL);
	CHECK(crew_blocking(NULL, NULL) == CREW_EINVAL);
	CHECK(crew_group_wait(&group) == CREW_ESTATE);
	crew_group_open(&group, NULL);
	CHECK(crew_group_spawn(&group, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(group, Y2_bad_arguments_have_codes, .timeout = 30)
{
	in_tasks(bad_arguments, NULL);
}

Test(group, a_plain_thread_names_the_crew, .timeout = 30)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	cr_assert_eq(crew_group_spawn(&group, nothing, NULL), CREW_ESTATE);
	cr_assert_eq(crew_group_wait(&group), CREW_ESTATE);
	cr_assert_eq(crew_group_close(&group, 0), CREW_ESTATE);
	cr_assert_eq(crew_check(), 0);
}

/* ---- a thousand small races ------------------------------------------------------ */

static int racing_failures(void *arg)
{
	int codes[4] = { 0, 1, 2, 3 };

	(void)arg;
	for (int i = 0; i < 2000; i++) {
		struct crew_group group;
		int rc;
		int waited;

		crew_group_open(&group, NULL);
		for (int j = 0; j < 8; j++)
			crew_group_spawn(&group, fail, &codes[(i + j) % (i % 4 + 1)]);
		waited = crew_group_wait(&group);
		rc = crew_group_close(&group, 0);
		CHECK(i % 4 == 0 ? rc == 0 : rc >= 1 && rc <= i % 4);
		CHECK(waited == 0 || waited == CREW_ECANCELED);
		CHECK(rc || waited == 0);
		CHECK(crew_check() == 0);
	}
	return 0;
}

Test(group, C5_a_wait_and_a_failure_at_the_same_time_lose_nothing, .timeout = 60)
{
	in_tasks(racing_failures, NULL);
}
