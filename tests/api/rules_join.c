/* SPDX-License-Identifier: MIT */
/* rules_join.c - rules of the engine: joins, and children that never run (R8, R9, R16). */
#include "api/rules.h"
#include "support/gate.h"

#include <pthread.h>

static struct crew_word broken;
static struct crew_word enough;

/* ---- R8 -------------------------------------------------------------------- */

/* A lock as the library will have them: first in, first out, handed over. */
struct handed_lock {
	struct crew__lock lot;
	bool held;
	struct crew__link waiters;
};

struct lock_waiter {
	struct crew__link link;
	struct crew__waiter waiter;
};

static void release_lot(void *lot)
{
	crew__lock_release(lot);
}

static void handed_lock_acquire(struct handed_lock *lock)
{
	struct lock_waiter me;

	crew__lock_acquire(&lock->lot);
	if (!lock->held) {
		lock->held = true;
		crew__lock_release(&lock->lot);
		return;
	}
	crew__waiter_init(&me.waiter, false);
	crew__list_append(&lock->waiters, &me.link);
	crew__park(&me.waiter, release_lot, &lock->lot, CREW_NEVER, "test lock");
}

static void handed_lock_release(struct handed_lock *lock)
{
	struct crew__parker *parker = NULL;
	struct crew__link *link;

	crew__lock_acquire(&lock->lot);
	link = crew__list_take(&lock->waiters);
	if (link)
		crew__grant(&crew__container(link, struct lock_waiter, link)->waiter, &parker);
	else
		lock->held = false;
	crew__lock_release(&lock->lot);
	if (parker)
		crew__ready(parker);
}

static struct handed_lock test_lock;
static long guarded;

static int lock_across_a_join(void *arg)
{
	struct crew_group group;
	long before;

	handed_lock_acquire(&test_lock);
	before = ++guarded;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, inner_work, arg);
	crew_group_spawn(&group, inner_work, arg);
	crew_group_close(&group, 0);
	if (guarded != before)
		crew__add_relaxed(&broken, 1);
	handed_lock_release(&test_lock);
	return 0;
}

static int lockers(void *arg)
{
	struct crew_group outer;
	struct crew_group inner;

	crew_group_open(&outer, NULL);
	crew_group_spawn(&outer, lock_across_a_join, arg);
	for (int i = 0; i < 100; i++)
		crew_group_spawn(&outer, lock_across_a_join, arg);
	crew_group_open(&inner, NULL);
	for (int i = 0; i < 100; i++)
		crew_group_spawn(&inner, lock_across_a_join, arg);
	crew_group_close(&inner, 0);
	return crew_group_close(&outer, 0);
}

Test(rules, R8_a_lock_inside_nested_joins_cannot_deadlock_on_one_worker, .timeout = 60)
{
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct crew *crew = start(workers);

		test_lock = (struct handed_lock){ .held = false };
		crew__list_init(&test_lock.waiters);
		guarded = 0;
		crew__store_relaxed(&broken, 0);
		cr_assert_eq(crew_run(crew, lockers, NULL), 0);
		cr_assert_eq(guarded, 201);
		cr_assert_eq(crew__load_relaxed(&broken), 0);
		stop(crew);
	}
}

static int one_below(void *arg)
{
	int depth = *(int *)arg - 1;
	struct crew_group group;

	if (depth < 0)
		return 0;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, one_below, &depth);
	return crew_group_close(&group, 0);
}

Test(rules, R8_stack_use_is_bounded_however_deep_joins_nest, .timeout = 60)
{
	int depth = 3000;

	for (unsigned workers = 1; workers <= 3; workers++) {
		struct crew *crew =
			start_with(CREW_OPTIONS(.workers = workers, .stack_bytes = 64 * 1024));

		cr_assert_eq(crew_run(crew, one_below, &depth), 0);
		stop(crew);
	}
}

struct chain {
	struct crew_group *group;
	long left;
	char *lowest;
	char *highest;
};

static int next_in_chain(void *arg)
{
	struct chain *chain = arg;
	char *here = crew__stack_pointer();

	if (!chain->lowest || here < chain->lowest)
		chain->lowest = here;
	if (!chain->highest || here > chain->highest)
		chain->highest = here;
	return --chain->left > 0 ? crew_group_spawn(chain->group, next_in_chain, chain) : 0;
}

static int run_chain(void *arg)
{
	struct chain *chain = arg;
	struct crew_group group;

	chain->group = &group;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, next_in_chain, chain);
	return crew_group_close(&group, 0);
}

Test(rules, R8_a_chain_of_spawns_uses_constant_stack, .timeout = 60)
{
	struct crew *crew = start(1);
	struct chain chain = { .left = 100000 };

	cr_assert_eq(crew_run(crew, run_chain, &chain), 0);
	cr_assert_eq(chain.left, 0);
	cr_assert_lt(chain.highest - chain.lowest, 16 * 1024);
	stop(crew);
}

static int sleep_long(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_NEVER);
}

static int wait_rc;

static int wait_for_a_sleeper(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, sleep_long, arg);
	wait_rc = crew_group_wait(&group);
	return crew_group_close(&group, 0);
}

static void *cancel_when_both_wait(void *crew)
{
	wait_for_parked(crew, 1, "sleep");
	wait_for_parked(crew, 1, "group wait");
	crew_cancel(crew, "test");
	return NULL;
}

Test(rules, R8_a_wait_on_one_worker_is_interrupted_while_its_only_child_sleeps, .timeout = 30)
{
	struct crew *crew = start(1);
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, cancel_when_both_wait, crew), 0);
	cr_assert_eq(crew_run(crew, wait_for_a_sleeper, NULL), CREW_ECANCELED);
	pthread_join(thread, NULL);
	cr_assert_eq(wait_rc, CREW_ECANCELED);
	stop(crew);
}

static int fail_when_awaited(void *crew)
{
	wait_for_parked(crew, 1, "group wait");
	return 77;
}

static int sleep_until_told(void *arg)
{
	(void)arg;
	while (!crew__load_acquire(&enough))
		crew_sleep(CREW_MS(1)) ? crew_yield() : (void)0;
	return 0;
}

static int wait_beside_a_failure(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, sleep_until_told, arg);
	crew_group_spawn(&group, fail_when_awaited, arg);
	wait_rc = crew_group_wait(&group);
	crew__store_release(&enough, 1);
	return crew_group_close(&group, 0);
}

Test(rules, R8_a_wait_on_one_worker_is_interrupted_by_a_failing_child, .timeout = 30)
{
	struct crew *crew = start(1);

	crew__store_relaxed(&enough, 0);
	cr_assert_eq(crew_run(crew, wait_beside_a_failure, crew), 77);
	cr_assert_eq(wait_rc, CREW_ECANCELED);
	stop(crew);
}

static struct crew_word unpinned_moved;

static int unpinned_child(void *arg)
{
	struct crew__fiber *fiber = crew__self()->fiber;

	(void)arg;
	/* R8: never a child that is pinned differently */
	if (fiber->pinned)
		crew__add_relaxed(&unpinned_moved, 1);
	return 0;
}

static int pinned_owner(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 10; i++)
		crew_group_spawn(&group, unpinned_child, arg);
	return crew_group_close(&group, 0);
}

static int spawn_pinned_owner(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn_task(&group, pinned_owner, arg, CREW_TASK(.flags = CREW_TASK_PINNED),
			      NULL);
	return crew_group_close(&group, 0);
}

Test(rules, R8_a_pinned_owner_runs_no_unpinned_child_in_place, .timeout = 30)
{
	struct crew *crew = start(1);

	crew__store_relaxed(&unpinned_moved, 0);
	cr_assert_eq(crew_run(crew, spawn_pinned_owner, NULL), 0);
	cr_assert_eq(crew__load_relaxed(&unpinned_moved), 0);
	stop(crew);
}

/* ---- R9 -------------------------------------------------------------------- */

#ifndef CREW_TINY /* there the deque holds two, and the rest leaves the worker */
static int look_at_the_count(void *arg)
{
	struct crew_group *group = arg;

	if (group->private_.count.value)
		crew__add_relaxed(&broken, 1);
	return 0;
}

static int children_that_stay(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	for (int i = 0; i < 1000; i++)
		crew_group_spawn(&group, look_at_the_count, &group);
	return crew_group_close(&group, 0);
}

Test(rules, R9_children_that_stay_are_counted_without_the_shared_word, .timeout = 30)
{
	struct crew *crew = start(1);

	crew__store_relaxed(&broken, 0);
	cr_assert_eq(crew_run(crew, children_that_stay, NULL), 0);
	cr_assert_eq(crew__load_relaxed(&broken), 0);
	stop(crew);
}
#endif

/* ---- R16 ------------------------------------------------------------------- */

#ifndef CREW_TINY
static int count_and_fail(void *arg)
{
	crew__add_relaxed(arg, 1);
	return 9;
}

static int spawn_behind_a_failure(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 100; i++)
		crew_group_spawn(&group, add_one, arg);
	for (int i = 0; i < 100; i++)
		crew_group_spawn_copy(&group, add_one, &arg, sizeof(arg));
	crew_group_spawn(&group, count_and_fail, arg); /* the newest runs first */
	return crew_group_close(&group, 0);
}

/* Of all that `fn` spawns only one thing runs. */
static void runs_one(crew_task_fn *fn, int rc)
{
	struct crew *crew = start(1);
	struct crew_word count = { 0 };

	cr_assert_eq(crew_run(crew, fn, &count), rc);
	cr_assert_eq(crew__load_relaxed(&count), 1);
	stop(crew);
}

Test(rules, R16_children_not_started_when_their_group_is_cancelled_never_run, .timeout = 30)
{
	runs_one(spawn_behind_a_failure, 9);
}

/* The loop runs a child of `outer`, which is not cancelled, and then one of `inner`. */
static int cancel_the_inner_one(void *arg)
{
	struct crew_group outer;
	struct crew_group inner;

	crew_group_open(&outer, NULL);
	crew_group_open(&inner, NULL);
	crew_group_spawn(&inner, count_and_fail, arg);
	crew_group_spawn(&outer, add_one, arg);
	crew_group_cancel(&inner, "test");
	return crew_group_close(&outer, crew_group_close(&inner, 0));
}

Test(rules, R16_who_finds_one_group_not_cancelled_looks_anew_for_the_next, .timeout = 30)
{
	runs_one(cancel_the_inner_one, 0);
}
#endif

static int cancel_the_crew_then_spawn(void *arg)
{
	struct crew_group group;
	int rc;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 100; i++)
		crew_group_spawn(&group, add_one, arg);
	crew_cancel(NULL, "test");
	rc = crew_group_spawn(&group, add_one, arg);
	return crew_group_close(&group, 0) == CREW_ECANCELED && rc == CREW_ECANCELED ? 3 : 4;
}

Test(rules, R16_children_of_a_cancelled_crew_are_counted_off_without_running, .timeout = 30)
{
	struct crew *crew = start(1);
	struct crew_word count = { 0 };

	cr_assert_eq(crew_run(crew, cancel_the_crew_then_spawn, &count), 3);
	cr_assert_eq(crew__load_relaxed(&count), 0);
	cr_assert_eq(crew_run(crew, add_one, &count), CREW_ECANCELED, "it stays cancelled");
	stop(crew);
}
