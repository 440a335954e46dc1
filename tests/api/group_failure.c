/* SPDX-License-Identifier: MIT */
/*
 * group_failure.c - groups that fail or are cancelled: B6, C5, G1 to G8, G19, G20, Y15 of
 * tests/RULES.md, also where the owner is a plain thread or a task of another crew.
 */
#include "api/group.h"
#include "support/gate.h"

/* ---- G1 -------------------------------------------------------------------- */

static int closes_after_all(void *arg)
{
	int five = 5;
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	spawn_waiting(&group, 10);
	crew_group_spawn(&group, fail, &five);
	CHECK(crew_group_close(&group, 0) == 5);
	CHECK(crew__load_relaxed(&count) == 10);
	return 0;
}

Test(group, G1_close_waits_for_all_children_also_after_a_failure, .timeout = 30)
{
	in_tasks(closes_after_all);
}

static int cancelled_owner(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	spawn_waiting(&group, 10);
	crew_cancel(NULL, "test");
	CHECK(crew_group_close(&group, 0) == CREW_ECANCELED);
	CHECK(crew__load_relaxed(&count) == 10);
	return 0;
}

Test(group, G1_close_waits_for_all_children_also_when_the_owner_is_cancelled, .timeout = 30)
{
	in_tasks(cancelled_owner);
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
	in_tasks(body_is_cancelled);
}

static int body_fails(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	spawn_waiting(&group, 10);
	CHECK(crew_group_close(&group, 17) == 17);
	CHECK(crew__load_relaxed(&count) == 10);
	CHECK(crew_check() == 0);
	return 0;
}

Test(group, G3_a_failing_body_cancels_the_children, .timeout = 30)
{
	in_tasks(body_fails);
}

static int plain_body_fails(struct crew *crew, enum crew_policy policy)
{
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.crew = crew, .policy = policy));
	spawn_waiting(&group, 10);
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

static struct crew_word gate;

/* Does not care whether it is cancelled. */
static int wait_for_gate(void *arg)
{
	(void)arg;
	while (!crew__load_acquire(&gate))
		if (crew_sleep(CREW_US(200)))
			crew_yield();
	return 0;
}

/* With a child that goes on. */
static int wait_is_interrupted(void *crew)
{
	struct crew_group group;
	int five = 5;
	int rc;

	crew__store_relaxed(&gate, 0);
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	crew_group_spawn(&group, wait_for_gate, NULL);
	crew_group_spawn(&group, fail, &five);
	rc = crew_group_wait(&group);
	crew__store_release(&gate, 1);
	CHECK(rc == CREW_ECANCELED);
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_sleep(CREW_S(100)) == CREW_ECANCELED);
	CHECK(crew_group_close(&group, 0) == 5);
	CHECK(crew_check() == 0);
	return 0;
}

Test(group, G2_a_failing_child_interrupts_the_wait_of_a_plain_thread, .timeout = 30)
{
	struct crew *crew = start(1);
	int rc = wait_is_interrupted(crew);

	cr_assert_eq(rc, 0, "line %d", rc);
	stop(crew);
}

Test(group, G2_a_failing_child_interrupts_the_wait_of_another_crews_task, .timeout = 30)
{
	struct crew *other = start(1);

	run_with(1, wait_is_interrupted, other);
	stop(other);
}

/* A task of one crew owns a group of another. */
static int sleep_in_a_group_of(void *other)
{
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.crew = other));
	CHECK(crew_sleep(CREW_NEVER) == CREW_ECANCELED);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

struct visit {
	struct crew *crew;
	struct crew *other;
};

static void *cancel_when_asleep(void *arg)
{
	struct visit *visit = arg;

	wait_for_parked(visit->crew, 1, "sleep");
	crew_cancel(visit->other, "test");
	return NULL;
}

Test(group, G2_cancelling_a_crew_interrupts_the_tasks_of_others_that_visit_it, .timeout = 30)
{
	struct visit visit = { .crew = start(1), .other = start(1) };
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, cancel_when_asleep, &visit), 0);
	run_in(visit.crew, sleep_in_a_group_of, visit.other);
	pthread_join(thread, NULL);
	stop(visit.crew);
	stop(visit.other);
}

static int check_in_a_group_of(void *cancelled)
{
	struct crew_group group;

	CHECK(crew_check() == 0);
	crew_group_open(&group, CREW_GROUP(.crew = cancelled));
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
	struct crew *cancelled = start(1);

	crew_cancel(cancelled, "test");
	run_with(1, check_in_a_group_of, cancelled);
	stop(cancelled);
}

/* ---- G4 to G8, G20, Y15 ------------------------------------------------------- */

static int first_code_wins(void *arg)
{
	struct crew_group_stats stats = { .size = sizeof(stats) };
	int codes[] = { 5, 6 };
	struct crew_group group;

	(void)arg;
	for (int policy = CREW_FAIL_FAST; policy <= CREW_COLLECT; policy++) {
		crew_group_open(&group, CREW_GROUP(.policy = (enum crew_policy)policy));
		crew_group_spawn(&group, fail, &codes[0]);
		do {
			crew_yield();
			CHECK(crew_group_read_stats(&group, &stats) == 0);
		} while (stats.active);
		/* fail fast: refused; collect: a second failure */
		crew_group_spawn(&group, fail, &codes[1]);
		CHECK(crew_group_close(&group, 7) == 5);
	}
	return 0;
}

Test(group, G4_close_returns_the_first_failure, .timeout = 30)
{
	in_tasks(first_code_wins);
}

static int cleans_up_and_fails(void *arg)
{
	wait_for_cancel(NULL);
	return *(int *)arg;
}

static int errors_while_cancelled(void *arg)
{
	int six = 6;
	struct crew_group group;

	(void)arg;
	crew__store_relaxed(&begun, 0);
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, cleans_up_and_fails, &six);
	while (!crew__load_relaxed(&begun))
		crew_yield();
	crew_cancel(NULL, "test");
	CHECK(crew_group_close(&group, CREW_ECANCELED) == 6);
	return 0;
}

Test(group, G5_a_failure_during_cancellation_is_kept, .timeout = 30)
{
	in_tasks(errors_while_cancelled);
}

static int cancelled_from_outside(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	spawn_waiting(&group, 1);
	crew_cancel(NULL, "test");
	CHECK(crew_group_close(&group, 0) == CREW_ECANCELED);
	crew_group_open(&group, NULL);
	CHECK(crew_group_close(&group, CREW_ECANCELED) == CREW_ECANCELED);
	return 0;
}

Test(group, G6_only_cancellations_from_outside_are_one_code, .timeout = 30)
{
	in_tasks(cancelled_from_outside);
}

Test(group, Y15_children_of_a_plain_thread_stopped_by_crew_cancel_show_at_close, .timeout = 30)
{
	struct crew *crew = start(1);
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.crew = crew));
	spawn_waiting(&group, 1);
	crew_cancel(crew, "test");
	cr_assert_eq(crew_group_close(&group, 0), CREW_ECANCELED);
	stop(crew);
}

static int all_ended_well(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, nothing, NULL);
	CHECK(crew_group_wait(&group) == 0);
	crew_cancel(NULL, "test");
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(group, Y15_close_is_0_when_all_ended_well_before_the_cancellation, .timeout = 30)
{
	in_tasks(all_ended_well);
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
	in_tasks(empty_in_cancelled);
}

static int body_beats_cancel(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	spawn_waiting(&group, 1);
	crew_cancel(NULL, "test");
	CHECK(crew_group_close(&group, 8) == 8);
	return 0;
}

Test(group, G20_the_bodys_failure_wins_over_a_cancellation, .timeout = 30)
{
	in_tasks(body_beats_cancel);
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
	in_tasks(unexplained_cancel);
}

/* ---- G19 --------------------------------------------------------------------- */

static int supervise(void *arg)
{
	int five = 5;
	struct crew_group group;

	(void)arg;
	crew__store_relaxed(&count, 0);
	crew_group_open(&group, CREW_GROUP(.policy = CREW_SUPERVISE));
	crew_group_spawn(&group, fail, &five);
	CHECK(crew_group_wait(&group) == 0);
	CHECK(crew_check() == 0);
	CHECK(crew_group_spawn(&group, add_one, NULL) == 0);
	CHECK(crew_group_wait(&group) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew__load_relaxed(&count) == 1);
	return 0;
}

Test(group, G19_under_supervise_a_failing_child_hurts_nobody, .timeout = 30)
{
	in_tasks(supervise);
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
	in_tasks(racing_failures);
}
