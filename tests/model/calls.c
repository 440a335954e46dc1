/* SPDX-License-Identifier: MIT */
/*
 * model/calls.c - calls of groups between what they wait for and a cancellation: a group that
 * is cancelled while others spawn into it (C5, G11); the last child that ends when the time to
 * wait for it is up (F11, G16); the next one to end, which is handed out to the one of two who
 * is not cancelled (B7, B9).
 */
#include "model/model.h"

/* ---- spawned, cancelled, closed -------------------------------------------------------- */

#define SPAWNED 3

static struct crew_word tried;
static struct crew_word ran;

static void spawn(struct crew_group *group, crew_task_fn *fn)
{
	int rc;

	crew__add_acq_rel(&tried, 1);
	rc = crew_group_spawn(group, fn, group);
	crew__sim_check(rc == 0 || rc == CREW_ECANCELED, "spawn failed");
}

static int count(void *arg)
{
	(void)arg;
	crew__add_acq_rel(&ran, 1);
	return 0;
}

static int cancel_group(void *group)
{
	crew_group_cancel((struct crew_group *)group, NULL);
	return count(NULL);
}

static int spawn_some(void *group)
{
	for (int i = 0; i < SPAWNED; i++)
		spawn((struct crew_group *)group, count);
	return count(NULL);
}

static int spawned_program(void *arg)
{
	struct crew_group_stats stats = { .size = sizeof(stats) };
	struct crew_group *group = model_open(NULL);

	crew__init_word(&tried, 0);
	crew__init_word(&ran, 0);
	spawn(group, cancel_group);
	spawn(group, spawn_some);
	spawn_some(group);
	crew__add_acq_rel(&ran, (uint64_t)-1); /* that was no child */
	if (!arg) {			       /* or close waits for them */
		while (crew_group_read_stats(group, &stats) == 0 && stats.active)
			crew_yield();
		crew__sim_check(stats.finished == crew__load_relaxed(&ran), "who ran finished");
		crew__sim_check(stats.finished + stats.never_started == crew__load_relaxed(&tried),
				"a child is lost");
		crew__sim_check(!stats.failed && !stats.cancelled, "nobody failed");
	}
	return model_close(group, 0);
}

static int closed_program(void *arg)
{
	(void)arg;
	return spawned_program(&ran);
}

Test(calls, C5_G11_spawned_while_the_group_is_cancelled, .timeout = 300)
{
	model_search("spawned_cancelled", (struct model){ .program = spawned_program }, 1000);
	model_search("closed_cancelled", (struct model){ .program = closed_program }, 2000);
}

/* ---- the last child, and the time to wait for it ----------------------------------------- */

static int sleep_a_little(void *written)
{
	int rc = crew_sleep(CREW_MS(1));

	*(int *)written = 1;
	return rc;
}

static int timed_program(void *arg)
{
	struct crew_group *group = model_open(NULL);
	struct crew_scope scope;
	int written = 0;
	int rc;

	(void)arg;
	crew_group_spawn(group, sleep_a_little, &written);
	crew_scope_open(&scope, CREW_SCOPE(.timeout_ns = CREW_MS(1), .on_deadline = CREW_FAIL));
	rc = crew_group_wait(group);
	if (rc == 0)
		crew__sim_check(written == 1, "it has not ended, or not visibly");
	else
		crew__sim_check(rc == CREW_ECANCELED, "wait failed");
	rc = crew_scope_close(&scope, rc);
	crew__sim_check(rc == 0 || rc == CREW_ETIMEDOUT, "the scope caught something else");
	crew__sim_check(crew_check() == 0, "the group was cancelled");
	crew__sim_check(model_close(group, 0) == 0 && written == 1, "the child was stopped");
	return 0;
}

Test(calls, F11_G16_the_last_child_ends_when_the_time_is_up, .timeout = 300)
{
	model_search("timed", (struct model){ .program = timed_program, .lasts = CREW_MS(1) },
		     3000);
}

/* ---- the next one, and two who wait for it ------------------------------------------------ */

struct taker {
	struct crew_group *group;
	struct crew_scope scope;
	struct crew_task *task;
	struct crew_word entered;
};

static int take(void *arg)
{
	struct taker *taker = (struct taker *)arg;
	int rc;

	crew_scope_open(&taker->scope, NULL);
	crew__store_release(&taker->entered, 1);
	rc = crew_group_next(taker->group, &taker->task);
	crew__sim_check((rc == 0) == (taker->task != NULL), "a code, and a task");
	/* it may be cancelled until here: the scope is left when that is over */
	while (crew_check() == 0)
		crew_yield();
	/* CREW_EEMPTY: the other one was faster */
	crew__sim_check(rc == 0 || rc == CREW_ECANCELED || rc == CREW_EEMPTY, "next failed");
	crew__sim_check(crew_scope_close(&taker->scope, crew_check()) == 0, "not caught");
	return 0;
}

static int taken_program(void *arg)
{
	struct crew_group *group = model_open(NULL);
	struct taker cancelled = { .group = group };
	struct crew_task *task;
	struct crew_task *taken;
	int rc;

	(void)arg;
	crew__sim_check(crew_group_spawn_task(group, model_yield, NULL, NULL, &task) == 0, "spawn");
	crew_group_spawn(group, take, &cancelled);
	while (!crew__load_acquire(&cancelled.entered))
		crew_yield();
	crew_scope_cancel(&cancelled.scope, NULL);
	rc = crew_group_next(group, &taken);
	crew__sim_check(rc == 0 ? taken == task : rc == CREW_EEMPTY && !taken, "next failed");
	crew__sim_check(crew_group_wait(group) == 0, "wait failed");
	crew__sim_check((cancelled.task == task) == (taken == NULL), "handed out to one");
	crew_task_drop(task);
	crew_task_drop(task); /* whoever has taken it */
	return model_close(group, 0);
}

Test(calls, B7_B9_the_next_goes_to_who_is_not_cancelled, .timeout = 300)
{
	model_search("taken", (struct model){ .program = taken_program }, 2000);
}
