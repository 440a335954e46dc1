/* SPDX-License-Identifier: MIT */
/*
 * scope_calls.c - what the calls of scopes, groups and tasks do when their caller is
 * cancelled, and what lets others run: A1, B7 to B14, F11, G16 of tests/RULES.md.
 */
#include "api/scope.h"

static struct crew_group *open_group(struct crew_group *group, enum crew_policy policy)
{
	crew_group_open(group, CREW_GROUP(.crew = test_crew, .policy = policy));
	return group;
}

static int give(void *arg)
{
	return crew_return(arg);
}

static int wait_long(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_NEVER);
}

/* ---- A1: which calls look for cancellation, and which let others run --------------- */

static struct calls {
	struct crew_group group; /* the innermost, and nobody cancels it */
	struct crew_task *ended;
	uint64_t turns; /* of who yields all the time */
	bool done;
} calls;

static int take_turns(void *arg)
{
	(void)arg;
	while (!calls.done) {
		calls.turns++;
		crew_yield();
	}
	return 0;
}

static int call_yield(void)
{
	crew_yield();
	return 0;
}

static int call_sleep(void)
{
	return crew_sleep(0);
}

static int call_sleep_until(void)
{
	return crew_sleep_until(0);
}

static int call_blocking_give(void)
{
	return crew_blocking(give, NULL);
}

static int call_wait(void)
{
	struct crew_group group;
	int rc;

	crew_group_open(&group, NULL);
	rc = crew_group_wait(&group);
	crew_group_close(&group, 0);
	return rc;
}

static int call_close(void)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	return crew_group_close(&group, 0);
}

static int call_join(void)
{
	return crew_task_join(calls.ended, NULL, NULL);
}

static int call_join_nowait(void)
{
	return crew_task_join_nowait(calls.ended, NULL, NULL);
}

static int call_next(void)
{
	struct crew_task *task;

	return crew_group_next(&calls.group, &task);
}

static int call_next_spawned(void)
{
	struct crew_task *task;

	return crew_group_next_spawned(&calls.group, &task);
}

static int call_next_nowait(void)
{
	struct crew_task *task;

	return crew_group_next_nowait(&calls.group, &task);
}

static int call_spawn(void)
{
	return crew_group_spawn(&calls.group, give, NULL);
}

static int call_hold(void)
{
	int rc = crew_group_hold(&calls.group);

	crew_group_release(&calls.group);
	return rc;
}

static int call_task_cancel(void)
{
	return crew_task_cancel(calls.ended, NULL);
}

static void do_nothing(void *arg)
{
	(void)arg;
}

static int call_scopes(void)
{
	struct crew_scope_hook hook;
	struct crew_scope scope;
	int rc;

	crew_scope_open(&scope, NULL);
	rc = crew_scope_on_cancel(&scope, &hook, do_nothing, NULL);
	crew_scope_hook_stop(&hook);
	crew_scope_set_deadline(&scope, CREW_NEVER);
	crew_scope_set_shield(&scope, true);
	crew_scope_cancel(&scope, NULL);
	return crew_scope_close(&scope, rc);
}

/* In the caller's own code, where that can be. */
static int call_check(void)
{
	return crew_check();
}

/* What each says in a cancelled scope, and whether others run meanwhile in one that is not. */
static const struct {
	const char *name;
	int (*call)(void);
	int otherwise; /* what it says when nothing is cancelled */
	int cancelled;
	bool others_run;
} table[] = {
	{ "crew_check", call_check, 0, CREW_ECANCELED, false },
	{ "&crew_check", crew_check, 0, CREW_ECANCELED, false },
	{ "crew_checkpoint", crew_checkpoint, 0, CREW_ECANCELED, true },
	{ "crew_yield", call_yield, 0, 0, true },
	{ "crew_sleep", call_sleep, 0, CREW_ECANCELED, true },
	{ "crew_sleep_until", call_sleep_until, 0, CREW_ECANCELED, true },
	{ "crew_blocking", call_blocking_give, 0, CREW_ECANCELED, true },
	{ "crew_group_wait", call_wait, 0, CREW_ECANCELED, true },
	{ "crew_group_close", call_close, 0, 0, false },
	{ "crew_task_join", call_join, 0, CREW_ECANCELED, false },
	{ "crew_task_join_nowait", call_join_nowait, 0, 0, false },
	{ "crew_group_next", call_next, CREW_EEMPTY, CREW_ECANCELED, false },
	{ "crew_group_next_spawned", call_next_spawned, CREW_EEMPTY, CREW_ECANCELED, false },
	{ "crew_group_next_nowait", call_next_nowait, CREW_EEMPTY, CREW_EEMPTY, false },
	{ "crew_group_spawn", call_spawn, 0, 0, false },
	{ "crew_group_hold", call_hold, 0, 0, false },
	{ "crew_task_cancel", call_task_cancel, 0, 0, false },
	{ "crew_scope_...", call_scopes, 0, 0, false },
};

/* Others run when it is called often enough, if they run at all. */
static bool lets_others_run(int (*call)(void), int expected)
{
	uint64_t before = calls.turns;

	for (int i = 0; i < 100 && calls.turns == before; i++)
		if (call() != expected)
			return false;
	return calls.turns != before;
}

static int A1_the_checkpoints(void *arg)
{
	struct crew_scope scope;
	struct crew_group others;

	(void)arg;
	calls = (struct calls){ .turns = 0 };
	open_group(&others, CREW_FAIL_FAST);
	crew_group_spawn(&others, take_turns, NULL);
	open_group(&calls.group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&calls.group, give, NULL, NULL, &calls.ended) == 0);
	CHECK(crew_group_next(&calls.group, &calls.ended) == 0);
	crew_task_drop(calls.ended); /* the handle of spawn: next has given another one */
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bool ran = lets_others_run(table[i].call, table[i].otherwise);

		if (ran != table[i].others_run || table[i].call() != table[i].otherwise)
			fprintf(stderr, "%s\n", table[i].name);
		CHECK(ran == table[i].others_run && table[i].call() == table[i].otherwise);
		crew_scope_open(&scope, NULL);
		crew_scope_cancel(&scope, NULL);
		if (table[i].call() != table[i].cancelled)
			fprintf(stderr, "%s in a cancelled scope\n", table[i].name);
		CHECK(table[i].call() == table[i].cancelled);
		CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	}
	crew_task_drop(calls.ended);
	CHECK(crew_group_close(&calls.group, 0) == 0);
	calls.done = true;
	CHECK(crew_group_close(&others, 0) == 0);
	return 0;
}

/* One worker: whoever runs else runs because of the call. */
Test(scope_calls, A1_the_checkpoints_are_those_of_the_table, .timeout = 30)
{
	struct crew *crew = start_crew(1);

	run_in(crew, A1_the_checkpoints, NULL);
	stop(crew);
}

/* ---- B7: cancelled is not done ------------------------------------------------------ */

static int B7_a_cancelled_call_has_not_happened(void *arg)
{
	struct crew_word ran = { 0 };
	struct crew_group group;
	struct crew_group inner;
	struct crew_scope scope;
	struct crew_task *spawned;
	struct crew_task *task;
	void *value = NULL;
	int rc = -1;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, give, &group, NULL, &spawned) == 0);
	while (crew_task_join_nowait(spawned, NULL, NULL) == CREW_EWOULDBLOCK)
		crew_yield();
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_task_join(spawned, &rc, &value) == CREW_ECANCELED && rc == -1 && !value);
	CHECK(crew_group_next(&group, &task) == CREW_ECANCELED && !task);
	CHECK(crew_group_next_spawned(&group, &task) == CREW_ECANCELED && !task);
	CHECK(crew_blocking(sleep_long, &ran) == CREW_ECANCELED);
	open_group(&inner, CREW_FAIL_FAST); /* is cancelled like what is around it */
	CHECK(crew_group_spawn(&inner, sleep_long, &ran) == CREW_ECANCELED);
	CHECK(crew_group_close(&inner, 0) == 0);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	CHECK(crew_group_next(&group, &task) == 0 && task == spawned);
	CHECK(crew_task_join(spawned, &rc, &value) == 0 && rc == 0 && value == &group);
	crew_task_drop(task);
	crew_task_drop(spawned);
	CHECK(crew_group_close(&group, 0) == 0 && crew__load_relaxed(&ran) == 0);
	return 0;
}

Test(scope_calls, B7_a_cancelled_call_has_not_happened, .timeout = 30)
{
	everywhere(B7_a_cancelled_call_has_not_happened);
}

/* ---- B8, B9, B10: who gets it ---------------------------------------------------------- */

/* What the owner waits for ends, and cancels the owner: in this order, whatever follows. */
static int fail_when_joined(void *arg)
{
	(void)arg;
	wait_for_parked(test_crew, 1, "task join");
	return 5;
}

static int B8_what_was_given_before_is_kept(void *arg)
{
	struct crew_group group;
	struct crew_task *task;
	int rc = 0;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, fail_when_joined, NULL, NULL, &task) == 0);
	CHECK(crew_task_join(task, &rc, NULL) == 0 && rc == 5);
	while (crew_check() == 0)
		crew_yield();
	CHECK(crew_task_join(task, &rc, NULL) == CREW_ECANCELED);
	crew_task_drop(task);
	CHECK(crew_group_close(&group, crew_check()) == 5);
	return 0;
}

Test(scope_calls, B8_what_was_given_before_the_cancellation_is_kept, .timeout = 30)
{
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct crew *crew = start_crew(workers);

		run_in(crew, B8_what_was_given_before_is_kept, NULL);
		stop(crew);
	}
}

/* Runs between the end of the task and whatever its joiner does then. */
static void the_time_is_up(void *scope)
{
	crew_scope_set_deadline((struct crew_scope *)scope, crew_now());
}

static int F11_success_wins(void *arg)
{
	struct crew_scope_hook hook;
	struct crew_group group;
	struct crew_scope around;
	struct crew_scope scope;
	struct crew_task *task;
	int rc = 0;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, fail_when_joined, NULL, NULL, &task) == 0);
	crew_scope_open(&around, NULL);
	crew_scope_open(&scope, CREW_SCOPE(.shield = true, .on_deadline = CREW_FAIL));
	CHECK(crew_scope_on_cancel(&around, &hook, the_time_is_up, &scope) == 0);
	CHECK(crew_task_join(task, &rc, NULL) == 0 && rc == 5);
	while (crew_check() == 0)
		crew_yield();
	CHECK(crew_scope_close(&scope, crew_check()) == CREW_ETIMEDOUT);
	CHECK(crew_scope_close(&around, 0) == 0);
	crew_task_drop(task);
	CHECK(crew_group_close(&group, 0) == 5);
	return 0;
}

Test(scope_calls, F11_what_has_ended_wins_over_the_timeout, .timeout = 30)
{
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct crew *crew = start_crew(workers);

		run_in(crew, F11_success_wins, NULL);
		stop(crew);
	}
}

struct taker {
	struct crew_group *group;
	struct crew_scope scope;
	struct crew_task *task;
	int rc;
};

static int take(void *arg)
{
	struct taker *taker = (struct taker *)arg;
	int rc;

	crew_scope_open(&taker->scope, NULL);
	taker->rc = crew_group_next(taker->group, &taker->task);
	rc = crew_scope_close(&taker->scope, taker->rc);
	return rc == CREW_EEMPTY ? 0 : rc;
}

/* The first in line is cancelled, and has not run since: it is the second one's turn. */
static int B9_B10_a_cancelled_one_has_left_the_line(void *arg)
{
	struct taker takers[2] = { { .rc = -1 }, { .rc = -1 } };
	struct crew_group group;
	struct crew_task *task;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, wait_long, NULL, CREW_TASK(.flags = CREW_TASK_ATOMIC),
				    &task) == 0);
	for (unsigned i = 0; i < 2; i++) {
		takers[i].group = &group;
		crew_group_spawn(&group, take, &takers[i]);
		wait_for_parked(test_crew, i + 1, "group next");
	}
	crew_scope_cancel(&takers[0].scope, NULL);
	CHECK(crew_task_cancel(task, NULL) == 0);
	CHECK(crew_group_wait(&group) == 0);
	CHECK(takers[0].rc == CREW_ECANCELED && !takers[0].task);
	CHECK(takers[1].rc == 0 && takers[1].task == task);
	crew_task_drop(task);
	crew_task_drop(task);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(scope_calls, B9_B10_a_cancelled_one_has_left_the_line, .timeout = 30)
{
	everywhere(B9_B10_a_cancelled_one_has_left_the_line);
}

/* ---- B11, B14 -------------------------------------------------------------------------- */

/* Cancels who waits for it, and is not done yet. */
static int cancel_and_go_on(void *scope)
{
	crew_scope_cancel((struct crew_scope *)scope, NULL);
	return crew_check() == CREW_ECANCELED ? 7 : 0;
}

static int B11_what_cannot_be_interrupted(void *arg)
{
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, NULL);
	CHECK(crew_blocking(cancel_and_go_on, &scope) == 7);
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_blocking(cancel_and_go_on, &scope) == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, crew_check()) == 0);
	return 0;
}

Test(scope_calls, B11_what_cannot_be_interrupted_runs_to_its_end, .timeout = 30)
{
	everywhere(B11_what_cannot_be_interrupted);
}

static int B14_nowait_does_not_ask(void *arg)
{
	struct crew_group group;
	struct crew_scope scope;
	struct crew_task *ended;
	struct crew_task *goes_on;
	struct crew_task *task;
	void *value = NULL;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, give, &group, NULL, &ended) == 0);
	CHECK(crew_group_spawn_task(&group, wait_long, NULL, NULL, &goes_on) == 0);
	CHECK(crew_task_join(ended, NULL, NULL) == 0);
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_task_join_nowait(ended, NULL, &value) == 0 && value == &group);
	CHECK(crew_task_join_nowait(goes_on, NULL, NULL) == CREW_EWOULDBLOCK);
	/* it has ended, and is in the list a moment later */
	while (crew_group_next_nowait(&group, &task) == CREW_EWOULDBLOCK)
		crew_yield();
	CHECK(task == ended);
	CHECK(crew_group_next_nowait(&group, &task) == CREW_EWOULDBLOCK && !task);
	CHECK(crew_scope_close(&scope, crew_check()) == 0);
	CHECK(crew_task_cancel(goes_on, NULL) == 0);
	crew_task_drop(ended);
	crew_task_drop(ended);
	crew_task_drop(goes_on);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(scope_calls, B14_what_never_waits_does_not_ask, .timeout = 30)
{
	everywhere(B14_nowait_does_not_ask);
}

/* ---- G16: to wait only so long ----------------------------------------------------------- */

static int wait_as_a_child(void *arg)
{
	struct crew_group *group = (struct crew_group *)arg;
	struct crew_scope scope;
	int rc;

	crew_scope_open(&scope, NULL);
	rc = crew_group_wait(group);
	return crew_scope_close(&scope, rc) == CREW_ESTATE ? 0 : __LINE__;
}

static int G16_wait_in_a_scope_with_a_deadline(void *arg)
{
	struct crew_group_stats stats = { .size = sizeof(stats) };
	struct crew_group group;
	struct crew_group inner;
	struct crew_scope scope;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	crew_group_spawn(&group, wait_long, NULL);
	crew_scope_fail_after(&scope, CREW_MS(1));
	CHECK(crew_group_wait(&group) == CREW_ECANCELED);
	CHECK(crew_group_read_stats(&group, &stats) == 0 && stats.active == 1);
	CHECK(crew_group_close(&group, 0) == CREW_ESTATE); /* that one is not the innermost */
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == CREW_ETIMEDOUT);
	/* the group is as it was */
	CHECK(crew_check() == 0);
	CHECK(crew_group_spawn(&group, wait_as_a_child, &group) == 0);
	do
		CHECK(crew_group_read_stats(&group, &stats) == 0 && !stats.failed);
	while (!stats.finished && crew_checkpoint() == 0);
	/* but not from a group inside */
	open_group(&inner, CREW_FAIL_FAST);
	crew_scope_open(&scope, NULL);
	CHECK(crew_group_wait(&group) == CREW_ESTATE);
	CHECK(crew_group_wait(&inner) == 0);
	CHECK(crew_scope_close(&scope, 0) == 0 && crew_group_close(&inner, 0) == 0);
	crew_group_cancel(&group, NULL);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(scope_calls, G16_wait_in_a_scope_with_a_deadline_leaves_the_children_alone, .timeout = 30)
{
	everywhere(G16_wait_in_a_scope_with_a_deadline);
}
