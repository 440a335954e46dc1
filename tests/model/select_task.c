/* SPDX-License-Identifier: MIT */
/*
 * model/select_task.c - the ends of tasks as cases of a select (sync/select_task.c): seen once
 * the task has ended, with what it wrote; whoever is cancelled leaves its line; the handles are
 * dropped at once, and crew_stop() finds that they were.
 */
#include "model/model.h"

#include "crew/select.h"

static struct crew_task *tasks[2];
static struct crew_event event;
/* Plain memory: who has seen the task end sees it. */
static int written[2];

static int write_later(void *arg)
{
	int *at = (int *)arg;
	int rc = crew_checkpoint();

	*at = 1;
	return rc;
}

static void spawn_two(struct crew_group *group, uint32_t flags)
{
	for (int i = 0; i < 2; i++) {
		written[i] = 0;
		crew__sim_check(crew_group_spawn_task(group, write_later, &written[i],
						      CREW_TASK(.flags = flags), &tasks[i]) == 0,
				"spawn");
	}
	event = (struct crew_event)CREW_EVENT_INIT;
}

/* Which, of the two and the event. */
static int choose(enum crew_select_order order)
{
	struct crew_case cases[] = { CREW_ON_TASK(tasks[0]), CREW_ON_EVENT(&event),
				     CREW_ON_TASK(tasks[1]) };
	int which = crew_select_one(cases, 3, order);

	if (which == 0 || which == 2) {
		crew__sim_check(cases[which].rc == 0, "an end that fails");
		crew__sim_check(crew_task_join_nowait(tasks[which / 2], NULL, NULL) == 0,
				"it has not ended");
		crew__sim_check(written[which / 2] || crew_task_status(tasks[which / 2]) ==
							      CREW_TASK_NEVER_STARTED,
				"what it wrote is not there");
	}
	return which;
}

static int chooser(void *arg)
{
	(void)arg;
	crew__sim_check(choose(CREW_FAIR) >= 0, "select");
	return 0;
}

static int setter(void *arg)
{
	(void)arg;
	crew_event_set(&event);
	return 0;
}

static int canceller(void *arg)
{
	(void)arg;
	crew_task_cancel(tasks[0], "model");
	return 0;
}

static void drop_two(void)
{
	crew_task_drop(tasks[0]);
	crew_task_drop(tasks[1]);
}

static int ends_program(void *arg)
{
	struct crew_group *group = model_open(NULL);
	struct crew_group *others;
	struct crew_scope scope;
	int which;

	spawn_two(group, 0);
	others = model_open(NULL);
	crew_group_spawn(others, chooser, NULL);
	crew_group_spawn(others, arg ? canceller : setter, NULL);
	crew_scope_move_on_after(&scope, CREW_US(1));
	which = choose(CREW_IN_ORDER);
	crew_scope_close(&scope, which < 0 ? which : 0);
	crew__sim_check(which >= 0 || crew_scope_caught(&scope), "cancelled by nobody");
	crew__sim_check(model_close(others, 0) == 0, "others failed");
	drop_two();
	return model_close(group, 0);
}

Test(select, tasks_end_and_an_event_is_set, .timeout = 300)
{
	model_search("select_ends", (struct model){ .program = ends_program }, 1000);
}

static int cancels_program(void *arg)
{
	(void)arg;
	return ends_program(&event);
}

Test(select, tasks_end_and_are_cancelled, .timeout = 300)
{
	model_search("select_ends_cancelled", (struct model){ .program = cancels_program }, 1000);
}

/* The one who has seen it drops it, while it may still be on its way out. */
static int drops_with(uint32_t flags)
{
	struct crew_group *group = model_open(NULL);
	int first, second;

	spawn_two(group, flags);
	first = choose(CREW_FAIR);
	crew_task_drop(tasks[first / 2]);
	{
		struct crew_case last = CREW_ON_TASK(tasks[1 - first / 2]);

		second = crew_select_one(&last, 1, CREW_FAIR);
	}
	crew__sim_check(second == 0, "the other one");
	crew_task_drop(tasks[1 - first / 2]);
	return model_close(group, 0);
}

/* A task that is there twice is dropped as it ends: only one of its waits was ended. */
static int twice_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	spawn_two(group, 0);
	{
		struct crew_case cases[] = { CREW_ON_TASK(tasks[0]), CREW_ON_TASK(tasks[1]),
					     CREW_ON_TASK(tasks[0]) };
		int which = crew_select_one(cases, 3, CREW_FAIR);

		crew__sim_check(which >= 0 && cases[which].rc == 0, "select");
		crew__sim_check(written[which % 2], "what it wrote is not there");
		crew_task_drop(tasks[which % 2]);
		cases[which % 2].kind = CREW_CASE_OFF;
		if (which % 2 == 0)
			cases[2].kind = CREW_CASE_OFF;
		which = crew_select_one(cases, 3, CREW_FAIR);
		crew__sim_check(which >= 0 && written[which % 2], "the other one");
		crew_task_drop(tasks[which % 2]);
	}
	return model_close(group, 0);
}

static int drops_program(void *arg)
{
	(void)arg;
	return drops_with(0);
}

Test(select, tasks_are_dropped_as_they_end, .timeout = 300)
{
	model_search("select_drops", (struct model){ .program = drops_program }, 1000);
	model_search("select_twice", (struct model){ .program = twice_program }, 1000);
}

/* A lazy one begins; unless its group was faster. */
static int begins_program(void *arg)
{
	(void)arg;
	return drops_with(CREW_TASK_LAZY);
}

static int closer(void *arg)
{
	struct crew_group *group = model_open(NULL);

	spawn_two(group, CREW_TASK_LAZY);
	crew__store_release((struct crew_word *)arg, 1);
	return model_close(group, 0);
}

static int lazy_program(void *arg)
{
	static struct crew_word spawned;
	struct crew_group *group = model_open(NULL);

	(void)arg;
	crew__init_word(&spawned, 0);
	crew_group_spawn(group, closer, &spawned);
	while (!crew__load_acquire(&spawned))
		crew_yield();
	crew__sim_check(choose(CREW_FAIR) % 2 == 0, "select");
	crew__sim_check(choose(CREW_FAIR) % 2 == 0, "select");
	crew__sim_check(model_close(group, 0) == 0, "close");
	drop_two();
	return 0;
}

Test(select, lazy_tasks_begin_or_never_do, .timeout = 300)
{
	model_search("select_begins", (struct model){ .program = begins_program }, 500);
	model_search("select_lazy", (struct model){ .program = lazy_program }, 1000);
}
