/* SPDX-License-Identifier: MIT */
/* scope_shield.c - what a shield keeps out: D1 to D8 of tests/RULES.md, B12, B16. */
#include "api/scope.h"

#include <sys/resource.h>

#define LONG CREW_S(100)

static int hides_outside(void *arg)
{
	struct crew_scope outer;
	struct crew_scope shield;
	struct crew_scope inner;

	(void)arg;
	crew_scope_move_on_after(&outer, 0);
	crew_scope_open(&shield, CREW_SCOPE(.shield = true));
	CHECK(crew_check() == 0 && crew_sleep(CREW_US(10)) == 0 && crew_deadline() == CREW_NEVER);
	/* not what is cancelled further inside */
	crew_scope_open(&inner, NULL);
	crew_scope_cancel(&inner, NULL);
	CHECK(crew_sleep(LONG) == CREW_ECANCELED);
	CHECK(crew_scope_close(&inner, CREW_ECANCELED) == 0);
	/* nor its own */
	CHECK(crew_check() == 0);
	crew_scope_cancel(&shield, NULL);
	CHECK(crew_sleep(LONG) == CREW_ECANCELED);
	CHECK(crew_scope_close(&shield, CREW_ECANCELED) == 0);
	CHECK(crew_scope_close(&outer, CREW_ECANCELED) == 0);
	return 0;
}

Test(scope_shield, D1_hides_what_is_cancelled_outside_and_nothing_else, .timeout = 60)
{
	everywhere(hides_outside);
}

struct sleeper {
	struct crew_scope scope;
	int rc;
};

static int sleep_shielded(void *arg)
{
	struct sleeper *me = (struct sleeper *)arg;

	crew_scope_open(&me->scope, CREW_SCOPE(.shield = true));
	me->rc = crew_sleep(LONG);
	return crew_scope_close(&me->scope, me->rc);
}

static int switched_off(void *arg)
{
	struct sleeper sleeper = { .rc = 1 };
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn(&group, sleep_shielded, &sleeper);
	wait_for_sleepers(1);
	crew_group_cancel(&group, NULL);
	wait_for_sleepers(1);
	crew_scope_set_shield(&sleeper.scope, false);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(sleeper.rc == CREW_ECANCELED);
	return 0;
}

Test(scope_shield, D2_switching_it_off_wakes_who_sleeps_inside, .timeout = 60)
{
	everywhere(switched_off);
}

static int switched_while_running(void *arg)
{
	struct crew_scope outer;
	struct crew_scope inner;

	(void)arg;
	crew_scope_open(&outer, NULL);
	crew_scope_open(&inner, NULL);
	crew_scope_cancel(&outer, NULL);
	for (int i = 0; i < 3; i++) {
		CHECK(crew_check() == CREW_ECANCELED);
		crew_scope_set_shield(&inner, true);
		CHECK(crew_check() == 0 && crew_sleep(CREW_US(1)) == 0);
		crew_scope_set_shield(&inner, false);
	}
	CHECK(crew_sleep(LONG) == CREW_ECANCELED);
	CHECK(crew_scope_close(&inner, CREW_ECANCELED) == CREW_ECANCELED);
	CHECK(crew_scope_close(&outer, CREW_ECANCELED) == 0);
	return 0;
}

Test(scope_shield, D2_may_be_switched_as_often_as_one_likes, .timeout = 60)
{
	everywhere(switched_while_running);
}

static int note_sleep(void *arg)
{
	*(int *)arg = crew_sleep(CREW_US(10));
	return 0;
}

static int groups_inside_and_outside(void *arg)
{
	struct crew_scope outer;
	struct crew_scope shield;
	struct crew_group outside;
	struct crew_group inside;
	int covered = 1;
	int rc;

	(void)arg;
	crew_scope_open(&outer, NULL);
	crew_group_open(&outside, CREW_GROUP(.crew = test_crew));
	crew_scope_open(&shield, CREW_SCOPE(.shield = true));
	crew_group_open(&inside, CREW_GROUP(.crew = test_crew));
	crew_scope_cancel(&outer, NULL);
	CHECK(crew_group_spawn(&inside, note_sleep, &covered) == 0);
	rc = crew_group_spawn(&outside, note_sleep, &covered);
	CHECK(rc == CREW_ECANCELED);
	CHECK(crew_group_close(&inside, 0) == 0 && covered == 0);
	CHECK(crew_scope_close(&shield, 0) == 0);
	CHECK(crew_group_close(&outside, 0) == 0);
	CHECK(crew_scope_close(&outer, 0) == 0);
	return 0;
}

Test(scope_shield, D3_covers_groups_opened_inside_and_no_others, .timeout = 60)
{
	everywhere(groups_inside_and_outside);
}

static int own_deadline(void *arg)
{
	struct crew_scope outer;
	struct crew_scope shield;

	(void)arg;
	crew_scope_open(&outer, NULL);
	crew_scope_cancel(&outer, NULL);
	for (int i = 0; i < 2; i++) {
		crew_scope_open(&shield, CREW_SCOPE(.shield = true, .timeout_ns = CREW_MS(1),
						    .on_deadline = i ? CREW_FAIL : CREW_MOVE_ON));
		CHECK(crew_sleep(LONG) == CREW_ECANCELED);
		CHECK(crew_scope_close(&shield, CREW_ECANCELED) == (i ? CREW_ETIMEDOUT : 0));
	}
	CHECK(crew_scope_close(&outer, crew_check()) == 0);
	return 0;
}

Test(scope_shield, D4_D8_its_own_deadline_works_in_a_cancelled_scope, .timeout = 60)
{
	everywhere(own_deadline);
}

static int raised_on_the_way(void *arg)
{
	struct crew_scope outer;
	struct crew_scope inner;
	int rc;

	(void)arg;
	crew_scope_open(&outer, NULL);
	crew_scope_cancel(&outer, NULL);
	crew_scope_open(&inner, NULL);
	rc = crew_sleep(LONG);
	crew_scope_set_shield(&inner, true);
	rc = crew_scope_close(&inner, rc);
	CHECK(rc == CREW_ECANCELED && !crew_scope_caught(&inner));
	CHECK(crew_scope_close(&outer, rc) == 0 && crew_scope_caught(&outer));
	return 0;
}

Test(scope_shield, D5_raised_on_the_way_out_it_catches_nothing, .timeout = 60)
{
	everywhere(raised_on_the_way);
}

static int pending_again(void *arg)
{
	struct crew_scope outer;
	struct crew_scope shield;
	struct crew_scope inner;

	(void)arg;
	crew_scope_open(&outer, NULL);
	crew_scope_cancel(&outer, NULL);
	crew_scope_open(&shield, CREW_SCOPE(.shield = true));
	crew_scope_open(&inner, NULL);
	CHECK(crew_check() == 0 && crew_checkpoint() == 0);
	CHECK(crew_scope_close(&inner, 0) == 0 && crew_check() == 0);
	CHECK(crew_scope_close(&shield, 0) == 0);
	CHECK(crew_check() == CREW_ECANCELED && crew_sleep(LONG) == CREW_ECANCELED);
	CHECK(crew_scope_close(&outer, CREW_ECANCELED) == 0);
	CHECK(crew_check() == 0);
	return 0;
}

Test(scope_shield, D6_behind_it_the_cancellation_is_there_again, .timeout = 60)
{
	everywhere(pending_again);
}

/* ---- waits that are ended, and waits that are not ----------------------------------- */

static void count(void *arg)
{
	++*(int *)arg;
}

struct nest {
	struct crew_scope scopes[3];
	struct crew_scope_hook hook;
	int aborts;
	int slept;
	int then;
};

static int sleep_in_three(void *arg)
{
	struct nest *nest = (struct nest *)arg;
	int rc;

	for (int i = 0; i < 3; i++)
		crew_scope_open(&nest->scopes[i], NULL);
	crew_scope_on_cancel(&nest->scopes[2], &nest->hook, count, &nest->aborts);
	nest->slept = crew_sleep(LONG);
	nest->then = crew_check();
	rc = nest->slept;
	for (int i = 3; i-- > 0;)
		rc = crew_scope_close(&nest->scopes[i], rc);
	return rc;
}

/* On one worker: the sleeper does not go on before all is done. */
static int abort_once(void *arg)
{
	struct nest nests[2] = { { .aborts = 0 }, { .aborts = 0 } };
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	for (int i = 0; i < 2; i++)
		crew_group_spawn(&group, sleep_in_three, &nests[i]);
	wait_for_sleepers(2);
	for (int i = 0; i < 3; i++)
		crew_scope_cancel(&nests[0].scopes[i], NULL);
	crew_scope_cancel(&nests[1].scopes[0], NULL);
	crew_scope_set_shield(&nests[1].scopes[2], true);
	CHECK(crew_group_close(&group, 0) == 0);
	for (int i = 0; i < 2; i++)
		CHECK(nests[i].aborts == 1 && nests[i].slept == CREW_ECANCELED);
	CHECK(nests[0].then == CREW_ECANCELED && nests[1].then == 0);
	return 0;
}

Test(scope_shield, B12_a_wait_is_ended_once_and_no_shield_takes_that_back, .timeout = 60)
{
	struct crew *crew = start_crew(1);
	int rc = crew_run(crew, abort_once, NULL);

	cr_assert_eq(rc, 0, "line %d", rc);
	cr_assert_eq(crew_stop(crew), 0);
}

static crew_time cpu_time(void)
{
	struct rusage usage; /* clocks may jump, under fault/refuse.c */

	getrusage(RUSAGE_SELF, &usage);
	return CREW_S(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       CREW_US(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static int sleep_on(void *arg)
{
	struct crew_scope shield;

	crew_scope_open(&shield, CREW_SCOPE(.shield = true));
	*(int *)arg = crew_sleep(CREW_MS(500));
	return crew_scope_close(&shield, 0);
}

static int wait_for_the_shielded(void *arg)
{
	struct crew_group group;
	crew_time used;
	int slept = 1;
	int rc;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn(&group, sleep_on, &slept);
	wait_for_sleepers(1);
	used = cpu_time();
	crew_group_cancel(&group, NULL);
	rc = crew_group_close(&group, 0);
	used = cpu_time() - used;
	CHECK(rc == 0 && slept == 0);
	CHECK(used < CREW_MS(100));
	return 0;
}

Test(scope_shield, B16_who_waits_for_a_shielded_child_uses_no_cpu, .timeout = 60)
{
	struct crew *crew = start_crew(2);
	int rc = crew_run(crew, wait_for_the_shielded, NULL);

	cr_assert_eq(rc, 0, "line %d in a task", rc);
	rc = wait_for_the_shielded(NULL);
	cr_assert_eq(rc, 0, "line %d on a plain thread", rc);
	cr_assert_eq(crew_stop(crew), 0);
}
