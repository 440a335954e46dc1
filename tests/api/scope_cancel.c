/* SPDX-License-Identifier: MIT */
/* scope_cancel.c - how a cancellation reaches: A2 to B18 of tests/RULES.md. */
#include "api/scope.h"

#include <stdlib.h>

#define LONG CREW_S(100)

static int stays_cancelled(void *arg)
{
	struct crew_scope scope;

	(void)arg;
	crew_scope_move_on_after(&scope, 0);
	crew_scope_set_deadline(&scope, CREW_NEVER);
	CHECK(crew_scope_cancelled(&scope) && crew_check() == CREW_ECANCELED);
	/* every time */
	CHECK(crew_sleep(LONG) == CREW_ECANCELED && crew_sleep(LONG) == CREW_ECANCELED);
	CHECK(crew_checkpoint() == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	return 0;
}

Test(scope_cancel, A2_B1_a_cancelled_scope_stays_so_and_every_checkpoint_says_so, .timeout = 60)
{
	everywhere(stays_cancelled);
}

static int note_check(void *arg)
{
	*(int *)arg = crew_check();
	return 0;
}

static int spawned_from_inside(void *arg)
{
	struct crew_group group;
	struct crew_scope scope;
	int rc = 1;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_group_spawn(&group, note_check, &rc) == 0);
	CHECK(crew_scope_close(&scope, crew_check()) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(rc == 0);
	return 0;
}

Test(scope_cancel, A4_a_task_begins_in_the_scope_of_its_group, .timeout = 60)
{
	everywhere(spawned_from_inside);
}

static int first_stays(void *arg)
{
	struct crew_cancel_info info = { .size = sizeof(info) };
	struct crew_cancel_info small = { .size = 8 };
	crew_time before = crew_now();
	struct crew_scope scope;

	(void)arg;
	CHECK(!crew_read_cancel_info(&info));
	crew_scope_open(&scope, CREW_SCOPE(.name = "a name"));
	crew_scope_cancel(&scope, "first");
	crew_scope_cancel(&scope, "second");
	crew_scope_set_deadline(&scope, 0);
	CHECK(crew_read_cancel_info(&info) && !crew_read_cancel_info(&small));
	CHECK(info.source == CREW_BY_CALL && strcmp(info.reason, "first") == 0);
	CHECK(strcmp(info.scope_name, "a name") == 0);
	CHECK(info.when >= before && info.when <= crew_now());
	CHECK(crew_scope_close(&scope, 0) == 0);
	CHECK(!crew_read_cancel_info(&info));
	crew_scope_open(&scope, CREW_SCOPE(.deadline = 1, .name = "late"));
	CHECK(crew_read_cancel_info(&info) && info.source == CREW_BY_DEADLINE && !info.reason);
	CHECK(crew_scope_close(&scope, 0) == 0);
	return 0;
}

Test(scope_cancel, B2_the_first_reason_and_source_stay, .timeout = 60)
{
	everywhere(first_stays);
}

static int read_info(void *arg)
{
	struct crew_cancel_info *info = (struct crew_cancel_info *)arg;

	crew_sleep(LONG);
	return crew_read_cancel_info(info) ? 0 : 1;
}

static int fail_named(void *arg)
{
	(void)arg;
	wait_for_sleepers(1);
	return 5;
}

static int sibling_info(void *arg)
{
	struct crew_cancel_info info = { .size = sizeof(info) };
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .name = "family"));
	crew_group_spawn(&group, read_info, &info);
	crew_group_spawn_task_at(&group, fail_named, NULL, CREW_TASK(.name = "black sheep"), NULL,
				 "here:1");
	CHECK(crew_group_close(&group, 0) == 5);
	CHECK(info.source == CREW_BY_SIBLING && strcmp(info.by, "black sheep") == 0);
	CHECK(strcmp(info.site, "here:1") == 0 && strcmp(info.scope_name, "family") == 0);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn(&group, read_info, &info);
	wait_for_sleepers(1);
	CHECK(crew_group_close(&group, 3) == 3);
	CHECK(info.source == CREW_BY_PARENT);
	return 0;
}

Test(scope_cancel, B2_the_info_names_who_failed, .timeout = 60)
{
	for (unsigned workers = 2; workers <= 3; workers++) {
		struct crew *crew = start_crew(workers);

		run_in(crew, sibling_info, NULL);
		stop(crew);
	}
}

static int fail_nameless(void *arg)
{
	(void)arg;
	return 5;
}

/* Its child has no name; run in place it stands on the fiber of one who has. */
static int named_parent(void *arg)
{
	struct crew_cancel_info *info = (struct crew_cancel_info *)arg;
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, read_info, info);
	wait_for_sleepers(1);
	crew_group_spawn_at(&group, fail_nameless, NULL, "here:2");
	return crew_group_close(&group, 0);
}

static int nameless_info(void *arg)
{
	struct crew_cancel_info info = { .size = sizeof(info) };
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn_task(&group, named_parent, &info, CREW_TASK(.name = "parent"), NULL);
	CHECK(crew_group_close(&group, 0) == 5);
	CHECK(info.source == CREW_BY_SIBLING && strcmp(info.site, "here:2") == 0);
	CHECK(!info.by);
	return 0;
}

Test(scope_cancel, B2_the_info_names_nobody_for_a_nameless_child, .timeout = 60)
{
	everywhere(nameless_info);
}

/* ---- reach ------------------------------------------------------------------------- */

/* A tree of tasks, each in a scope of its own: 2 at each of 5 levels, leaves sleep. */
static int branch(void *arg)
{
	uintptr_t level = (uintptr_t)arg;
	struct crew_scope scope;
	struct crew_group group;
	int rc;

	if (level == 0)
		return sleep_long(NULL);
	crew_scope_open(&scope, NULL);
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, branch, (void *)(level - 1));
	crew_group_spawn(&group, branch, (void *)(level - 1));
	rc = crew_group_close(&group, 0);
	return crew_scope_close(&scope, rc);
}

static unsigned sleepers_now(void)
{
	struct crew__fiber *fiber;
	unsigned n = 0;

	for (uint64_t i = 0; (fiber = crew__fiber_at(test_crew, i)); i++)
		n += CREW__PARK_STATE(crew__load_acquire(&fiber->parker.word)) == CREW__WAITING;
	return n;
}

static int reach(void *arg)
{
	struct crew_group sibling;
	struct crew_group group;

	(void)arg;
	crew_group_open(&sibling, CREW_GROUP(.crew = test_crew));
	crew_group_spawn(&sibling, sleep_long, NULL);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn(&group, branch, (void *)5);
	wait_for_sleepers(33);
	crew_group_cancel(&group, NULL);
	/* when it returns, all 32 are awake, and the one beside sleeps on */
	CHECK(sleepers_now() == 1);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_check() == 0 && sleepers_now() == 1);
	crew_group_cancel(&sibling, NULL);
	CHECK(crew_group_close(&sibling, 0) == 0);
	return 0;
}

Test(scope_cancel, B3_B5_all_descendants_at_once_and_nobody_else, .timeout = 60)
{
	everywhere(reach);
}

/* Eight threads cancel the scopes of a tree of 100 in any order. */
static struct crew_scope nodes[100];
static struct crew_word turns;

static void *cancel_some(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;

	for (int i = 0; i < 100; i++) {
		seed = seed * 1664525 + 1013904223;
		crew_scope_cancel(&nodes[seed >> 16 & 63], NULL);
	}
	return NULL;
}

static int nested_nodes(void *arg)
{
	pthread_t threads[8];
	int rc;

	(void)arg;
	for (int turn = 0; turn < 20; turn++) {
		struct crew_group group;

		for (int i = 0; i < 50; i++)
			crew_scope_open(&nodes[i], NULL);
		crew_group_open(&group, CREW_GROUP(.crew = test_crew));
		crew_group_spawn(&group, branch, (void *)3);
		for (int i = 50; i < 100; i++)
			crew_scope_open(&nodes[i], NULL);
		for (uintptr_t i = 0; i < 8; i++)
			pthread_create(&threads[i], NULL, cancel_some,
				       (void *)(i + (uintptr_t)turn * 8));
		rc = crew_sleep(LONG);
		for (int i = 0; i < 8; i++)
			pthread_join(threads[i], NULL);
		CHECK(rc == CREW_ECANCELED && crew_check() == CREW_ECANCELED);
		for (int i = 99; i >= 50; i--)
			rc = crew_scope_close(&nodes[i], rc);
		rc = crew_group_close(&group, rc);
		for (int i = 49; i >= 0; i--)
			rc = crew_scope_close(&nodes[i], rc);
		CHECK(rc == 0 && crew_check() == 0);
		crew__add_relaxed(&turns, 1);
	}
	return 0;
}

Test(scope_cancel, B4_from_any_thread_in_any_order, .timeout = 120)
{
	everywhere(nested_nodes);
}

static int born_cancelled(void *arg)
{
	struct crew_scope scope;
	struct crew_scope inner;
	struct crew_group group;

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	crew_scope_open(&inner, NULL);
	CHECK(crew_sleep(LONG) == CREW_ECANCELED && !crew_scope_cancelled(&inner));
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	CHECK(crew_group_spawn(&group, sleep_long, NULL) == CREW_ECANCELED);
	CHECK(crew_group_wait(&group) == CREW_ECANCELED);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_scope_close(&inner, CREW_ECANCELED) == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	return 0;
}

Test(scope_cancel, B6_what_is_opened_in_a_cancelled_scope_is_cancelled, .timeout = 60)
{
	everywhere(born_cancelled);
}

static int count_up(void *arg)
{
	++*(int *)arg;
	return 0;
}

static int not_performed(void *arg)
{
	struct crew_scope scope;
	int calls = 0;

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_blocking(count_up, &calls) == CREW_ECANCELED && calls == 0);
	CHECK(crew_sleep(0) == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	CHECK(crew_blocking(count_up, &calls) == 0 && calls == 1);
	return 0;
}

Test(scope_cancel, B13_a_checkpoint_in_a_cancelled_scope_does_not_perform, .timeout = 60)
{
	everywhere(not_performed);
}

static int compute(void *arg)
{
	crew__add_relaxed((struct crew_word *)arg, 1);
	while (crew_check() == 0)
		;
	return crew_check();
}

static int computing(void *arg)
{
	struct crew_word begun = { 0 };
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn(&group, compute, &begun);
	while (!crew__load_relaxed(&begun))
		crew_yield();
	crew_group_cancel(&group, NULL);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(scope_cancel, B15_a_computing_task_sees_it_when_it_asks, .timeout = 60)
{
	struct crew *crew = start_crew(2);

	run_in(crew, computing, NULL);
	stop(crew);
	in_threads(computing);
}

static int closed_ones(void *arg)
{
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, NULL);
	CHECK(crew_scope_close(&scope, 0) == 0);
	crew_scope_cancel(&scope, NULL);
	crew_scope_set_deadline(&scope, 0);
	crew_scope_set_shield(&scope, true);
	CHECK(!crew_scope_cancelled(&scope) && crew_check() == 0);
	return 0;
}

Test(scope_cancel, B17_nothing_happens_to_a_closed_scope, .timeout = 60)
{
	everywhere(closed_ones);
}

/* ---- depth ------------------------------------------------------------------------- */

#define DEEP 100000

static int deep_nesting(void *arg)
{
	struct crew_scope *scopes = (struct crew_scope *)arg;
	int rc;

	for (int turn = 0; turn < 3; turn++) {
		for (int i = 0; i < DEEP; i++)
			crew_scope_open(&scopes[i], NULL);
		if (turn == 0) /* the innermost knows all around it, and is found */
			crew_scope_set_shield(&scopes[DEEP - 1], false);
		if (turn == 2)
			for (int i = DEEP - 1; i > 0; i--)
				crew_scope_cancel(&scopes[i], NULL);
		crew_scope_cancel(&scopes[0], NULL);
		rc = crew_sleep(LONG);
		for (int i = DEEP - 1; i >= 0; i--)
			rc = crew_scope_close(&scopes[i], rc);
		CHECK(rc == 0 && crew_scope_caught(&scopes[0]) && crew_check() == 0);
	}
	return 0;
}

Test(scope_cancel, B18_a_hundred_thousand_nested_scopes_on_the_smallest_stack, .timeout = 60)
{
	struct crew_scope *scopes = (struct crew_scope *)calloc(DEEP, sizeof(*scopes));
	struct crew *crew = start_with(CREW_OPTIONS(.workers = 2, .stack_bytes = 32768));

	cr_assert_not_null(scopes);
	run_in(crew, deep_nesting, scopes);
	stop(crew);
	free(scopes);
}

static int nested_failure(void *arg)
{
	uintptr_t level = (uintptr_t)arg;
	struct crew_group group;

	crew_sleep(1); /* so that each is in the tree */
	if (level == 0)
		return 7;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, nested_failure, (void *)(level - 1));
	return crew_group_close(&group, 0);
}

Test(scope_cancel, B18_a_thousand_nested_groups_that_fail, .timeout = 60)
{
	struct crew *crew = start_crew(2);

	cr_assert_eq(crew_run(crew, nested_failure, (void *)1000), 7);
	stop(crew);
}
