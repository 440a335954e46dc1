/* SPDX-License-Identifier: MIT */
/*
 * group_structure.c - who may open, fill and close groups, when, and how often: G9 to G17,
 * G21, Y2, Y13 of tests/RULES.md.
 */
#include "api/group.h"

/* ---- G9 to G11 ---------------------------------------------------------------- */

struct family {
	struct crew_group *group;
	int generations;
};

static int spawn_the_next(void *arg)
{
	struct family *family = arg;

	crew__add_relaxed(&count, 1);
	crew_yield();
	return --family->generations > 0 ? crew_group_spawn(family->group, spawn_the_next, family) :
					   0;
}

static int close_with_descendants(void *arg)
{
	struct crew_group group;
	struct family families[8];

	(void)arg;
	crew__store_relaxed(&count, 0);
	crew_group_open(&group, NULL);
	for (int i = 0; i < 8; i++) {
		families[i] = (struct family){ .group = &group, .generations = 100 };
		crew_group_spawn(&group, spawn_the_next, &families[i]);
	}
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew__load_relaxed(&count) == 800);
	return 0;
}

Test(group, G9_close_waits_for_children_spawned_by_children, .timeout = 30)
{
	in_tasks(close_with_descendants);
}

static int add_hundred(void *arg)
{
	(void)arg;
	crew__add_relaxed(&count, 100);
	return 0;
}

/* What was spawned last is a child of the group around it. */
static int close_below_anothers_child(void *arg)
{
	struct crew_group outer;
	struct crew_group inner;

	(void)arg;
	crew_group_open(&inner, NULL);
	crew_group_spawn(&inner, nothing, NULL);
	CHECK(crew_group_close(&inner, 0) == 0); /* the next one need not look for others */
	crew__store_relaxed(&count, 0);
	crew_group_open(&outer, NULL);
	crew_group_open(&inner, NULL);
	crew_group_spawn(&inner, add_hundred, NULL);
	crew_group_spawn(&outer, add_one, NULL);
	CHECK(crew_group_close(&inner, 0) == 0);
	CHECK(crew__load_relaxed(&count) >= 100);
	CHECK(crew_group_close(&outer, 0) == 0);
	CHECK(crew__load_relaxed(&count) == 101);
	return 0;
}

Test(group, G9_close_takes_no_other_groups_child_for_its_own, .timeout = 30)
{
	in_tasks(close_below_anothers_child);
}

Test(group, G9_close_on_a_plain_thread_waits_for_children_of_children, .timeout = 30)
{
	struct crew *crew = start(2);
	struct crew_group group;
	struct family family = { .group = &group, .generations = 1000 };

	crew__store_relaxed(&count, 0);
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	crew_group_spawn(&group, spawn_the_next, &family);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	cr_assert_eq(crew__load_relaxed(&count), 1000);
	stop(crew);
}

static int spawn_after_close(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_close(&group, 0);
	CHECK(crew_group_spawn(&group, nothing, NULL) == CREW_ECLOSED);
	CHECK(crew_group_spawn_copy(&group, nothing, &group, 8) == CREW_ECLOSED);
	CHECK(crew_group_spawn_task(&group, nothing, NULL, NULL, NULL) == CREW_ECLOSED);
	CHECK(crew_group_close(&group, 0) == CREW_ESTATE); /* Y13 */
	CHECK(crew_group_wait(&group) == CREW_ESTATE);
	return 0;
}

Test(group, G10_a_closed_group_takes_nothing, .timeout = 30)
{
	in_tasks(spawn_after_close);
}

static int spawn_into_cancelled(void *arg)
{
	int five = 5;
	struct crew_group group;
	int rc = 0;
	long spawned;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, fail, &five);
	/* a loop that spawns until spawn fails ends */
	for (spawned = 0; rc == 0; spawned++) {
		rc = crew_group_spawn(&group, nothing, NULL);
		crew_sleep(CREW_US(10));
	}
	CHECK(rc == CREW_ECANCELED);
	CHECK(crew_group_close(&group, 0) == 5);
	return 0;
}

Test(group, G11_a_cancelled_group_refuses_children, .timeout = 30)
{
	in_tasks(spawn_into_cancelled);
}

/* ---- G13 to G17, G21 ------------------------------------------------------------ */

static int use_again(void *arg)
{
	struct crew_group group;

	(void)arg;
	for (int i = 0; i < 100; i++) {
		int rc = i % 3;

		crew_group_open(&group, NULL);
		crew_group_spawn(&group, fail, &rc);
		CHECK(crew_group_close(&group, 0) == i % 3);
	}
	return 0;
}

Test(group, G13_closed_storage_may_be_opened_again, .timeout = 30)
{
	in_tasks(use_again);
}

struct stranger {
	struct crew_group *group;
	int wait_rc;
	int close_rc;
};

static int close_it(void *arg)
{
	struct stranger *stranger = arg;

	stranger->wait_rc = crew_group_wait(stranger->group);
	stranger->close_rc = crew_group_close(stranger->group, 0);
	return 0;
}

static int close_by_child(void *arg)
{
	struct crew_group group;
	struct stranger child = { .group = &group };

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, close_it, &child);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(child.wait_rc == CREW_ESTATE && child.close_rc == CREW_ESTATE);
	return 0;
}

Test(group, G14_only_the_owner_closes, .timeout = 30)
{
	in_tasks(close_by_child);
}

static void *close_from_a_thread(void *arg)
{
	close_it(arg);
	return NULL;
}

static int close_it_in_a_call(void *arg)
{
	return crew_blocking(close_it, arg);
}

Test(group, G14_only_the_owner_closes_the_group_of_a_plain_thread, .timeout = 30)
{
	struct crew *crew = start(1);
	struct crew_group group;
	struct stranger child = { .group = &group };
	struct stranger thread = { .group = &group };
	pthread_t other;

	crew_group_open(&group, CREW_GROUP(.crew = crew));
	crew_group_spawn(&group, close_it, &child);
	cr_assert_eq(pthread_create(&other, NULL, close_from_a_thread, &thread), 0);
	pthread_join(other, NULL);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	cr_assert_eq(child.wait_rc, CREW_ESTATE);
	cr_assert_eq(child.close_rc, CREW_ESTATE);
	cr_assert_eq(thread.wait_rc, CREW_ESTATE);
	cr_assert_eq(thread.close_rc, CREW_ESTATE);
	stop(crew);
}

Test(group, G14_a_childs_blocking_call_does_not_close_the_group_of_a_plain_thread, .timeout = 10)
{
	struct crew *crew = start(1);
	struct crew_group group;
	struct stranger child = { .group = &group };

	crew_group_open(&group, CREW_GROUP(.crew = crew));
	crew_group_spawn(&group, close_it_in_a_call, &child);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	cr_assert_eq(child.wait_rc, CREW_ESTATE);
	cr_assert_eq(child.close_rc, CREW_ESTATE);
	stop(crew);
}

static int wait_again_and_again(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew__store_relaxed(&count, 0);
	crew_group_open(&group, NULL);
	CHECK(crew_group_wait(&group) == 0);
	for (uint64_t i = 1; i <= 50; i++) {
		for (int j = 0; j < 10; j++)
			crew_group_spawn(&group, add_one, NULL);
		CHECK(crew_group_wait(&group) == 0);
		CHECK(crew__load_relaxed(&count) == 10 * i);
		CHECK(crew_group_wait(&group) == 0);
	}
	crew_group_spawn(&group, add_one, NULL);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew__load_relaxed(&count) == 501);
	return 0;
}

Test(group, G15_G17_wait_may_be_repeated_and_followed_by_more_children, .timeout = 30)
{
	in_tasks(wait_again_and_again);
}

static int wrong_order(void *arg)
{
	struct crew_group outer;
	struct crew_group inner;

	(void)arg;
	crew__store_relaxed(&count, 0);
	crew_group_open(&outer, NULL);
	crew_group_open(&inner, NULL);
	crew_group_spawn(&inner, add_one, NULL);
	CHECK(crew_group_wait(&outer) == CREW_ESTATE);
	CHECK(crew_group_close(&outer, 0) == CREW_ESTATE);
	crew_group_close(&inner, 0);
	CHECK(crew_group_close(&outer, 0) == 0);
	return 0;
}

Test(group, Y13_closing_in_the_wrong_order_closes_nothing, .timeout = 30)
{
	in_tasks(wrong_order);
}

static int wrong_order_cancels(void *arg)
{
	struct crew_group outer;
	struct crew_group inner;

	(void)arg;
	crew_group_open(&outer, NULL);
	crew_group_open(&inner, NULL);
	crew_group_spawn(&inner, wait_for_cancel, NULL);
	crew_group_spawn(&inner, nothing, NULL);
	CHECK(crew_group_close(&outer, 0) == CREW_ESTATE);
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_group_close(&inner, 0) == 0);
	CHECK(crew_group_close(&outer, 0) == 0);
	return 0;
}

Test(group, Y13_closing_in_the_wrong_order_cancels_what_is_inside, .timeout = 10)
{
	in_tasks(wrong_order_cancels);
}

static int nest(void *arg)
{
	int left = *(int *)arg - 1;
	struct crew_group group;
	int rc;

	if (left < 0) {
		crew__add_relaxed(&count, 1);
		return 13;
	}
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, nest, &left);
	rc = crew_group_wait(&group);
	return crew_group_close(&group, rc == CREW_ECANCELED ? 0 : rc);
}

static int nest_a_thousand(void *arg)
{
	int depth = 1000;

	(void)arg;
	CHECK(nest(&depth) == 13);
	return 0;
}

Test(group, G21_the_outermost_close_waits_for_a_thousand_nested_groups, .timeout = 60)
{
	in_tasks(nest_a_thousand);
}

/* ---- the codes ----------------------------------------------------------------- */

static int bad_arguments(void *arg)
{
	char big[CREW_COPY_MAX + 1] = { 0 };
	struct crew_group group;
	struct crew_task *task = NULL;
	struct crew_task_options unknown = { .size = sizeof(unknown), .flags = 1U << 30 };

	(void)arg;
	crew_group_open(&group, NULL);
	CHECK(crew_group_spawn(&group, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_group_spawn_copy(&group, NULL, big, 1) == CREW_EINVAL);
	CHECK(crew_group_spawn_copy(&group, nothing, big, sizeof(big)) == CREW_EINVAL);
	CHECK(crew_group_spawn_copy(&group, nothing, big, CREW_COPY_MAX) == 0);
	CHECK(crew_group_spawn_copy(&group, nothing, NULL, 1) == CREW_EINVAL);
	CHECK(crew_group_spawn_copy(&group, nothing, NULL, 0) == 0);
	CHECK(crew_group_spawn_task(&group, nothing, NULL, &unknown, NULL) == CREW_EINVAL);
	CHECK(crew_group_spawn_task(&group, nothing, NULL, &unknown, &task) == CREW_EINVAL &&
	      !task);
	CHECK(crew_group_spawn_task(&group, nothing, NULL, CREW_TASK(.flags = CREW_TASK_LAZY),
				    NULL) == CREW_EINVAL);
	CHECK(crew_group_spawn_task(&group, nothing, NULL, NULL, NULL) == 0);
	CHECK(crew_blocking(NULL, NULL) == CREW_EINVAL);
	CHECK(crew_sleep(-1) == CREW_EINVAL);
	CHECK(crew_run(NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_run(NULL, nothing, NULL) == CREW_ESTATE); /* R1 of the pool rules */
	CHECK(crew_group_close(&group, 0) == 0);
	crew_group_open(&group, CREW_GROUP(.policy = (enum crew_policy)7));
	CHECK(crew_group_spawn(&group, nothing, NULL) == CREW_EINVAL);
	CHECK(crew_group_wait(&group) == CREW_EINVAL);
	CHECK(crew_group_close(&group, 0) == CREW_EINVAL);
	/* Y2: misuse is reported before cancellation */
	crew_cancel(NULL, "test");
	CHECK(crew_sleep(-1) == CREW_EINVAL);
	CHECK(crew_blocking(NULL, NULL) == CREW_EINVAL);
	CHECK(crew_group_wait(&group) == CREW_ESTATE);
	crew_group_open(&group, NULL);
	CHECK(crew_group_spawn(&group, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(group, Y2_bad_arguments_have_codes, .timeout = 30)
{
	in_tasks(bad_arguments);
}

Test(group, a_plain_thread_names_the_crew, .timeout = 30)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	cr_assert_eq(crew_group_spawn(&group, nothing, NULL), CREW_ESTATE);
	cr_assert_eq(crew_group_wait(&group), CREW_ESTATE);
	cr_assert_eq(crew_group_close(&group, 0), CREW_ESTATE);
	cr_assert_eq(crew_check(), 0);
}
