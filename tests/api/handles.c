/* SPDX-License-Identifier: MIT */
/*
 * handles.c - tasks that somebody holds: waiting for one, cancelling one, its value, its
 * argument's end, how it begins. Each rule runs as a task, inside crew_blocking(), and on a
 * plain thread that names its crew.
 */
#include "scope.h"

#include <string.h>

/* The group of a rule: of the crew that is tested. */
static struct crew_group *open_group(struct crew_group *group, enum crew_policy policy)
{
	crew_group_open(group, CREW_GROUP(.crew = test_crew, .policy = policy));
	return group;
}

static int give(void *arg)
{
	return crew_return(arg);
}

static int give_code(void *arg)
{
	return *(const int *)arg;
}

static int wait_for_cancel(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_NEVER);
}

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

static int fail_when_cancelled(void *arg)
{
	crew_sleep(CREW_NEVER);
	return *(const int *)arg;
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

/* ---- values and arguments ------------------------------------------------------------ */

static struct crew_word freed; /* how many of each: values in the upper half */

static void free_arg(void *arg)
{
	(void)arg;
	crew__add_acq_rel(&freed, 1);
}

static void free_value(void *value)
{
	(void)value;
	crew__add_acq_rel(&freed, UINT64_C(1) << 32);
}

static bool were_freed(unsigned args, unsigned values)
{
	return crew__exchange_acq_rel(&freed, 0) == ((uint64_t)values << 32 | args);
}

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

/* ---- one after the other ------------------------------------------------------------------ */

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

Test(handles, I1_join_gives_code_and_value, .timeout = 30)
{
	everywhere(I1_join_gives_code_and_value);
}

Test(handles, I1_before_the_end_there_is_nothing_to_read, .timeout = 30)
{
	everywhere(I1_before_the_end_there_is_nothing_to_read);
}

Test(handles, I2_a_cancelled_joiner_leaves_the_task_alone, .timeout = 30)
{
	everywhere(I2_a_cancelled_joiner_leaves_the_task_alone);
}

Test(handles, I3_several_joiners_get_the_same, .timeout = 30)
{
	everywhere(I3_several_joiners_get_the_same);
}

Test(handles, I4_I7_a_cancelled_task_hurts_nobody, .timeout = 30)
{
	everywhere(I4_I7_a_cancelled_task_hurts_nobody);
}

Test(handles, I5_I6_what_it_returns_counts, .timeout = 30)
{
	everywhere(I5_I6_what_it_returns_counts);
}

Test(handles, I8_nobody_waits_for_itself, .timeout = 30)
{
	everywhere(I8_nobody_waits_for_itself);
}

Test(handles, I9_a_handle_outlives_its_group, .timeout = 30)
{
	everywhere(I9_a_handle_outlives_its_group);
}

Test(handles, a_value_that_nobody_takes_is_freed, .timeout = 30)
{
	everywhere(a_value_that_nobody_takes_is_freed);
}

Test(handles, a_childs_value_is_not_the_tasks, .timeout = 30)
{
	everywhere(a_childs_value_is_not_the_tasks);
}

Test(handles, Y21_the_argument_is_freed_once, .timeout = 30)
{
	everywhere(Y21_the_argument_is_freed_once);
}

Test(handles, C2_C3_cancelled_before_it_begins_it_never_does, .timeout = 30)
{
	everywhere(C2_C3_cancelled_before_it_begins_it_never_does);
}

Test(handles, C2_an_atomic_one_begins_all_the_same, .timeout = 30)
{
	everywhere(C2_an_atomic_one_begins_all_the_same);
}

Test(handles, Y17_a_lazy_one_begins_when_it_is_joined, .timeout = 30)
{
	everywhere(Y17_a_lazy_one_begins_when_it_is_joined);
}

Test(handles, isolated_failures_are_for_who_joins, .timeout = 30)
{
	everywhere(isolated_failures_are_for_who_joins);
}

Test(handles, F12_an_isolated_failure_after_the_timeout, .timeout = 30)
{
	everywhere(F12_an_isolated_failure_after_the_timeout);
}

Test(handles, next_hands_out_in_the_order_of_completion, .timeout = 30)
{
	everywhere(next_hands_out_in_the_order_of_completion);
}

Test(handles, or_in_the_order_of_spawning, .timeout = 30)
{
	everywhere(or_in_the_order_of_spawning);
}

Test(handles, the_last_one_asks_for_the_next, .timeout = 30)
{
	everywhere(the_last_one_asks_for_the_next);
}

Test(handles, next_in_a_cancelled_group, .timeout = 30)
{
	everywhere(next_in_a_cancelled_group);
}

Test(handles, the_stats_count_every_child_once, .timeout = 30)
{
	everywhere(the_stats_count_every_child_once);
}
