/* SPDX-License-Identifier: MIT */
/* select_task.c - the ends of tasks as cases of a select (crew/select.h). */
#include "api/sync.h"

#include "crew/channel.h"
#include "crew/select.h"

#define TASKS 3

struct scene {
	struct crew_group group;
	struct crew_event ends[TASKS]; /* what the tasks wait for */
	struct crew_task *tasks[TASKS];
	struct crew_case cases[TASKS];
};

static int wait_and_give(void *arg)
{
	struct crew_event *ends = (struct crew_event *)arg;
	int rc = crew_event_wait(ends);

	return rc ? rc : crew_return(ends);
}

static int open_scene(struct scene *scene)
{
	*scene = (struct scene){ .cases = { { .rc = 0 } } };
	crew_group_open(&scene->group, CREW_GROUP(.crew = test_crew));
	for (int i = 0; i < TASKS; i++) {
		struct crew_case one;

		CHECK(crew_group_spawn_task(&scene->group, wait_and_give, &scene->ends[i], NULL,
					    &scene->tasks[i]) == 0);
		one = (struct crew_case)CREW_ON_TASK(scene->tasks[i]);
		scene->cases[i] = one;
	}
	return 0;
}

static int close_scene(struct scene *scene)
{
	for (int i = 0; i < TASKS; i++) {
		crew_event_set(&scene->ends[i]);
		CHECK(crew_task_join(scene->tasks[i], NULL, NULL) == 0);
		crew_task_drop(scene->tasks[i]);
	}
	return crew_group_close(&scene->group, 0);
}

static int selects(void *cases)
{
	return crew_select_one((struct crew_case *)cases, TASKS, CREW_FAIR);
}

/* The outcome is there for who joins, and that does not wait. */
static int ended_with(struct crew_task *task, void *expected)
{
	void *value = NULL;
	int rc = 1;

	CHECK(crew_task_status(task) == CREW_TASK_FINISHED);
	CHECK(crew_task_join_nowait(task, &rc, &value) == 0 && rc == 0 && value == expected);
	return 0;
}

static int one_ends(void *arg)
{
	struct scene scene;

	(void)arg;
	CHECK(open_scene(&scene) == 0);
	CHECK(crew_select_nowait(scene.cases, TASKS, CREW_FAIR) == CREW_EWOULDBLOCK);
	crew_event_set(&scene.ends[1]);
	CHECK(selects(scene.cases) == 1 && scene.cases[1].rc == 0);
	/* again, as long as it is there */
	CHECK(selects(scene.cases) == 1);
	CHECK(crew_select_nowait(scene.cases, TASKS, CREW_IN_ORDER) == 1);
	CHECK(ended_with(scene.tasks[1], &scene.ends[1]) == 0);
	CHECK(crew_task_join_nowait(scene.tasks[0], NULL, NULL) == CREW_EWOULDBLOCK);
	scene.cases[1].kind = CREW_CASE_OFF;
	crew_event_set(&scene.ends[0]);
	CHECK(selects(scene.cases) == 0);
	return close_scene(&scene);
}

Test(select, M12_a_task_that_ends_is_a_case)
{
	in_all_places(one_ends);
}

static int join_and_select(void *cases)
{
	struct crew_task *last = (struct crew_task *)((struct crew_case *)cases)[TASKS - 1].on;
	int rc = crew_task_join(last, NULL, NULL);

	return rc ? rc : 100 + selects(cases);
}

/* Joiners and selects wait for the same task, and all hear of it. */
static int many_wait(void *arg)
{
	struct scene scene;
	struct line line;
	struct crew_case own[TASKS][TASKS];

	(void)arg;
	CHECK(open_scene(&scene) == 0);
	line_open(&line);
	for (unsigned i = 0; i < TASKS; i++) {
		memcpy(own[i], scene.cases, sizeof(scene.cases));
		line_add(&line, i ? selects : join_and_select, own[i]);
	}
	crew_event_set(&scene.ends[2]);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == 102 && line.one[1].rc == 2 && line.one[2].rc == 2);
	return close_scene(&scene);
}

Test(select, I3_M12_several_wait_for_one_task)
{
	in_all_places(many_wait);
}

static int cancelled(void *arg)
{
	struct scene scene;
	struct crew_scope scope;
	struct line line;

	(void)arg;
	CHECK(open_scene(&scene) == 0);
	/* I2, B7: the tasks go on */
	line_open(&line);
	line_add(&line, selects, scene.cases);
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(line_close(&line) == 0 && line.one[0].rc == CREW_ECANCELED);
	for (int i = 0; i < TASKS; i++)
		CHECK(crew_task_join_nowait(scene.tasks[i], NULL, NULL) == CREW_EWOULDBLOCK);
	crew_scope_move_on_after(&scope, CREW_MS(1));
	CHECK(crew_scope_close(&scope, selects(scene.cases)) == 0 && crew_scope_caught(&scope));
	/* B13, B14 */
	crew_event_set(&scene.ends[0]);
	CHECK(crew_task_join(scene.tasks[0], NULL, NULL) == 0);
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(selects(scene.cases) == CREW_ECANCELED);
	CHECK(crew_select_nowait(scene.cases, TASKS, CREW_FAIR) == 0);
	crew_scope_close(&scope, 0);
	/* the task is cancelled: that is an end */
	crew_task_cancel(scene.tasks[1], NULL);
	scene.cases[0].kind = CREW_CASE_OFF;
	CHECK(selects(scene.cases) == 1 && scene.cases[1].rc == 0);
	CHECK(crew_task_status(scene.tasks[1]) == CREW_TASK_CANCELLED);
	return close_scene(&scene);
}

Test(select, I2_B7_B13_B14_a_cancelled_one_leaves_the_tasks_alone)
{
	in_all_places(cancelled);
}

static int end_well(void *arg)
{
	return crew_return(arg);
}

/* Y17: a select that may wait begins it, one that only looks does not. */
static int lazy_one(void *arg)
{
	struct crew_group group;
	struct crew_task *task;

	(void)arg;
	for (int all = 0; all < 2; all++) {
		crew_group_open(&group, CREW_GROUP(.crew = test_crew));
		CHECK(crew_group_spawn_task(&group, end_well, &group,
					    CREW_TASK(.flags = CREW_TASK_LAZY), &task) == 0);
		{
			struct crew_case one = CREW_ON_TASK(task);

			CHECK(crew_select_nowait(&one, 1, CREW_FAIR) == CREW_EWOULDBLOCK);
			CHECK(crew_task_status(task) == CREW_TASK_PENDING);
			if (all == 1)
				CHECK(crew_group_close(&group, 0) == 0);
			CHECK(crew_select_one(&one, 1, CREW_FAIR) == 0 && one.rc == 0);
		}
		CHECK(crew_task_status(task) ==
		      (all ? CREW_TASK_NEVER_STARTED : CREW_TASK_FINISHED));
		if (all == 0)
			CHECK(ended_with(task, &group) == 0 && crew_group_close(&group, 0) == 0);
		crew_task_drop(task);
	}
	return 0;
}

Test(select, Y17_a_lazy_task_begins)
{
	in_all_places(lazy_one);
}

static int fails(void *arg)
{
	(void)arg;
	return 7;
}

/* Seen is not asked: the failure of an isolated one is still the group's. */
static int isolated_one(void *arg)
{
	struct crew_group group;
	struct crew_task *task;

	(void)arg;
	for (int joined = 0; joined < 2; joined++) {
		int rc = 0;

		crew_group_open(&group, CREW_GROUP(.crew = test_crew));
		CHECK(crew_group_spawn_task(&group, fails, NULL,
					    CREW_TASK(.flags = CREW_TASK_ISOLATED), &task) == 0);
		{
			struct crew_case one = CREW_ON_TASK(task);

			CHECK(crew_select_one(&one, 1, CREW_FAIR) == 0 && one.rc == 0);
		}
		if (joined)
			CHECK(crew_task_join_nowait(task, &rc, NULL) == 0 && rc == 7);
		crew_task_drop(task);
		CHECK(crew_group_close(&group, 0) == (joined ? 0 : 7));
	}
	return 0;
}

Test(select, the_outcome_of_a_task_stays)
{
	in_all_places(isolated_one);
}

struct itself {
	struct crew_event known;
	struct crew_task *task;
};

static int select_itself(void *arg)
{
	struct itself *itself = (struct itself *)arg;

	CHECK(crew_event_wait(&itself->known) == 0);
	{
		struct crew_event never = CREW_EVENT_INIT;
		struct crew_case cases[] = { CREW_ON_EVENT(&never), CREW_ON_TASK(itself->task),
					     CREW_ON_TASK(NULL) };

		CHECK(crew_select_one(cases, 2, CREW_IN_ORDER) == 1 && cases[1].rc == CREW_EDEADLK);
		cases[1].kind = CREW_CASE_OFF;
		CHECK(crew_select_one(cases, 3, CREW_IN_ORDER) == 2 && cases[2].rc == CREW_EINVAL);
	}
	return 0;
}

static int waits_for_itself(void *arg)
{
	struct itself itself = { .known = CREW_EVENT_INIT };
	struct crew_group group;
	int rc = 1;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	CHECK(crew_group_spawn_task(&group, select_itself, &itself, NULL, &itself.task) == 0);
	crew_event_set(&itself.known);
	CHECK(crew_task_join(itself.task, &rc, NULL) == 0);
	crew_task_drop(itself.task);
	CHECK(crew_group_close(&group, 0) == 0);
	return rc;
}

Test(select, I8_nobody_waits_for_itself)
{
	in_all_places(waits_for_itself);
}

/* Whichever comes first: an item, or the end of the task that would have sent it. */
static int beside_a_channel(void *arg)
{
	struct crew_channel channel;
	struct crew_sender sender;
	struct crew_receiver receiver;
	struct scene scene;
	uint64_t item = 0, five = 5;

	(void)arg;
	CHECK(crew_channel_init(&channel, &sender, &receiver, sizeof(item),
				CREW_CHANNEL(.capacity = 1)) == 0);
	CHECK(open_scene(&scene) == 0);
	{
		struct crew_case cases[] = { CREW_ON_TASK(scene.tasks[0]),
					     CREW_ON_RECEIVE(&receiver, &item) };

		CHECK(crew_send(&sender, &five) == 0);
		CHECK(crew_select_one(cases, 2, CREW_FAIR) == 1 && item == 5);
		crew_event_set(&scene.ends[0]);
		item = 0;
		CHECK(crew_select_one(cases, 2, CREW_FAIR) == 0 && item == 0);
		CHECK(crew_send(&sender, &five) == 0);
		CHECK(crew_select_nowait(cases, 2, CREW_IN_ORDER) == 0 && item == 0);
	}
	CHECK(crew_receive(&receiver, &item) == 0 && item == 5);
	crew_sender_close(&sender);
	crew_receiver_close(&receiver);
	return close_scene(&scene);
}

Test(select, M12_a_task_beside_a_channel)
{
	in_all_places(beside_a_channel);
}
