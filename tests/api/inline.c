/* SPDX-License-Identifier: MIT */
/*
 * inline.c - CREW_TASK_INLINE: spawn returns when the child waits for the first time, or has
 * ended. Each rule runs as a task, inside crew_blocking(), and on a plain thread that names
 * its crew.
 */
#include "scope.h"

static struct crew_word step;

static struct crew_group *open_group(struct crew_group *group)
{
	crew__store_relaxed(&step, 0);
	crew_group_open(group, CREW_GROUP(.crew = test_crew));
	return group;
}

static int spawn_inline(struct crew_group *group, crew_task_fn *fn, void *arg,
			struct crew_task **task)
{
	return crew_group_spawn_task(group, fn, arg, CREW_TASK(.flags = CREW_TASK_INLINE), task);
}

/* Says that it has begun, waits, says so. */
static int begin_and_sleep(void *arg)
{
	int rc;

	(void)arg;
	crew__add_acq_rel(&step, 1);
	rc = crew_sleep(CREW_NEVER);
	crew__add_acq_rel(&step, 1);
	return rc;
}

static int spawn_returns_when_the_child_waits(void *arg)
{
	struct crew_group group;

	(void)arg;
	open_group(&group);
	for (uint64_t n = 1; n <= 3; n++) {
		CHECK(spawn_inline(&group, begin_and_sleep, NULL, NULL) == 0);
		CHECK(crew__load_acquire(&step) == n);
	}
	crew_group_cancel(&group, NULL);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew__load_relaxed(&step) == 6);
	return 0;
}

static int add_a_step(void *arg)
{
	(void)arg;
	crew__add_acq_rel(&step, 1);
	return 0;
}

static int return_7(void *arg)
{
	(void)arg;
	crew__add_acq_rel(&step, 1);
	return 7;
}

static int or_when_it_has_ended(void *arg)
{
	struct crew_group group;
	struct crew_task *task;

	(void)arg;
	open_group(&group);
	CHECK(spawn_inline(&group, return_7, NULL, &task) == 0);
	CHECK(crew_task_status(task) == CREW_TASK_FAILED);
	crew_task_drop(task);
	CHECK(crew_group_close(&group, 0) == 7);
	return 0;
}

/* Its first wait is that for its own child. What it had opened lies on its own stack. */
static int spawn_more(void *arg)
{
	struct crew_group group;
	uint64_t before = crew__add_acq_rel(&step, 1);
	int rc = 0;

	crew_group_open(&group, NULL);
	if ((uintptr_t)arg)
		rc = spawn_inline(&group, spawn_more, (void *)((uintptr_t)arg - 1), NULL);
	if (crew__load_acquire(&step) < before + ((uintptr_t)arg ? 2 : 1))
		rc = CREW_EINVAL;
	return crew_group_close(&group, rc);
}

static int they_nest(void *arg)
{
	struct crew_group group;

	(void)arg;
	open_group(&group);
	CHECK(spawn_inline(&group, spawn_more, (void *)(uintptr_t)8, NULL) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew__load_relaxed(&step) == 9);
	return 0;
}

static int C4_it_begins_also_when_it_is_cancelled(void *arg)
{
	struct crew_group group;
	struct crew_task *task;

	(void)arg;
	open_group(&group);
	crew_group_cancel(&group, NULL);
	CHECK(spawn_inline(&group, begin_and_sleep, NULL, &task) == 0);
	/* its sleep did not perform */
	CHECK(crew__load_acquire(&step) == 2 && crew_task_status(task) == CREW_TASK_CANCELLED);
	crew_task_drop(task);
	CHECK(spawn_inline(&group, return_7, NULL, NULL) == 0);
	CHECK(crew_group_close(&group, 0) == 7);
	return 0;
}

static int wait_is_not_interrupted(void *arg)
{
	struct crew_group group;
	struct crew_scope scope;

	(void)arg;
	open_group(&group);
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(spawn_inline(&group, begin_and_sleep, NULL, NULL) == 0);
	CHECK(crew__load_acquire(&step) == 1);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	crew_group_cancel(&group, NULL);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

/* A sibling that runs in place on the owner's stack spawns one; the owner's close must not
 * run that one in place: it would not wait on a stack of its own. */
static int spawn_into(void *arg)
{
	struct crew_group *group = (struct crew_group *)arg;

	for (uint64_t n = 1; n <= 3; n++)
		if (spawn_inline(group, begin_and_sleep, NULL, NULL) ||
		    crew__load_acquire(&step) < n)
			return CREW_EINVAL;
	crew_group_cancel(group, NULL);
	return 0;
}

static int children_may_do_it(void *arg)
{
	struct crew_group group;

	(void)arg;
	open_group(&group);
	CHECK(crew_group_spawn(&group, spawn_into, &group) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew__load_relaxed(&step) == 6);
	return 0;
}

/* Its own child, which it runs in place, is not what is waited for. */
static int run_in_place_and_sleep(void *arg)
{
	struct crew_group group;
	struct crew_task *task;
	int rc;

	crew_group_open(&group, NULL);
	rc = crew_group_spawn_task(&group, add_a_step, NULL, NULL, &task);
	rc = crew_group_close(&group, rc);
	crew_task_drop(task);
	return rc ? rc : begin_and_sleep(arg);
}

static int what_it_runs_in_place_does_not_count(void *arg)
{
	struct crew_group group;

	(void)arg;
	open_group(&group);
	for (uint64_t n = 1; n <= 3; n++)
		CHECK(spawn_inline(&group, run_in_place_and_sleep, NULL, NULL) == 0);
	while (crew__load_acquire(&step) < 6) /* one that was stolen was waited for in close */
		crew_yield();
	crew_group_cancel(&group, NULL);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

static int a_full_group_is_waited_for_by_its_owner(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew__store_relaxed(&step, 0);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .running_max = 1));
	CHECK(crew_group_spawn(&group, return_7, NULL) == 0);
	CHECK(spawn_inline(&group, begin_and_sleep, NULL, NULL) == 0);
	CHECK(crew__load_acquire(&step) == 3);
	CHECK(crew_group_close(&group, 0) == 7);
	return 0;
}

static int lazy_and_inline_is_an_error(void *arg)
{
	struct crew_group group;
	struct crew_task *task;

	(void)arg;
	open_group(&group);
	CHECK(crew_group_spawn_task(&group, return_7, NULL,
				    CREW_TASK(.flags = CREW_TASK_INLINE | CREW_TASK_LAZY),
				    &task) == CREW_EINVAL);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

/* The spawner stands on a fiber of a crew of its own. */
static int spawn_from_outside(void *arg)
{
	for (int i = 0; i < 200; i++) {
		struct crew *crew;
		struct crew_group group;
		int rc;

		(void)arg;
		CHECK(crew_start(&crew, CREW_OPTIONS(.workers = 1)) == 0);
		crew_group_open(&group, CREW_GROUP(.crew = crew));
		crew__store_relaxed(&step, 0);
		CHECK(spawn_inline(&group, return_7, NULL, NULL) == 0);
		CHECK(crew__load_acquire(&step) == 1);
		rc = crew_group_close(&group, 0);
		crew_stop(crew);
		CHECK(rc == 7);
	}
	return 0;
}

Test(inline_start, a_task_of_another_crew_may_do_it, .timeout = 30)
{
	struct crew *crew = start_crew(2);

	run_in(crew, spawn_from_outside, NULL);
	stop(crew);
}

Test(inline_start, spawn_returns_when_the_child_waits, .timeout = 30)
{
	everywhere(spawn_returns_when_the_child_waits);
}

Test(inline_start, or_when_it_has_ended, .timeout = 30)
{
	everywhere(or_when_it_has_ended);
}

Test(inline_start, they_nest, .timeout = 30)
{
	everywhere(they_nest);
}

Test(inline_start, C4_it_begins_also_when_it_is_cancelled, .timeout = 30)
{
	everywhere(C4_it_begins_also_when_it_is_cancelled);
}

Test(inline_start, the_spawners_wait_is_not_interrupted, .timeout = 30)
{
	everywhere(wait_is_not_interrupted);
}

Test(inline_start, children_may_do_it, .timeout = 30)
{
	everywhere(children_may_do_it);
}

Test(inline_start, what_it_runs_in_place_does_not_count, .timeout = 30)
{
	everywhere(what_it_runs_in_place_does_not_count);
}

Test(inline_start, a_full_group_is_waited_for_by_its_owner, .timeout = 30)
{
	everywhere(a_full_group_is_waited_for_by_its_owner);
}

Test(inline_start, lazy_and_inline_is_an_error, .timeout = 30)
{
	everywhere(lazy_and_inline_is_an_error);
}
