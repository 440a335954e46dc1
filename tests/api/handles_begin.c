/* SPDX-License-Identifier: MIT */
/*
 * handles_begin.c - tasks that somebody holds: their values and arguments, which are freed once;
 * how they begin, or never do; those that are isolated.
 */
#include "api/handles.h"

#include <string.h>

/* ---- values and arguments ------------------------------------------------------------ */

static int I9_a_handle_outlives_its_group(void *arg)
{
	struct crew_group group;
	struct crew_task *task;
	void *value = NULL;
	int number = 9;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, give, &number, CREW_TASK(.value_free = free_value),
				    &task) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew)); /* other things lie there now */
	CHECK(crew_task_join(task, NULL, &value) == 0 && value == &number);
	CHECK(crew_task_status(task) == CREW_TASK_FINISHED);
	crew_task_drop(task);
	CHECK(were_freed(0, 0));
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(handles, I9_a_handle_outlives_its_group, .timeout = 30)
{
	everywhere(I9_a_handle_outlives_its_group);
}

static int give_twice(void *arg)
{
	crew_return(arg);
	return crew_return((char *)arg + 1);
}

static int a_value_that_nobody_takes_is_freed(void *arg)
{
	struct crew_group group;
	struct crew_task *task;
	char number[2];

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, give, number, CREW_TASK(.value_free = free_value),
				    NULL) == 0);
	CHECK(crew_group_spawn_task(&group, give_twice, number, CREW_TASK(.value_free = free_value),
				    &task) == 0);
	CHECK(crew_task_join(task, NULL, NULL) == 0);
	crew_task_drop(task);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(were_freed(0, 3));
	return 0;
}

Test(handles, a_value_that_nobody_takes_is_freed, .timeout = 30)
{
	everywhere(a_value_that_nobody_takes_is_freed);
}

/* Children of the task that run in its close are not the task. */
static int give_among_children(void *arg)
{
	struct crew_group group;
	int other;

	crew_return(arg);
	crew_group_open(&group, NULL);
	for (int i = 0; i < 4; i++)
		crew_group_spawn(&group, give, &other);
	return crew_group_close(&group, 0);
}

static int a_childs_value_is_not_the_tasks(void *arg)
{
	struct crew_group group;
	struct crew_task *task;
	void *value = NULL;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, give_among_children, &group, NULL, &task) == 0);
	CHECK(crew_task_join(task, NULL, &value) == 0 && value == &group);
	crew_task_drop(task);
	CHECK(crew_return(&group) == 0); /* nobody asks for it */
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(handles, a_childs_value_is_not_the_tasks, .timeout = 30)
{
	everywhere(a_childs_value_is_not_the_tasks);
}

static int Y21_the_argument_is_freed_once(void *arg)
{
	struct crew_task_options options = { .size = sizeof(options), .arg_free = free_arg };
	struct crew_group group;
	struct crew_task *task;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, give, NULL, &options, NULL) == 0); /* it runs */
	CHECK(crew_group_spawn_task(&group, give, NULL, &options, &task) == 0);
	crew_task_drop(task);
	CHECK(crew_group_wait(&group) == 0);
	CHECK(were_freed(2, 0));
	CHECK(crew_group_spawn_task(&group, NULL, NULL, &options, &task) == CREW_EINVAL && !task);
	CHECK(were_freed(1, 0));
	crew_group_cancel(&group, NULL);
	CHECK(crew_group_spawn_task(&group, give, NULL, &options, &task) == CREW_ECANCELED &&
	      !task);
	CHECK(were_freed(1, 0)); /* G11 */
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_group_spawn_task(&group, give, NULL, &options, &task) == CREW_ECLOSED && !task);
	CHECK(were_freed(1, 0));
	return 0;
}

Test(handles, Y21_the_argument_is_freed_once, .timeout = 30)
{
	everywhere(Y21_the_argument_is_freed_once);
}

/* ---- how they begin -------------------------------------------------------------------- */

struct crowd {
	struct crew_group *group;
	struct crew_word ran;
};

static int cancel_the_group(void *arg)
{
	struct crowd *crowd = (struct crowd *)arg;

	crew__add_acq_rel(&crowd->ran, 1);
	crew_group_cancel(crowd->group, NULL);
	return 0;
}

static int C2_C3_cancelled_before_it_begins_it_never_does(void *arg)
{
	struct crew_task_options options = { .size = sizeof(options), .arg_free = free_arg };
	struct crew_group_stats stats = { .size = sizeof(stats) };
	struct crew_group group;
	struct crew_task *tasks[10];
	struct crowd crowd = { .group = &group };
	unsigned never = 0;
	int rc;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	for (int i = 0; i < 10; i++) {
		rc = crew_group_spawn_task(&group, cancel_the_group, &crowd, &options, &tasks[i]);
		CHECK(rc == 0 || (rc == CREW_ECANCELED && !tasks[i]));
	}
	while (crew_group_read_stats(&group, &stats) == 0 && stats.active)
		crew_yield();
	CHECK(stats.finished == crew__load_relaxed(&crowd.ran));
	CHECK(stats.finished + stats.never_started == 10 && !stats.failed && !stats.cancelled);
	for (int i = 0; i < 10; i++) {
		if (!tasks[i]) {
			never++;
			continue;
		}
		never += crew_task_status(tasks[i]) == CREW_TASK_NEVER_STARTED;
		crew_task_drop(tasks[i]);
	}
	CHECK(never == stats.never_started);
	CHECK(were_freed(10, 0));
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(handles, C2_C3_cancelled_before_it_begins_it_never_does, .timeout = 30)
{
	everywhere(C2_C3_cancelled_before_it_begins_it_never_does);
}

static int checks(void *arg)
{
	crew__add_acq_rel((struct crew_word *)arg, 1);
	return crew_check();
}

static int C2_an_atomic_one_begins_all_the_same(void *arg)
{
	struct crew_group group;
	struct crew_task *task;
	struct crew_word ran = { 0 };
	int rc = -1;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	crew_group_cancel(&group, NULL);
	CHECK(crew_group_spawn_task(&group, checks, &ran, CREW_TASK(.flags = CREW_TASK_ATOMIC),
				    &task) == 0); /* G11 */
	CHECK(crew_task_join(task, &rc, NULL) == CREW_ECANCELED);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_task_join_nowait(task, &rc, NULL) == 0 && rc == CREW_ECANCELED);
	CHECK(crew_task_status(task) == CREW_TASK_CANCELLED && crew__load_relaxed(&ran) == 1);
	crew_task_drop(task);
	return 0;
}

Test(handles, C2_an_atomic_one_begins_all_the_same, .timeout = 30)
{
	everywhere(C2_an_atomic_one_begins_all_the_same);
}

static int Y17_a_lazy_one_begins_when_it_is_joined(void *arg)
{
	struct crew_task_options options = { .size = sizeof(options),
					     .arg_free = free_arg,
					     .flags = CREW_TASK_LAZY };
	struct crew_group_stats stats = { .size = sizeof(stats) };
	struct crew_word ran = { 0 };
	struct crew_group group;
	struct crew_task *joined;
	struct crew_task *left;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, checks, &ran, &options, &joined) == 0);
	CHECK(crew_group_spawn_task(&group, checks, &ran, &options, &left) == 0);
	CHECK(crew_group_wait(&group) == 0 && crew__load_relaxed(&ran) == 0);
	CHECK(crew_task_status(joined) == CREW_TASK_PENDING);
	CHECK(crew_task_join(joined, NULL, NULL) == 0 && crew__load_relaxed(&ran) == 1);
	CHECK(were_freed(1, 0));
	CHECK(crew_group_wait(&group) == 0); /* it may have ended and not been counted off */
	CHECK(crew_group_read_stats(&group, &stats) == 0);
	CHECK(stats.finished == 1 && !stats.never_started && !stats.active);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_task_status(left) == CREW_TASK_NEVER_STARTED && were_freed(1, 0));
	crew_task_drop(joined);
	crew_task_drop(left);
	return 0;
}

Test(handles, Y17_a_lazy_one_begins_when_it_is_joined, .timeout = 30)
{
	everywhere(Y17_a_lazy_one_begins_when_it_is_joined);
}

static int say_why(void *arg)
{
	(void)arg;
	return crew_fail(4, "no %s", "luck");
}

static int isolated_failures_are_for_who_joins(void *arg)
{
	const struct crew_error *error;
	struct crew_errors errors;
	struct crew_group group;
	struct crew_task *heard;
	struct crew_task *unheard;
	int code = 4;
	int rc = 0;

	(void)arg;
	open_group(&group, CREW_FAIL_FAST);
	CHECK(crew_group_spawn_task(&group, give_code, &code,
				    CREW_TASK(.flags = CREW_TASK_ISOLATED), &heard) == 0);
	CHECK(crew_task_join(heard, &rc, NULL) == 0 && rc == 4);
	crew_task_drop(heard);
	CHECK(crew_check() == 0 && crew_group_close(&group, 0) == 0);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .errors = &errors));
	CHECK(crew_group_spawn_task(&group, say_why, NULL,
				    CREW_TASK(.flags = CREW_TASK_ISOLATED, .name = "alone"),
				    &unheard) == 0);
	crew_task_drop(unheard);
	CHECK(crew_group_wait(&group) == 0 && crew_check() == 0);
	CHECK(crew_group_close(&group, 0) == 4);
	CHECK(crew_errors_count(&errors) == 1);
	error = crew_errors_first(&errors);
	CHECK(strcmp(error->message, "no luck") == 0 && strcmp(error->task, "alone") == 0);
	crew_errors_fini(&errors);
	return 0;
}

Test(handles, isolated_failures_are_for_who_joins, .timeout = 30)
{
	everywhere(isolated_failures_are_for_who_joins);
}

/* What comes after the group's own timeout is no failure of the group, of isolated ones as well. */
static int F12_an_isolated_failure_after_the_timeout(void *arg)
{
	const struct crew_task_options *options =
		CREW_TASK(.flags = CREW_TASK_ISOLATED | CREW_TASK_ATOMIC);
	struct crew_errors errors;
	struct crew_group group;
	struct crew_task *task;
	int code = 5;

	(void)arg;
	crew_group_open(&group,
			CREW_GROUP(.crew = test_crew, .timeout_ns = CREW_MS(1), .errors = &errors));
	CHECK(crew_group_spawn_task(&group, fail_when_cancelled, &code, options, &task) == 0);
	crew_task_drop(task);
	CHECK(crew_group_close(&group, 0) == CREW_ETIMEDOUT);
	CHECK(crew_errors_count(&errors) == 1 && crew_errors_first(&errors)->rc == 5);
	crew_errors_fini(&errors);
	return 0;
}

Test(handles, F12_an_isolated_failure_after_the_timeout, .timeout = 30)
{
	everywhere(F12_an_isolated_failure_after_the_timeout);
}
