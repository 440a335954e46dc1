/* SPDX-License-Identifier: MIT */
/*
 * start.c - crew_group_start(): a child that is waited for until it says that it has started.
 * Each rule runs as a task, inside crew_blocking(), and on a plain thread that names its crew.
 */
#include "scope.h"

#include "crew/error.h"

#include <string.h>

static struct crew_word ended;
static const char key;

/* What the starter shares with its child. */
struct shared {
	struct crew_scope scope; /* around the call */
	struct crew_group *group;
	int line; /* of what does not hold in the child */
	int number;
};

#define CHILD_CHECK(shared_, condition)                                                            \
	do {                                                                                       \
		if (!(condition) && !(shared_)->line)                                              \
			(shared_)->line = __LINE__;                                                \
	} while (0)

static void open_group(struct crew_group *group)
{
	crew__store_relaxed(&ended, 0);
	crew_group_open(group, CREW_GROUP(.crew = test_crew));
}

/* Until it is cancelled. */
static int sleep_and_end(void *arg)
{
	int rc = crew_sleep(CREW_NEVER);

	(void)arg;
	crew__add_acq_rel(&ended, 1);
	return rc;
}

static int start_and_sleep(void *arg)
{
	if (crew_started(arg))
		return CREW_EINVAL;
	return sleep_and_end(NULL);
}

static int H1_start_gives_the_value(void *arg)
{
	struct crew_group group;
	void *value = NULL;
	int number = 7;

	(void)arg;
	open_group(&group);
	CHECK(crew_group_start(&group, start_and_sleep, &number, &value) == 0);
	CHECK(value == &number);
	CHECK(crew_group_start(&group, start_and_sleep, NULL, NULL) == 0);
	CHECK(crew__load_acquire(&ended) == 0);
	crew_group_cancel(&group, NULL); /* they are its children now */
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew__load_relaxed(&ended) == 2);
	return 0;
}

static int return_7(void *arg)
{
	(void)arg;
	return 7;
}

static int H2_a_failure_before_is_the_calls(void *arg)
{
	struct crew_group group;
	struct crew_group_stats stats = { .size = sizeof(stats) };
	void *value = &group;

	(void)arg;
	open_group(&group);
	CHECK(crew_group_start(&group, return_7, NULL, &value) == 7 && value == NULL);
	CHECK(!crew_scope_cancelled(&group.scope));
	CHECK(crew_group_wait(&group) == 0);
	CHECK(crew_group_read_stats(&group, &stats) == 0 && stats.failed == 1);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

static int say_7(void *arg)
{
	(void)arg;
	return crew_fail(7, "no disk");
}

static int start_say_7(void *arg)
{
	return crew_group_start((struct crew_group *)arg, say_7, NULL, NULL);
}

/* What it has said is said of the starter's failure. */
static int H2_what_it_said_is_the_callers(void *arg)
{
	struct crew_group outer;
	struct crew_group group;
	struct crew_errors errors;
	const struct crew_error *error;

	(void)arg;
	open_group(&group);
	crew_group_open(&outer, CREW_GROUP(.crew = test_crew, .errors = &errors));
	CHECK(crew_group_spawn(&outer, start_say_7, &group) == 0);
	CHECK(crew_group_close(&outer, 0) == 7);
	error = crew_errors_first(&errors);
	CHECK(error && error->rc == 7 && error->message && !strcmp(error->message, "no disk"));
	crew_errors_fini(&errors);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

static int return_0(void *arg)
{
	(void)arg;
	return 0;
}

static int H3_an_end_without_a_start(void *arg)
{
	struct crew_group group;

	(void)arg;
	open_group(&group);
	CHECK(crew_group_start(&group, return_0, NULL, NULL) == CREW_ENOSTART);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

static int start_and_fail(void *arg)
{
	crew_started(arg);
	return 7;
}

static int H4_a_failure_after_is_the_groups(void *arg)
{
	struct crew_group group;

	(void)arg;
	open_group(&group);
	CHECK(crew_group_start(&group, start_and_fail, NULL, NULL) == 0);
	CHECK(crew_group_close(&group, 0) == 7);
	return 0;
}

static int start_twice(void *arg)
{
	struct shared *shared = (struct shared *)arg;

	CHILD_CHECK(shared, crew_started(shared) == 0);
	CHILD_CHECK(shared, crew_started(NULL) == CREW_ESTATE);
	return 0;
}

static int start_without_starter(void *arg)
{
	struct shared *shared = (struct shared *)arg;

	CHILD_CHECK(shared, crew_started(NULL) == CREW_ESTATE);
	return 0;
}

/* A child of the child's, wherever it runs, is not the one that was started. */
static int start_for_another(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, start_without_starter, arg);
	return crew_group_close(&group, 0) ? CREW_EINVAL : crew_started(NULL);
}

static int H5_once_and_by_nobody_else(void *arg)
{
	struct shared shared = { .line = 0 };
	struct crew_group group;
	struct crew_task *task;
	void *value = NULL;

	(void)arg;
	open_group(&group);
	CHECK(crew_group_start(&group, start_twice, &shared, &value) == 0 && value == &shared);
	CHECK(crew_group_spawn(&group, start_without_starter, &shared) == 0);
	CHECK(crew_group_spawn_task(&group, start_without_starter, &shared, NULL, &task) == 0);
	crew_task_drop(task);
	CHECK(crew_group_start(&group, start_for_another, &shared, NULL) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	return shared.line;
}

/* ---- a caller that is cancelled meanwhile ------------------------------------------ */

static int start_in_scope(struct shared *shared, crew_task_fn *fn, void **value)
{
	int rc;

	shared->line = 0;
	crew_scope_open(&shared->scope, NULL);
	rc = crew_group_start(shared->group, fn, shared, value);
	/* the outermost that is cancelled makes 0 of it */
	if (crew_scope_close(&shared->scope, rc) != (rc == CREW_ECANCELED ? 0 : rc))
		return CREW_EINVAL;
	return rc;
}

static int cancel_and_sleep(void *arg)
{
	struct shared *shared = (struct shared *)arg;

	crew_scope_cancel(&shared->scope, NULL);
	CHILD_CHECK(shared, sleep_and_end(NULL) == CREW_ECANCELED);
	return CREW_ECANCELED;
}

static int cancel_and_return(void *arg)
{
	crew_scope_cancel(&((struct shared *)arg)->scope, NULL);
	return 0;
}

static int H6_the_child_is_cancelled_with_the_caller(void *arg)
{
	struct crew_group group;
	struct shared shared = { .group = &group };

	(void)arg;
	open_group(&group);
	CHECK(start_in_scope(&shared, cancel_and_sleep, NULL) == CREW_ECANCELED);
	CHECK(crew__load_acquire(&ended) == 1);
	CHECK(shared.line == 0);
	/* one that obeys with 0 has forgotten nothing */
	CHECK(start_in_scope(&shared, cancel_and_return, NULL) == CREW_ECANCELED);
	CHECK(!crew_scope_cancelled(&group.scope));
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

static int cancel_start_and_fail(void *arg)
{
	struct shared *shared = (struct shared *)arg;

	crew_scope_cancel(&shared->scope, NULL);
	CHILD_CHECK(shared, crew_started(shared) == 0);
	CHILD_CHECK(shared, crew_check() == CREW_ECANCELED); /* it stays where it is */
	CHILD_CHECK(shared, crew_started(shared) == CREW_ESTATE);
	return 7;
}

static int H7_then_a_start_changes_nothing(void *arg)
{
	struct crew_group group;
	struct shared shared = { .group = &group };
	void *value = &group;

	(void)arg;
	open_group(&group);
	CHECK(start_in_scope(&shared, cancel_start_and_fail, &value) == 7 && value == NULL);
	CHECK(shared.line == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

static int cancel_start_and_return(void *arg)
{
	struct shared *shared = (struct shared *)arg;

	crew_scope_cancel(&shared->scope, NULL);
	CHILD_CHECK(shared, crew_started(shared) == 0);
	return 0;
}

static int H8_and_succeeds_when_the_child_does(void *arg)
{
	struct crew_group group;
	struct shared shared = { .group = &group };
	void *value = NULL;

	(void)arg;
	open_group(&group);
	CHECK(start_in_scope(&shared, cancel_start_and_return, &value) == 0);
	CHECK(value == &shared && shared.line == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

static int use_a_shield(void *arg)
{
	struct shared *shared = (struct shared *)arg;
	struct crew_scope shield;
	int rc;

	crew_scope_open(&shield, CREW_SCOPE(.shield = true));
	crew_scope_cancel(&shared->scope, NULL);
	rc = crew_sleep(1);
	CHILD_CHECK(shared, rc == 0 && crew_check() == 0);
	CHILD_CHECK(shared, crew_started(NULL) == 0); /* the shield is further in */
	CHILD_CHECK(shared, crew_check() == 0);
	rc = crew_scope_close(&shield, 0);
	CHILD_CHECK(shared, rc == 0 && crew_check() == CREW_ECANCELED);
	return CREW_ECANCELED;
}

static int D7_its_own_shield_protects_it(void *arg)
{
	struct crew_group group;
	struct shared shared = { .group = &group };

	(void)arg;
	open_group(&group);
	CHECK(start_in_scope(&shared, use_a_shield, NULL) == CREW_ECANCELED);
	CHECK(shared.line == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

static int set_number(void *arg)
{
	*(int *)arg = 1;
	return crew_started(NULL);
}

static int Y12_a_cancelled_caller_starts_nothing(void *arg)
{
	struct crew_group group;
	struct crew_scope scope;
	int ran = 0;

	(void)arg;
	open_group(&group);
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_group_start(&group, set_number, &ran, NULL) == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	crew_group_cancel(&group, NULL);
	CHECK(crew_group_start(&group, set_number, &ran, NULL) == CREW_ECANCELED);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(ran == 0);
	return 0;
}

/* ---- the group ------------------------------------------------------------------------ */

static struct crew_word closing;

/* Its group is kept open by nothing but this. */
static int start_when_it_is_closed(void *arg)
{
	while (!crew__load_acquire(&closing))
		crew_yield();
	crew_sleep(CREW_MS(1)); /* perhaps the owner waits by now */
	crew__add_acq_rel(&ended, 1);
	return crew_started(arg);
}

static int start_into(void *arg)
{
	return crew_group_start((struct crew_group *)arg, start_when_it_is_closed, NULL, NULL);
}

static int H9_a_child_that_starts_keeps_the_group_open(void *arg)
{
	struct crew_group group;
	struct crew_group starters;

	(void)arg;
	crew__store_relaxed(&closing, 0);
	crew_group_open(&starters, CREW_GROUP(.crew = test_crew));
	open_group(&group);
	CHECK(crew_group_spawn_task(&starters, start_into, &group,
				    CREW_TASK(.flags = CREW_TASK_INLINE), NULL) == 0);
	crew__store_release(&closing, 1);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew__load_acquire(&ended) == 1);
	CHECK(crew_group_close(&starters, 0) == 0);
	return 0;
}

static struct crew_word begun;

static int begin_and_sleep(void *arg)
{
	crew__store_release(&begun, 1);
	return sleep_and_end(arg);
}

static int sleep_blocking(void *arg)
{
	return crew_blocking(begin_and_sleep, arg);
}

static int start_in_a_cancelled_group(void *arg)
{
	struct shared *shared = (struct shared *)arg;
	struct crew_group group;
	int rc = 0;

	crew__store_relaxed(&begun, 0);
	crew_group_open(&group, NULL);
	for (int i = 0; i < 3 && rc == 0; i++)
		rc = crew_group_spawn_task(&group, i == 2 ? sleep_blocking : sleep_and_end, NULL,
					   CREW_TASK(.flags = CREW_TASK_INLINE), NULL);
	CHILD_CHECK(shared, rc == 0);
	while (!crew__load_acquire(&begun))
		crew_yield();
	crew_group_cancel(shared->group, NULL);
	CHILD_CHECK(shared, crew_check() == 0);
	CHILD_CHECK(shared, crew_started(NULL) == 0);
	CHILD_CHECK(shared, crew_check() == CREW_ECANCELED);
	rc = crew_group_close(&group, 0); /* nobody else wakes them */
	CHILD_CHECK(shared, rc == CREW_ECANCELED && crew__load_acquire(&ended) == 3);
	return rc;
}

static int start_from_outside(void *arg)
{
	struct shared *shared = (struct shared *)arg;
	int rc = start_in_scope(shared, start_in_a_cancelled_group, NULL);

	CHILD_CHECK(shared, rc == 0);
	return 0;
}

static int H10_a_cancelled_group_cancels_what_has_started(void *arg)
{
	struct crew_group group;
	struct crew_group starters;
	struct shared shared = { .group = &group };

	(void)arg;
	crew_group_open(&starters, CREW_GROUP(.crew = test_crew));
	open_group(&group);
	CHECK(crew_group_spawn_task(&starters, start_from_outside, &shared,
				    CREW_TASK(.flags = CREW_TASK_INLINE), NULL) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_group_close(&starters, 0) == 0);
	return shared.line;
}

/* In a task of its own: what it finds outwards. */
static int look_outwards(void *arg)
{
	struct shared *shared = (struct shared *)arg;
	const int *bound = crew_local_get(&key);

	shared->number = bound ? *bound : 0;
	return 0;
}

static int look_inside(struct shared *shared)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, look_outwards, shared);
	return crew_group_close(&group, 0) ? -1 : shared->number;
}

static int look_before_and_after(void *arg)
{
	struct shared *shared = (struct shared *)arg;

	CHILD_CHECK(shared, look_inside(shared) == 2);
	CHILD_CHECK(shared, crew_deadline() != CREW_NEVER);
	CHILD_CHECK(shared, crew_started(NULL) == 0);
	CHILD_CHECK(shared, look_inside(shared) == 1);
	CHILD_CHECK(shared, crew_deadline() == CREW_NEVER);
	return 0;
}

static int H11_it_is_below_the_caller_and_then_below_the_group(void *arg)
{
	static int numbers[] = { 1, 2 };
	struct crew_group group;
	struct crew_scope outer;
	struct crew_local bindings[2];
	struct shared shared = { .group = &group };
	int rc;

	(void)arg;
	crew_scope_open(&outer, NULL);
	CHECK(crew_local_set(&bindings[0], &key, &numbers[0]) == 0);
	open_group(&group);
	crew_scope_fail_after(&shared.scope, CREW_S(1000));
	CHECK(crew_local_set(&bindings[1], &key, &numbers[1]) == 0);
	rc = crew_group_start(&group, look_before_and_after, &shared, NULL);
	CHECK(crew_scope_close(&shared.scope, rc) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_scope_close(&outer, 0) == 0);
	return shared.line;
}

static int H12_a_closed_group_takes_nothing(void *arg)
{
	struct crew_group group;
	int ran = 0;

	(void)arg;
	open_group(&group);
	CHECK(crew_group_start(&group, NULL, &ran, NULL) == CREW_EINVAL);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_group_start(&group, set_number, &ran, NULL) == CREW_ECLOSED && ran == 0);
	return 0;
}

/* It waits for one that waits for its end. */
static int start_behind_itself(void *arg)
{
	struct shared *shared = (struct shared *)arg;
	int rc;

	crew_scope_move_on_after(&shared->scope, CREW_MS(1));
	rc = crew_group_start(shared->group, set_number, &shared->number, NULL);
	CHILD_CHECK(shared, rc == CREW_ECANCELED);
	CHILD_CHECK(shared, crew_scope_close(&shared->scope, rc) == 0);
	return 0;
}

static int Y16_full_groups(void *arg)
{
	struct crew_group group;
	struct crew_group_stats stats = { .size = sizeof(stats) };
	struct shared shared = { .group = &group };

	(void)arg;
	crew__store_relaxed(&ended, 0);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .running_max = 1));
	CHECK(crew_group_spawn(&group, start_behind_itself, &shared) == 0);
	/* the owner waits for room */
	CHECK(crew_group_start(&group, start_and_sleep, NULL, NULL) == 0);
	CHECK(shared.line == 0 && shared.number == 0);
	CHECK(crew_group_read_stats(&group, &stats) == 0);
	CHECK(stats.never_started == 1);
	crew_group_cancel(&group, NULL);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(start, H1_start_gives_the_value, .timeout = 30)
{
	everywhere(H1_start_gives_the_value);
}

Test(start, H2_a_failure_before_is_the_calls, .timeout = 30)
{
	everywhere(H2_a_failure_before_is_the_calls);
}

Test(start, H2_what_it_said_is_the_callers, .timeout = 30)
{
	everywhere(H2_what_it_said_is_the_callers);
}

Test(start, H3_an_end_without_a_start, .timeout = 30)
{
	everywhere(H3_an_end_without_a_start);
}

Test(start, H4_a_failure_after_is_the_groups, .timeout = 30)
{
	everywhere(H4_a_failure_after_is_the_groups);
}

Test(start, H5_once_and_by_nobody_else, .timeout = 30)
{
	everywhere(H5_once_and_by_nobody_else);
}

Test(start, H6_the_child_is_cancelled_with_the_caller, .timeout = 30)
{
	everywhere(H6_the_child_is_cancelled_with_the_caller);
}

Test(start, H7_then_a_start_changes_nothing, .timeout = 30)
{
	everywhere(H7_then_a_start_changes_nothing);
}

Test(start, H8_and_succeeds_when_the_child_does, .timeout = 30)
{
	everywhere(H8_and_succeeds_when_the_child_does);
}

Test(start, D7_its_own_shield_protects_it, .timeout = 30)
{
	everywhere(D7_its_own_shield_protects_it);
}

Test(start, Y12_a_cancelled_caller_starts_nothing, .timeout = 30)
{
	everywhere(Y12_a_cancelled_caller_starts_nothing);
}

Test(start, H9_a_child_that_starts_keeps_the_group_open, .timeout = 30)
{
	everywhere(H9_a_child_that_starts_keeps_the_group_open);
}

Test(start, H10_a_cancelled_group_cancels_what_has_started, .timeout = 30)
{
	everywhere(H10_a_cancelled_group_cancels_what_has_started);
}

Test(start, H11_it_is_below_the_caller_and_then_below_the_group, .timeout = 30)
{
	everywhere(H11_it_is_below_the_caller_and_then_below_the_group);
}

Test(start, H12_a_closed_group_takes_nothing, .timeout = 30)
{
	everywhere(H12_a_closed_group_takes_nothing);
}

Test(start, Y16_full_groups, .timeout = 30)
{
	everywhere(Y16_full_groups);
}
