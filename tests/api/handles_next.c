/* SPDX-License-Identifier: MIT */
/* handles_next.c - children are handed out one after the other, and counted. */
#include "api/handles.h"

static int sleep_and_give(void *arg)
{
	int rc = crew_sleep(CREW_MS(*(const int *)arg));

	crew_return(arg);
	return rc;
}

static struct crew_word turn;

/* Ends when it is its turn, from 1 on. */
static int give_in_turn(void *arg)
{
	while (crew__load_acquire(&turn) < *(const uint64_t *)arg)
		crew_yield();
	crew_return(arg);
	return 0;
}

static int next_hands_out_in_the_order_of_completion(void *arg)
{
	static uint64_t turns[] = { 3, 1, 2 };
	static const int order[] = { 1, 2, 0 };
	struct crew_group group;
	struct crew_task *task;

	(void)arg;
	crew__store_release(&turn, 0);
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_next(&group, &task) == CREW_EEMPTY && !task);
	CHECK(crew_group_next(&group, NULL) == CREW_EINVAL);
	for (int i = 0; i < 3; i++) {
		CHECK(crew_group_spawn_task(&group, give_in_turn, &turns[i], NULL, &task) == 0);
		crew_task_drop(task);
	}
	CHECK(crew_group_spawn(&group, give, NULL) == 0); /* never handed out */
	CHECK(crew_group_next_nowait(&group, &task) == CREW_EWOULDBLOCK);
	for (int i = 0; i < 3; i++) {
		void *value;

		crew__store_release(&turn, (uint64_t)i + 1);
		CHECK(crew_group_next(&group, &task) == 0);
		CHECK(crew_task_join_nowait(task, NULL, &value) == 0 && value == &turns[order[i]]);
		crew_task_drop(task);
	}
	CHECK(crew_group_next(&group, &task) == CREW_EEMPTY);
	CHECK(crew_group_next_nowait(&group, &task) == CREW_EEMPTY);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_group_next(&group, &task) == CREW_ESTATE);
	return 0;
}

Test(handles, next_hands_out_in_the_order_of_completion, .timeout = 30)
{
	everywhere(next_hands_out_in_the_order_of_completion);
}

static int or_in_the_order_of_spawning(void *arg)
{
	static int delays[] = { 5, 1, 3, 0 };
	struct crew_group group;
	struct crew_task *task;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	for (int i = 0; i < 4; i++) {
		const struct crew_task_options *lazy = CREW_TASK(.flags = CREW_TASK_LAZY);

		CHECK(crew_group_spawn_task(&group, sleep_and_give, &delays[i],
					    i == 2 ? lazy : NULL, &task) == 0);
		crew_task_drop(task);
	}
	for (int i = 0; i < 4; i++) {
		CHECK(crew_group_next_spawned(&group, &task) == 0);
		CHECK(crew_task_arg(task) == &delays[i]);
		CHECK(crew_task_status(task) == CREW_TASK_FINISHED);
		crew_task_drop(task);
	}
	CHECK(crew_group_next_spawned(&group, &task) == CREW_EEMPTY && !task);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(handles, or_in_the_order_of_spawning, .timeout = 30)
{
	everywhere(or_in_the_order_of_spawning);
}

/* The first asks twice: for the other one, and when nobody is left but itself. */
static int ask_for_others(void *arg)
{
	struct crew_group *group = (struct crew_group *)arg;
	struct crew_task *task;

	CHECK(crew_group_next(group, &task) == 0);
	CHECK(crew_task_arg(task) == NULL);
	crew_task_drop(task);
	CHECK(crew_group_next(group, &task) == CREW_EDEADLK && !task);
	CHECK(crew_group_next_nowait(group, &task) == CREW_EWOULDBLOCK && !task);
	CHECK(crew_group_next_spawned(group, &task) == CREW_EDEADLK && !task);
	return 0;
}

static int the_last_one_asks_for_the_next(void *arg)
{
	struct crew_group group;
	struct crew_task *task;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, give, NULL, NULL, &task) == 0);
	crew_task_drop(task);
	CHECK(crew_group_spawn_task(&group, ask_for_others, &group, NULL, &task) == 0);
	crew_task_drop(task);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(handles, the_last_one_asks_for_the_next, .timeout = 30)
{
	everywhere(the_last_one_asks_for_the_next);
}

static int next_in_a_cancelled_group(void *arg)
{
	struct crew_group group;
	struct crew_task *task;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, wait_for_cancel, NULL, NULL, &task) == 0);
	crew_group_cancel(&group, NULL);
	crew_task_drop(task);
	CHECK(crew_group_next(&group, &task) == CREW_ECANCELED && !task);
	CHECK(crew_group_next_spawned(&group, &task) == CREW_ECANCELED && !task);
	while (crew_group_next_nowait(&group, &task) == CREW_EWOULDBLOCK)
		crew_yield();
	CHECK(task);
	crew_task_drop(task);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(handles, next_in_a_cancelled_group, .timeout = 30)
{
	everywhere(next_in_a_cancelled_group);
}

static int the_stats_count_every_child_once(void *arg)
{
	struct crew_group_stats stats = { .size = sizeof(stats) };
	struct crew_group group;
	struct crew_task *task;
	int code = 2;

	(void)arg;
	open_group(&group, CREW_SUPERVISE);
	CHECK(crew_group_read_stats(&group, NULL) == CREW_EINVAL);
	for (int i = 0; i < 5; i++)
		CHECK(crew_group_spawn(&group, give, NULL) == 0);
	CHECK(crew_group_spawn(&group, give_code, &code) == 0);
	CHECK(crew_group_spawn_task(&group, give_code, &code, NULL, NULL) == 0);
	CHECK(crew_group_spawn_task(&group, wait_for_cancel, NULL,
				    CREW_TASK(.flags = CREW_TASK_ATOMIC), &task) == 0);
	do {
		crew_yield();
		CHECK(crew_group_read_stats(&group, &stats) == 0);
	} while (stats.active > 1);
	CHECK(stats.active == 1 && stats.finished == 5 && stats.failed == 2 && !stats.cancelled);
	CHECK(crew_task_cancel(task, NULL) == 0 && crew_task_join(task, NULL, NULL) == 0);
	CHECK(crew_group_wait(&group) == 0);
	crew_task_drop(task);
	CHECK(crew_group_read_stats(&group, &stats) == 0);
	CHECK(!stats.active && stats.finished == 5 && stats.failed == 2 && stats.cancelled == 1);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_group_read_stats(&group, &stats) == CREW_ESTATE);
	return 0;
}

Test(handles, the_stats_count_every_child_once, .timeout = 30)
{
	everywhere(the_stats_count_every_child_once);
}
