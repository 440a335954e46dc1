/* SPDX-License-Identifier: MIT */
/* scope_deadline.c - deadlines: F1 to F12 of tests/RULES.md. */
#include "api/scope.h"

#define LONG CREW_S(100)

static int nearest(void *arg)
{
	struct crew_scope outer;
	struct crew_scope inner;
	struct crew_scope shield;
	crew_time now = crew_now();

	(void)arg;
	CHECK(crew_deadline() == CREW_NEVER);
	crew_scope_open(&outer, CREW_SCOPE(.deadline = now + LONG));
	crew_scope_open(&inner, CREW_SCOPE(.deadline = now + 2 * LONG));
	CHECK(crew_deadline() == now + LONG);
	crew_scope_open(&shield, CREW_SCOPE(.deadline = now + 3 * LONG, .shield = true));
	CHECK(crew_deadline() == now + 3 * LONG);
	crew_scope_set_shield(&shield, false);
	CHECK(crew_deadline() == now + LONG);
	crew_scope_cancel(&inner, NULL);
	CHECK(crew_deadline() == INT64_MIN);
	CHECK(crew_scope_close(&shield, 0) == 0 && crew_scope_close(&inner, 0) == 0);
	CHECK(crew_deadline() == now + LONG);
	CHECK(crew_scope_close(&outer, 0) == 0 && crew_deadline() == CREW_NEVER);
	return 0;
}

Test(scope_deadline, F1_the_nearest_of_those_that_are_visible, .timeout = 60)
{
	everywhere(nearest);
}

static int already_past(void *arg)
{
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, CREW_SCOPE(.deadline = 1, .on_deadline = CREW_FAIL));
	CHECK(crew_scope_cancelled(&scope) && crew_check() == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, crew_check()) == CREW_ETIMEDOUT);
	crew_scope_open(&scope, CREW_SCOPE(.deadline = crew_now()));
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, crew_check()) == 0);
	return 0;
}

Test(scope_deadline, F2_one_in_the_past_cancels_by_entering, .timeout = 60)
{
	everywhere(already_past);
}

static int compute_until(void *arg)
{
	(void)arg;
	while (crew_check() == 0)
		;
	return CREW_ECANCELED;
}

/* Nobody waits, every worker computes: the timer strikes all the same. */
static int computing(void *arg)
{
	struct crew_scope scope;
	struct crew_group group;
	int rc;

	(void)arg;
	crew_scope_fail_after(&scope, CREW_MS(2));
	CHECK(crew_scope_close(&scope, compute_until(NULL)) == CREW_ETIMEDOUT);
	crew_scope_fail_after(&scope, CREW_MS(2));
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	for (int i = 0; i < 3; i++)
		crew_group_spawn(&group, compute_until, NULL);
	rc = crew_group_close(&group, compute_until(NULL));
	CHECK(rc == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, rc) == CREW_ETIMEDOUT);
	return 0;
}

Test(scope_deadline, F2_strikes_while_everybody_computes, .timeout = 60)
{
	everywhere(computing);
}

static int from_entry(void *arg)
{
	struct crew_scope scope;
	crew_time entered;
	crew_time deadline;

	(void)arg;
	crew_scope_init(&scope, CREW_SCOPE(.timeout_ns = CREW_MS(3)));
	CHECK(crew_sleep(CREW_MS(4)) == 0 && !crew_scope_cancelled(&scope));
	entered = crew_now();
	crew_scope_enter(&scope);
	deadline = crew_deadline();
	CHECK(deadline >= entered + CREW_MS(3) || crew_scope_cancelled(&scope));
	CHECK(crew_sleep(LONG) == CREW_ECANCELED);
	/* never early (F8) */
	CHECK(crew_now() >= entered + CREW_MS(3));
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	return 0;
}

Test(scope_deadline, F3_F8_timeouts_count_from_entering_and_are_never_early, .timeout = 60)
{
	everywhere(from_entry);
}

static int moved(void *arg)
{
	struct crew_scope scope;

	(void)arg;
	for (;;) {
		crew_scope_move_on_after(&scope, CREW_MS(20));
		crew_scope_set_deadline(&scope, crew_now() + LONG);
		if (!crew_scope_cancelled(&scope))
			break; /* else the machine stood still for 20 ms */
		CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	}
	CHECK(crew_sleep(CREW_MS(25)) == 0);
	crew_scope_set_deadline(&scope, crew_now() + CREW_MS(1));
	CHECK(crew_sleep(LONG) == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	crew_scope_open(&scope, NULL);
	crew_scope_set_deadline(&scope, crew_now() - 1);
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	return 0;
}

Test(scope_deadline, F4_moving_it_arms_it_anew, .timeout = 60)
{
	everywhere(moved);
}

static int sleep_in(void *arg)
{
	struct crew_scope *scope = (struct crew_scope *)arg;
	int rc;

	crew_scope_enter(scope);
	rc = crew_sleep(LONG);
	return crew_scope_close(scope, rc);
}

static void *sleep_in_thread(void *arg)
{
	return (void *)(intptr_t)sleep_in(arg);
}

/* By another thread, while the owner sleeps. */
Test(scope_deadline, F4_moving_it_reaches_a_sleeping_thread, .timeout = 60)
{
	struct crew_scope scope;
	pthread_t thread;
	void *rc = NULL;

	crew_scope_init(&scope, CREW_SCOPE(.name = "asleep", .on_deadline = CREW_FAIL));
	cr_assert_eq(pthread_create(&thread, NULL, sleep_in_thread, &scope), 0);
	crew_sleep(CREW_MS(10));
	crew_scope_set_deadline(&scope, crew_now() + CREW_MS(5));
	pthread_join(thread, &rc);
	cr_assert_eq((int)(intptr_t)rc, CREW_ETIMEDOUT);
}

static int unentered(void *arg)
{
	struct crew_scope scope;

	(void)arg;
	crew_scope_init(&scope, NULL);
	CHECK(!crew_scope_cancelled(&scope));
	crew_scope_set_deadline(&scope, 1);
	CHECK(crew_scope_cancelled(&scope));
	crew_scope_set_deadline(&scope, CREW_NEVER);
	CHECK(!crew_scope_cancelled(&scope));
	crew_scope_enter(&scope);
	CHECK(crew_check() == 0 && crew_scope_close(&scope, 0) == 0);
	return 0;
}

Test(scope_deadline, F5_one_that_is_not_entered_says_whether_it_has_passed, .timeout = 60)
{
	everywhere(unentered);
}

static int no_leak(void *arg)
{
	struct crew_scope scope;

	(void)arg;
	for (int i = 0; i < 100000; i++) {
		crew_scope_fail_after(&scope, LONG);
		CHECK(crew_scope_close(&scope, 0) == 0);
	}
	CHECK(timer_is_empty());
	crew_scope_fail_after(&scope, LONG);
	for (int i = 0; i < 100000; i++)
		crew_scope_set_deadline(&scope, crew_now() + LONG);
	CHECK(test_crew->timer.heap.size <= 1);
	CHECK(crew_scope_close(&scope, 0) == 0 && timer_is_empty());
	return 0;
}

Test(scope_deadline, F6_F7_nothing_is_left_in_the_heap, .timeout = 60)
{
	everywhere(no_leak);
}

static int bounds(void *arg)
{
	struct crew_scope scope;

	(void)arg;
	crew_scope_move_on_after(&scope, -1);
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, 0) == CREW_EINVAL);
	crew_scope_open(&scope, CREW_SCOPE(.timeout_ns = -1));
	CHECK(crew_scope_close(&scope, 3) == CREW_EINVAL);
	crew_scope_open(&scope, CREW_SCOPE(.on_deadline = (enum crew_on_deadline)2));
	CHECK(crew_scope_close(&scope, 0) == CREW_EINVAL);
	crew_scope_move_on_after(&scope, CREW_NEVER);
	CHECK(crew_check() == 0 && crew_deadline() == CREW_NEVER);
	CHECK(crew_scope_close(&scope, 0) == 0);
	crew_scope_fail_after(&scope, CREW_NEVER - 1);
	CHECK(crew_check() == 0 && crew_deadline() == CREW_NEVER);
	CHECK(crew_scope_close(&scope, 0) == 0);
	return 0;
}

Test(scope_deadline, F9_F10_negative_is_an_error_and_huge_is_never, .timeout = 60)
{
	everywhere(bounds);
}

/* A plain thread's scope is served by the crew of a group inside, and by itself again. */
Test(scope_deadline, F2_a_group_lends_its_timer_to_what_is_around_it, .timeout = 60)
{
	struct crew *crew = start_crew(1);
	struct crew_scope scope;
	struct crew_group group;
	int rc;

	crew_scope_fail_after(&scope, CREW_MS(5));
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	crew_group_spawn(&group, sleep_long, NULL);
	rc = crew_group_close(&group, crew_group_wait(&group));
	cr_assert_eq(rc, CREW_ECANCELED);
	cr_assert_eq(crew_scope_close(&scope, rc), CREW_ETIMEDOUT);

	crew_scope_open(&scope, NULL);
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	crew_group_spawn(&group, sleep_long, NULL);
	crew_scope_set_deadline(&scope, crew_now() + CREW_MS(5));
	cr_assert_eq(crew_group_close(&group, 0), CREW_ECANCELED);
	cr_assert_eq(crew_scope_close(&scope, CREW_ECANCELED), 0);

	crew_scope_fail_after(&scope, CREW_MS(30));
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	cr_assert_eq(crew_group_close(&group, 0), 0);
	stop(crew); /* the timer is gone */
	rc = crew_sleep(LONG);
	cr_assert_eq(crew_scope_close(&scope, rc), CREW_ETIMEDOUT);
}
