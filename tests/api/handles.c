/* SPDX-License-Identifier: MIT */
/*
 * handles.c - tasks that somebody holds: waiting for one, cancelling one. Each rule runs as a
 * task, inside crew_blocking(), and on a plain thread that names its crew. Values, arguments and
 * how they begin are in handles_begin.c, one after the other in handles_next.c.
 */
#include "api/handles.h"

static int wait_and_succeed(void *arg)
{
	(void)arg;
	crew_sleep(CREW_NEVER);
	return 0;
}

/* ---- join ------------------------------------------------------------------------ */

static int I1_join_gives_code_and_value(void *arg)
{
	struct crew_group group;
	struct crew_task *task;
	void *value = NULL;
	int number = 7;
	int rc = -1;

	(void)arg;
	open_group(&group, CREW_SUPERVISE);
	CHECK(crew_group_spawn_task(&group, give, &number, NULL, &task) == 0);
	CHECK(crew_task_join(task, &rc, &value) == 0);
	CHECK(rc == 0 && value == &number);
	CHECK(crew_task_status(task) == CREW_TASK_FINISHED && crew_task_arg(task) == &number);
	crew_task_drop(task);
	CHECK(crew_group_spawn_task(&group, give_code, &number, NULL, &task) == 0);
	CHECK(crew_task_join(task, &rc, NULL) == 0 && rc == 7);
	CHECK(crew_task_join(task, NULL, &value) == 0 && value == NULL);
	CHECK(crew_task_join_nowait(task, &rc, NULL) == 0 && rc == 7);
	CHECK(crew_task_status(task) == CREW_TASK_FAILED);
	crew_task_drop(task);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(handles, I1_join_gives_code_and_value, .timeout = 30)
{
	everywhere(I1_join_gives_code_and_value);
}

static int I1_before_the_end_there_is_nothing_to_read(void *arg)
{
	struct crew_group group;
	struct crew_task *task;
	int rc = -1;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, wait_for_cancel, NULL, NULL, &task) == 0);
	CHECK(crew_task_join_nowait(task, &rc, NULL) == CREW_EWOULDBLOCK && rc == -1);
	CHECK(crew_task_join(NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_task_cancel(task, NULL) == 0);
	CHECK(crew_task_join(task, &rc, NULL) == 0 && rc == CREW_ECANCELED);
	crew_task_drop(task);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(handles, I1_before_the_end_there_is_nothing_to_read, .timeout = 30)
{
	everywhere(I1_before_the_end_there_is_nothing_to_read);
}

/* Joins what it is given, and says how that went. */
struct joiner {
	struct crew_task *task;
	int joined;
	int rc;
	void *value;
};

static int join_it(void *arg)
{
	struct joiner *joiner = (struct joiner *)arg;

	joiner->joined = crew_task_join(joiner->task, &joiner->rc, &joiner->value);
	return 0;
}

static int I2_a_cancelled_joiner_leaves_the_task_alone(void *arg)
{
	struct crew_group group;
	struct crew_scope scope;
	struct crew_task *task;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, wait_for_cancel, NULL, NULL, &task) == 0);
	crew_scope_move_on_after(&scope, CREW_MS(1));
	CHECK(crew_task_join(task, NULL, NULL) == CREW_ECANCELED);
	CHECK(crew_task_join(task, NULL, NULL) == CREW_ECANCELED);
	CHECK(crew_task_status(task) < CREW_TASK_CANCELLING);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	CHECK(crew_task_cancel(task, NULL) == 0);
	CHECK(crew_task_join(task, NULL, NULL) == 0);
	crew_task_drop(task);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(handles, I2_a_cancelled_joiner_leaves_the_task_alone, .timeout = 30)
{
	everywhere(I2_a_cancelled_joiner_leaves_the_task_alone);
}

static int I3_several_joiners_get_the_same(void *arg)
{
	struct crew_group group;
	struct crew_group joiners;
	struct crew_task *task;
	struct joiner all[5];
	int number = 3;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, wait_and_succeed, &number,
				    CREW_TASK(.flags = CREW_TASK_ATOMIC), &task) == 0);
	open_group(&joiners, CREW_FAIL_FAST);
	for (int i = 0; i < 5; i++) {
		all[i] = (struct joiner){ .task = task, .joined = -1, .rc = -1 };
		CHECK(crew_group_spawn(&joiners, join_it, &all[i]) == 0);
	}
	CHECK(crew_sleep(CREW_MS(1)) == 0);
	CHECK(crew_task_cancel(task, NULL) == 0);
	CHECK(crew_group_close(&joiners, 0) == 0);
	for (int i = 0; i < 5; i++)
		CHECK(all[i].joined == 0 && all[i].rc == 0 && !all[i].value);
	crew_task_drop(task);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(handles, I3_several_joiners_get_the_same, .timeout = 30)
{
	everywhere(I3_several_joiners_get_the_same);
}

/* ---- cancel ------------------------------------------------------------------------ */

static int I4_I7_a_cancelled_task_hurts_nobody(void *arg)
{
	struct crew_group group;
	struct crew_task *task;
	struct crew_task *other;
	int rc = -1;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, wait_for_cancel, NULL, NULL, &task) == 0);
	CHECK(crew_group_spawn_task(&group, wait_for_cancel, NULL, NULL, &other) == 0);
	while (crew_task_status(task) != CREW_TASK_RUNNING)
		crew_yield();
	CHECK(crew_task_cancel(task, "enough") == 0);
	CHECK(crew_task_status(task) == CREW_TASK_CANCELLING ||
	      crew_task_status(task) == CREW_TASK_CANCELLED);
	CHECK(crew_task_join(task, &rc, NULL) == 0 && rc == CREW_ECANCELED);
	CHECK(crew_task_status(task) == CREW_TASK_CANCELLED);
	CHECK(crew_task_cancel(task, "again") == 0); /* Y9 */
	CHECK(crew_task_status(task) == CREW_TASK_CANCELLED);
	CHECK(crew_task_status(other) < CREW_TASK_CANCELLING);
	CHECK(crew_task_cancel(other, NULL) == 0);
	crew_task_drop(task);
	crew_task_drop(other);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(handles, I4_I7_a_cancelled_task_hurts_nobody, .timeout = 30)
{
	everywhere(I4_I7_a_cancelled_task_hurts_nobody);
}

static int I5_I6_what_it_returns_counts(void *arg)
{
	struct crew_group group;
	struct crew_task *well;
	struct crew_task *badly;
	int code = 5;
	int rc = -1;

	(void)arg;
	open_group(&group, CREW_COLLECT);
	CHECK(crew_group_spawn_task(&group, wait_and_succeed, NULL,
				    CREW_TASK(.flags = CREW_TASK_ATOMIC), &well) == 0);
	CHECK(crew_group_spawn_task(&group, fail_when_cancelled, &code,
				    CREW_TASK(.flags = CREW_TASK_ATOMIC), &badly) == 0);
	CHECK(crew_task_cancel(well, NULL) == 0);
	CHECK(crew_task_cancel(badly, NULL) == 0);
	CHECK(crew_task_join(well, &rc, NULL) == 0 && rc == 0);
	CHECK(crew_task_join(badly, &rc, NULL) == 0 && rc == 5);
	CHECK(crew_task_status(well) == CREW_TASK_FINISHED);
	CHECK(crew_task_status(badly) == CREW_TASK_FAILED);
	crew_task_drop(well);
	crew_task_drop(badly);
	CHECK(crew_group_close(&group, 0) == 5);
	return 0;
}

Test(handles, I5_I6_what_it_returns_counts, .timeout = 30)
{
	everywhere(I5_I6_what_it_returns_counts);
}

/* ---- who may not wait for whom ----------------------------------------------------- */

struct family {
	struct crew_task *task;
	struct crew_task *child;
	int itself;
	int ancestor;
};

static int join_the_ancestor(void *arg)
{
	struct family *family = (struct family *)arg;

	family->ancestor = crew_task_join(family->task, NULL, NULL);
	return 0;
}

static int join_itself(void *arg)
{
	struct family *family = (struct family *)arg;
	struct crew_group group;
	struct crew_scope scope;

	crew_scope_open(&scope, NULL);
	family->itself = crew_task_join(family->task, NULL, NULL);
	crew_scope_close(&scope, 0);
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, join_the_ancestor, family);
	return crew_group_close(&group, 0);
}

static int I8_nobody_waits_for_itself(void *arg)
{
	struct family family = { .itself = -1, .ancestor = -1 };
	struct crew_group group;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, join_itself, &family, NULL, &family.task) == 0);
	CHECK(crew_task_join(family.task, NULL, NULL) == 0);
	CHECK(family.itself == CREW_EDEADLK && family.ancestor == CREW_EDEADLK);
	crew_task_drop(family.task);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(handles, I8_nobody_waits_for_itself, .timeout = 30)
{
	everywhere(I8_nobody_waits_for_itself);
}
