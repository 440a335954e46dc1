/* SPDX-License-Identifier: MIT */
/* task.c - what a task may ask about itself: what crew/task.h promises. */
#include "api/task.h"

static int ask_in_peace(void *arg)
{
	(void)arg;
	CHECK(crew_check() == 0);
	CHECK(crew_checkpoint() == 0);
	crew_yield();
	return 0;
}

Test(task, nobody_is_cancelled_without_a_reason)
{
	run_with(1, ask_in_peace, NULL);
}

Test(task, outside_of_any_scope_the_answer_is_0)
{
	cr_assert_eq(ask_in_peace(NULL), 0);
}

static int am_i_a_task(void *arg)
{
	*(bool *)arg = crew_in_task();
	return crew_may_block() ? 1 : 0;
}

static int ask_on_a_spare_thread(void *arg)
{
	return crew_blocking(am_i_a_task, arg) == 1 ? 0 : CREW_EINVAL;
}

Test(task, a_task_knows_that_it_is_one)
{
	bool in_task = false;

	cr_assert(!crew_in_task() && crew_may_block());
	run_with(1, am_i_a_task, &in_task);
	cr_assert(in_task);
}

Test(task, the_function_of_a_blocking_call_counts_as_its_task)
{
	bool in_task = false;

	run_with(1, ask_on_a_spare_thread, &in_task);
	cr_assert(in_task);
}

static int fail(void *arg)
{
	(void)arg;
	return 7;
}

/* A group that a child has failed: each call that looks says so, each time. */
static int ask_in_vain(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, fail, NULL);
	CHECK(crew_group_wait(&group) == CREW_ECANCELED);
	for (int i = 0; i < 3; i++) {
		CHECK(crew_check() == CREW_ECANCELED);
		CHECK(crew_checkpoint() == CREW_ECANCELED);
		CHECK(crew_sleep(0) == CREW_ECANCELED);
		CHECK(crew_sleep(CREW_NEVER) == CREW_ECANCELED);
	}
	crew_yield(); /* never looks */
	CHECK(crew_group_close(&group, CREW_ECANCELED) == 7);
	/* the cancellation ends with the group */
	CHECK(crew_check() == 0);
	CHECK(crew_checkpoint() == 0);
	return 0;
}

Test(task, a_cancelled_task_hears_it_again_and_again_until_it_leaves_the_group)
{
	run_with(1, ask_in_vain, NULL);
}

struct turns {
	int next;
	char text[8];
};

struct player {
	struct turns *turns;
	char letter;
	int rc;
};

static int sign_three_times(void *arg)
{
	struct player *player = arg;

	for (int i = 0; i < 3; i++) {
		player->turns->text[player->turns->next++] = player->letter;
		crew_yield();
	}
	return 0;
}

static int two_take_turns(void *arg)
{
	struct player a = { arg, 'a', 0 };
	struct player b = { arg, 'b', 0 };
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, sign_three_times, &a);
	crew_group_spawn(&group, sign_three_times, &b);
	return crew_group_close(&group, 0);
}

Test(task, who_yields_goes_to_the_end_of_the_line)
{
	struct turns turns = { 0 };

	run_with(1, two_take_turns, &turns);
	cr_assert_eq(turns.next, 6);
	/* nobody signs three times before the other has begun */
	cr_assert_neq(strncmp(turns.text, "aaa", 3), 0, "%s", turns.text);
	cr_assert_neq(strncmp(turns.text, "bbb", 3), 0, "%s", turns.text);
}

static int block_without_a_function(void *arg)
{
	(void)arg;
	CHECK(crew_blocking(NULL, NULL) == CREW_EINVAL);
	CHECK(crew_blocking(fail, NULL) == 7);
	return 0;
}

Test(task, a_blocking_call_returns_the_functions_code)
{
	run_with(1, block_without_a_function, NULL);
	cr_assert_eq(block_without_a_function(NULL), 0);
}
