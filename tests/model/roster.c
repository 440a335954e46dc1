/* SPDX-License-Identifier: MIT */
/*
 * model/roster.c - the children of a group that are handed out (scope/roster.c), by tasks that
 * begin while the owner closes; and the children counted (crew_group_read_stats()) while they
 * end.
 */
#include "model/model.h"

static struct crew_word spawned;
static struct crew_task *the_task;

/* ---- asking while the group closes -------------------------------------------------------- */

static int take_all(void *arg)
{
	struct crew_group *group = (struct crew_group *)arg;
	struct crew_task *task;
	int rc;

	while ((rc = crew_group_next(group, &task)) == 0) {
		crew__sim_check(crew_task_join_nowait(task, NULL, NULL) == 0, "it has not ended");
		crew_task_drop(task);
	}
	crew__sim_check(rc == CREW_EEMPTY, "next failed");
	return 0;
}

static int have_all_taken(void *arg)
{
	struct crew_group *group = (struct crew_group *)arg;

	crew__sim_check(crew_group_spawn(group, take_all, group) == 0, "spawn failed");
	for (int i = 0; i < 3; i++)
		crew_yield(); /* they wait for us as well, or did so when close took us */
	return 0;
}

/* The roster has one that has ended, and a lazy one that a plain thread joins. */
static int closing_program(void *arg)
{
	struct crew_group *group = model_open(NULL);
	struct crew_task *ended;

	(void)arg;
	crew__sim_check(crew_group_spawn_task(group, model_leaf, NULL, NULL, &ended) == 0, "spawn");
	crew_task_drop(ended);
	crew__sim_check(crew_group_spawn_task(group, have_all_taken, group,
					      CREW_TASK(.flags = CREW_TASK_LAZY), &the_task) == 0,
			"spawn");
	crew__store_release(&spawned, 1);
	crew_yield();
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	return 0;
}

static void join_beside(struct model *m)
{
	(void)m;
	while (!crew__exchange_acq_rel(&spawned, 0))
		crew_sleep(CREW_US(1));
	crew__sim_check(crew_task_join(the_task, NULL, NULL) == 0, "join");
	crew_task_drop(the_task);
}

Test(roster, is_asked_by_who_begins_while_the_owner_closes, .timeout = 300)
{
	struct model model = {
		.program = closing_program, .beside = join_beside, .threads = 1, .lasts = -1
	};

	model_search("roster_closing", model, 2000);
}

/* ---- asking for the last ------------------------------------------------------------------ */

/* One of the listed children asks beside the owner: in the end it is the only one left. */
static int take_others(void *arg)
{
	struct crew_group *group = (struct crew_group *)arg;
	struct crew_task *task;
	int rc;

	while ((rc = crew_group_next(group, &task)) == 0) {
		crew__sim_check(crew_task_arg(task) != arg, "it has itself");
		crew_task_drop(task);
	}
	crew__sim_check(rc == CREW_EDEADLK, "who else is left?");
	return 0;
}

static int asking_program(void *arg)
{
	struct crew_group *group = model_open(NULL);
	struct crew_task *task;
	int rc;

	(void)arg;
	for (uintptr_t i = 0; i < 3; i++) {
		rc = crew_group_spawn_task(group, i == 1 ? take_others : model_leaf,
					   i == 1 ? (void *)group : (void *)i, NULL, &task);
		crew__sim_check(rc == 0, "spawn");
		crew_task_drop(task);
	}
	while ((rc = crew_group_next(group, &task)) == 0)
		crew_task_drop(task);
	crew__sim_check(rc == CREW_EEMPTY, "the owner asks until nobody is left");
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	return 0;
}

Test(roster, nobody_waits_for_itself, .timeout = 300)
{
	struct model model = { .program = asking_program, .lasts = -1 };

	model_search("roster_asking", model, 2000);
}

/* ---- counting while they end --------------------------------------------------------------- */

static struct crew_group *held;
static struct crew_word counted;

static int fail(void *arg)
{
	(void)arg;
	return 5;
}

static void release_beside(struct model *m)
{
	(void)m;
	while (!crew__exchange_acq_rel(&spawned, 0))
		crew_sleep(CREW_US(1));
	crew_group_release(held);
	while (!crew__exchange_acq_rel(&counted, 0))
		crew_sleep(CREW_US(1));
}

static void check_stats(bool all_ended)
{
	struct crew_group_stats stats = { .size = sizeof(stats) };
	uint64_t ended;

	crew__sim_check(crew_group_read_stats(held, &stats) == 0, "stats");
	ended = stats.finished + stats.failed;
	crew__sim_check(stats.finished <= 1 && stats.failed <= 2 && !stats.cancelled &&
				!stats.never_started,
			"more than there are");
	crew__sim_check(stats.active + ended == 3 || stats.active + ended == 4,
			"one was counted twice, or not at all");
	if (all_ended)
		crew__sim_check(stats.finished == 1 && stats.failed == 2 && !stats.active,
				"one was not counted");
}

/* One does well, two fail, a hold is let go. */
static int counting_program(void *arg)
{
	(void)arg;
	held = model_open(NULL);
	crew_group_close(held, 0);
	crew_group_open(held, CREW_GROUP(.policy = CREW_SUPERVISE));
	crew__sim_check(crew_group_hold(held) == 0, "hold");
	crew_group_spawn(held, fail, NULL);
	crew_group_spawn(held, fail, NULL);
	crew_group_spawn(held, model_leaf, NULL);
	crew__store_release(&spawned, 1);
	for (int i = 0; i < 3; i++) {
		check_stats(false);
		crew_yield();
	}
	crew__sim_check(crew_group_wait(held) == 0, "wait");
	check_stats(true);
	crew__store_release(&counted, 1);
	crew__sim_check(model_close(held, 0) == 0, "close failed");
	return 0;
}

Test(roster, stats_are_read_while_children_end, .timeout = 300)
{
	struct model model = {
		.program = counting_program, .beside = release_beside, .threads = 1, .lasts = -1
	};

	model_search("roster_stats", model, 2000);
}
