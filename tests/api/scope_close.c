/* SPDX-License-Identifier: MIT */
/* scope_close.c - who catches a cancellation: E1 to E11 of tests/RULES.md. */
#include "api/scope.h"

#define LONG CREW_S(100)

static int caught_by_the_outermost(void *arg)
{
	struct crew_scope outer;
	struct crew_scope inner;
	int rc;

	(void)arg;
	crew_scope_open(&outer, NULL);
	crew_scope_open(&inner, NULL);
	crew_scope_cancel(&inner, NULL);
	crew_scope_cancel(&outer, NULL);
	rc = crew_sleep(LONG);
	CHECK(rc == CREW_ECANCELED);
	rc = crew_scope_close(&inner, rc);
	CHECK(rc == CREW_ECANCELED && crew_scope_cancelled(&inner) && !crew_scope_caught(&inner));
	rc = crew_scope_close(&outer, rc);
	CHECK(rc == 0 && crew_scope_caught(&outer));
	CHECK(crew_check() == 0);
	return 0;
}

Test(scope_close, E1_E2_the_outermost_cancelled_scope_catches, .timeout = 60)
{
	everywhere(caught_by_the_outermost);
}

static int not_cancelled_passes(void *arg)
{
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, NULL);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == CREW_ECANCELED);
	CHECK(!crew_scope_caught(&scope) && !crew_scope_cancelled(&scope));
	crew_scope_open(&scope, NULL);
	CHECK(crew_scope_close(&scope, 7) == 7);
	return 0;
}

Test(scope_close, E1_a_scope_that_is_not_cancelled_catches_nothing, .timeout = 60)
{
	everywhere(not_cancelled_passes);
}

static int shield_between(void *arg)
{
	struct crew_scope outer;
	struct crew_scope shield;
	int rc;

	(void)arg;
	crew_scope_open(&outer, NULL);
	crew_scope_cancel(&outer, NULL);
	crew_scope_open(&shield, CREW_SCOPE(.shield = true));
	CHECK(crew_check() == 0);
	crew_scope_cancel(&shield, NULL);
	rc = crew_checkpoint();
	CHECK(rc == CREW_ECANCELED);
	CHECK(crew_scope_close(&shield, rc) == 0 && crew_scope_caught(&shield));
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_scope_close(&outer, crew_check()) == 0);
	return 0;
}

Test(scope_close, E3_with_a_shield_between_the_inner_one_catches, .timeout = 60)
{
	everywhere(shield_between);
}

static int completed_normally(void *arg)
{
	struct crew_scope scope;

	(void)arg;
	crew_scope_fail_after(&scope, 0);
	CHECK(crew_scope_close(&scope, 0) == 0);
	CHECK(crew_scope_cancelled(&scope) && !crew_scope_caught(&scope));
	CHECK(crew_check() == 0);
	return 0;
}

Test(scope_close, E4_E5_E7_a_block_that_ended_well_is_no_timeout_and_leaves_no_trace, .timeout = 60)
{
	everywhere(completed_normally);
}

static int other_error(void *arg)
{
	struct crew_scope scope;

	(void)arg;
	crew_scope_fail_after(&scope, 0);
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, 5) == 5 && !crew_scope_caught(&scope));
	return 0;
}

Test(scope_close, E6_an_error_of_the_blocks_own_beats_the_timeout, .timeout = 60)
{
	everywhere(other_error);
}

/* A group's scope as well, of which callers know nothing. */
static void compute_past_deadline(struct crew_scope *scope)
{
	crew_time deadline = crew_now() + CREW_MS(1);

	crew__deadline_set(scope, deadline);
	while (crew_now() < deadline + CREW_MS(5))
		;
}

static int by_source(void *arg)
{
	struct crew_scope scope;

	(void)arg;
	crew_scope_fail_after(&scope, LONG);
	crew_scope_cancel(&scope, "before");
	compute_past_deadline(&scope);
	CHECK(crew_scope_close(&scope, crew_check()) == 0 && crew_scope_caught(&scope));
	crew_scope_fail_after(&scope, CREW_MS(1));
	CHECK(crew_scope_close(&scope, crew_sleep(LONG)) == CREW_ETIMEDOUT);
	CHECK(crew_scope_caught(&scope));
	crew_scope_move_on_after(&scope, CREW_MS(1));
	CHECK(crew_scope_close(&scope, crew_sleep(LONG)) == 0 && crew_scope_caught(&scope));
	return 0;
}

Test(scope_close, E8_only_the_recorded_source_makes_a_timeout, .timeout = 60)
{
	everywhere(by_source);
}

static int outer_timeout(void *arg)
{
	struct crew_scope outer;
	struct crew_scope inner;
	int rc;

	(void)arg;
	crew_scope_fail_after(&outer, CREW_MS(1));
	crew_scope_fail_after(&inner, LONG);
	rc = crew_scope_close(&inner, crew_sleep(LONG));
	CHECK(rc == CREW_ECANCELED);
	CHECK(crew_scope_close(&outer, rc) == CREW_ETIMEDOUT);
	return 0;
}

Test(scope_close, E9_an_inner_scope_does_not_report_the_outer_timeout, .timeout = 60)
{
	everywhere(outer_timeout);
}

static int wrong_order(void *arg)
{
	struct crew_scope outer;
	struct crew_scope inner;
	struct crew_group group;
	int rc;

	(void)arg;
	crew_scope_init(&outer, NULL);
	CHECK(crew_scope_close(&outer, 0) == CREW_ESTATE);
	crew_scope_enter(&outer);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn(&group, sleep_long, NULL);
	crew_scope_open(&inner, NULL);
	CHECK(crew_scope_close(&outer, 0) == CREW_ESTATE);
	/* what lies in between is cancelled, and still to be closed */
	rc = crew_check();
	CHECK(rc == CREW_ECANCELED && !crew_scope_cancelled(&outer));
	CHECK(crew_group_close(&group, 0) == CREW_ESTATE);
	rc = crew_scope_close(&inner, rc);
	CHECK(rc == CREW_ECANCELED);
	CHECK(crew_group_close(&group, rc) == 0);
	CHECK(crew_check() == 0);
	CHECK(crew_scope_close(&outer, 0) == 0);
	CHECK(crew_scope_close(&outer, 0) == CREW_ESTATE);
	return 0;
}

Test(scope_close, E10_the_wrong_order_closes_nothing_and_cancels_what_is_inside, .timeout = 60)
{
	everywhere(wrong_order);
}

static int close_it(void *scope)
{
	return crew_scope_close((struct crew_scope *)scope, 0) == CREW_ESTATE ? 0 : 1;
}

static int wrong_task(void *arg)
{
	struct crew_scope scope;
	struct crew_group group;

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn(&group, close_it, &scope);
	CHECK(crew_group_wait(&group) == 0 && crew_check() == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_scope_close(&scope, 0) == 0);
	return 0;
}

Test(scope_close, E10_another_task_closes_nothing, .timeout = 60)
{
	everywhere(wrong_task);
}

static int before_entering(void *arg)
{
	struct crew_scope scope;

	(void)arg;
	crew_scope_init(&scope, CREW_SCOPE(.on_deadline = CREW_FAIL));
	crew_scope_cancel(&scope, "early");
	CHECK(crew_scope_cancelled(&scope) && crew_check() == 0);
	crew_scope_enter(&scope);
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	crew_scope_init(&scope, CREW_SCOPE(.on_deadline = CREW_FAIL, .timeout_ns = LONG));
	crew_scope_set_deadline(&scope, crew_now());
	CHECK(crew_scope_cancelled(&scope));
	crew_scope_enter(&scope);
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == CREW_ETIMEDOUT);
	crew_scope_init(&scope, NULL);
	crew_scope_set_shield(&scope, true);
	crew_scope_enter(&scope);
	CHECK(crew_scope_close(&scope, 0) == 0);
	return 0;
}

Test(scope_close, E11_a_prepared_scope_may_be_cancelled_dated_and_shielded, .timeout = 60)
{
	everywhere(before_entering);
}

/* ---- groups ------------------------------------------------------------------------- */

static int group_cancel(void *arg)
{
	struct crew_word stopped = { 0 };
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	for (int i = 0; i < 5; i++)
		crew_group_spawn(&group, sleep_long, &stopped);
	wait_for_sleepers(5);
	crew_group_cancel(&group, "enough");
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_group_spawn(&group, sleep_long, NULL) == CREW_ECANCELED);
	CHECK(crew_group_close(&group, crew_check()) == 0);
	CHECK(crew__load_acquire(&stopped) == 5);
	crew_group_cancel(&group, "closed");
	CHECK(crew_check() == 0);
	return 0;
}

Test(scope_close, G7_a_group_catches_its_own_cancellation, .timeout = 60)
{
	everywhere(group_cancel);
}

static int fail_late(void *arg)
{
	(void)arg;
	crew_sleep(LONG);
	return 9;
}

static int group_timeout(void *arg)
{
	const enum crew_policy policies[] = { CREW_FAIL_FAST, CREW_COLLECT, CREW_SUPERVISE };
	struct crew_group group;

	(void)arg;
	for (int i = 0; i < 3; i++) {
		crew_group_open(&group, CREW_GROUP(.crew = test_crew, .policy = policies[i],
						   .timeout_ns = CREW_MS(2)));
		crew_group_spawn(&group, sleep_long, NULL);
		CHECK(crew_group_close(&group, crew_group_wait(&group)) == CREW_ETIMEDOUT);
		/* what a child returns after the timeout follows from it */
		crew_group_open(&group, CREW_GROUP(.crew = test_crew, .policy = policies[i],
						   .timeout_ns = CREW_MS(2)));
		crew_group_spawn(&group, fail_late, NULL);
		CHECK(crew_group_close(&group, crew_group_wait(&group)) == CREW_ETIMEDOUT);
		/* the block's own failure stays */
		crew_group_open(&group, CREW_GROUP(.crew = test_crew, .policy = policies[i],
						   .timeout_ns = CREW_MS(2)));
		crew_group_spawn(&group, sleep_long, NULL);
		CHECK(crew_sleep(LONG) == CREW_ECANCELED);
		CHECK(crew_group_close(&group, 4) == 4);
	}
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .timeout_ns = LONG));
	CHECK(crew_deadline() > crew_now() && crew_deadline() < crew_now() + LONG + 1);
	CHECK(crew_group_close(&group, 0) == 0);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .timeout_ns = -1));
	CHECK(crew_group_spawn(&group, sleep_long, NULL) == CREW_EINVAL);
	CHECK(crew_group_close(&group, 0) == CREW_EINVAL);
	return 0;
}

Test(scope_close, F12_the_first_source_decides_what_a_group_reports, .timeout = 60)
{
	everywhere(group_timeout);
}

static int fail_first(void *arg)
{
	(void)arg;
	return 9;
}

static int failure_then_deadline(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .timeout_ns = LONG));
	crew_group_spawn(&group, fail_first, NULL);
	crew_group_wait(&group);
	compute_past_deadline(&group.scope);
	CHECK(crew_group_close(&group, 0) == 9);
	return 0;
}

Test(scope_close, F12_a_failure_before_the_deadline_is_what_is_reported, .timeout = 60)
{
	everywhere(failure_then_deadline);
}

/* ---- a supervised group --------------------------------------------------------------- */

static int supervised(void *arg)
{
	struct crew_scope outer;
	struct crew_group group;

	(void)arg;
	/* from outside: what stops children is no matter, what stops the block is */
	for (int stopped = 0; stopped < 2; stopped++) {
		crew_scope_open(&outer, NULL);
		crew_group_open(&group, CREW_GROUP(.crew = test_crew, .policy = CREW_SUPERVISE));
		crew_group_spawn(&group, sleep_long, NULL);
		crew_scope_cancel(&outer, NULL);
		CHECK(crew_group_close(&group, stopped ? crew_check() : 0) ==
		      (stopped ? CREW_ECANCELED : 0));
		CHECK(crew_scope_close(&outer, 0) == 0);
	}
	/* its own cancellation it catches */
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .policy = CREW_SUPERVISE));
	crew_group_spawn(&group, sleep_long, NULL);
	crew_group_cancel(&group, NULL);
	CHECK(crew_group_close(&group, crew_check()) == 0);
	return 0;
}

Test(scope_close, G19_a_supervised_group_says_how_its_block_ended, .timeout = 60)
{
	everywhere(supervised);
}
