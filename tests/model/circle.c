/* SPDX-License-Identifier: MIT */
/* model/circle.c - tasks that acquire locks in different orders (sync/circle.h). */
#include "model/model.h"

#include "crew/condition.h"
#include "crew/lock.h"
#include "crew/task.h"

#define LOCKS 3

static struct crew_lock locks[LOCKS];
static bool barging; /* they are of that kind */
static struct crew_word refused;

static void make_locks(void)
{
	for (int n = 0; n < LOCKS; n++)
		locks[n] = barging ? (struct crew_lock)CREW_LOCK_BARGING_INIT :
				     (struct crew_lock)CREW_LOCK_INIT;
}

/* Holds lock n and acquires the next: somebody has to be refused, or there was no circle. */
static int acquire_two(void *arg)
{
	uintptr_t n = (uintptr_t)arg;
	int rc;

	if (crew_lock_acquire(&locks[n]))
		return 1;
	rc = crew_lock_acquire(&locks[(n + 1) % LOCKS]);
	crew__sim_check(rc == 0 || rc == CREW_EDEADLK, "acquire");
	if (rc == 0)
		crew_lock_release(&locks[(n + 1) % LOCKS]);
	else
		crew__add_relaxed(&refused, 1);
	crew_lock_release(&locks[n]);
	return 0;
}

static int three_locks(void *arg)
{
	struct crew_group *group = model_open(NULL);
	int rc;

	(void)arg;
	crew__init_word(&refused, 0);
	make_locks();
	for (uintptr_t n = 0; n < LOCKS; n++)
		crew_group_spawn(group, acquire_two, (void *)n);
	rc = model_close(group, 0);
	crew__sim_check(crew__load_relaxed(&refused) <= 1, "one refused is enough");
	return rc;
}

Test(circle, three_locks_in_a_circle, .timeout = 300)
{
	struct model model = { .program = three_locks, .deadlock = CREW_DEADLOCK_CANCEL };

	model_search("three", model, 3000);
}

/* The same locks in one order, and a holder that comes and goes: no circle. */
static int acquire_in_order(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	for (int turn = 0; turn < 2; turn++) {
		crew__sim_check(crew_lock_acquire(&locks[0]) == 0, "first");
		if (n)
			crew__sim_check(crew_lock_acquire(&locks[1]) == 0, "second");
		crew_lock_release(&locks[0]);
		if (n) {
			crew__sim_check(crew_lock_acquire(&locks[2]) == 0, "third");
			crew_lock_release(&locks[1]);
			crew_lock_release(&locks[2]);
		} else {
			crew__sim_check(crew_lock_acquire(&locks[1]) == 0, "second alone");
			crew_lock_release(&locks[1]);
		}
	}
	return 0;
}

static int in_order(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	make_locks();
	for (uintptr_t n = 0; n < LOCKS; n++)
		crew_group_spawn(group, acquire_in_order, (void *)n);
	return model_close(group, 0);
}

Test(circle, locks_in_order_are_none, .timeout = 300)
{
	struct model model = { .program = in_order, .deadlock = CREW_DEADLOCK_CANCEL };

	model_search("order", model, 2000);
}

/* Who was called in vain shows its edge again. */
Test(circle, three_barging_locks_in_a_circle, .timeout = 300)
{
	struct model model = { .program = three_locks, .deadlock = CREW_DEADLOCK_CANCEL };

	barging = true;
	model_search("three_barging", model, 3000);
	model.program = in_order;
	model_search("order_barging", model, 2000);
	barging = false;
}

/* Who waits in the circle may be cancelled just then: its wait is over. */
static struct crew_group *pair;

static int acquire_other_way(void *arg)
{
	uintptr_t n = (uintptr_t)arg;
	int rc = crew_lock_acquire(&locks[n]);

	if (rc)
		return 0;
	rc = crew_lock_acquire(&locks[1 - n]);
	crew__sim_check(rc == 0 || rc == CREW_EDEADLK || rc == CREW_ECANCELED, "acquire");
	if (rc == 0)
		crew_lock_release(&locks[1 - n]);
	crew_lock_release(&locks[n]);
	return 0;
}

static int cancelled_in_circle(void *arg)
{
	(void)arg;
	pair = model_open(NULL);
	make_locks();
	for (uintptr_t n = 0; n < 2; n++)
		crew_group_spawn(pair, acquire_other_way, (void *)n);
	crew_yield();
	crew_group_cancel(pair, "enough");
	crew__sim_check(model_close(pair, 0) == 0, "close");
	return 0;
}

Test(circle, is_opened_by_a_cancellation, .timeout = 300)
{
	struct model model = { .program = cancelled_in_circle, .deadlock = CREW_DEADLOCK_CANCEL };

	model_search("cancelled", model, 3000);
}

/* The other one's wait was cancelled before: it is about to release what it holds. */
static struct crew_scope of_other;

static int hold_and_wait(void *arg)
{
	(void)arg;
	crew__sim_check(crew_lock_acquire(&locks[0]) == 0, "first");
	crew_scope_open(&of_other, NULL);
	crew__sim_check(crew_lock_acquire(&locks[1]) == CREW_ECANCELED, "it is held");
	crew__sim_check(crew_scope_close(&of_other, CREW_ECANCELED) == 0, "it was caught");
	crew_lock_release(&locks[0]);
	return 0;
}

static int cancel_and_acquire(void *arg)
{
	struct crew_group *group = model_open(NULL);
	struct crew_lock_stats stats = { .size = sizeof(stats) };

	(void)arg;
	make_locks();
	crew__sim_check(crew_lock_acquire(&locks[1]) == 0, "second");
	crew_group_spawn(group, hold_and_wait, NULL);
	for (; !stats.waiting; crew_lock_read_stats(&locks[1], &stats))
		crew_yield();
	crew_scope_cancel(&of_other, "model");
	crew__sim_check(crew_lock_acquire(&locks[0]) == 0, "there is no circle any more");
	crew_lock_release(&locks[0]);
	crew_lock_release(&locks[1]);
	return model_close(group, 0);
}

Test(circle, is_none_behind_who_was_cancelled, .timeout = 300)
{
	struct model model = { .program = cancel_and_acquire, .deadlock = CREW_DEADLOCK_CANCEL };

	model_search("cancelled_other", model, 500);
}

/* Whose wait was cancelled releases what it holds, though it has not gone on yet. */
static int wait_for_second(void *arg)
{
	(void)arg;
	crew__sim_check(crew_lock_acquire(&locks[0]) == 0, "the first");
	crew__sim_check(crew_lock_acquire(&locks[1]) == CREW_ECANCELED, "not cancelled");
	crew_lock_release(&locks[0]);
	return 0;
}

static int cancels_who_waits(void *arg)
{
	struct crew_group *group = model_open(NULL);
	struct crew_lock_stats stats = { .size = sizeof(stats) };
	struct crew_task *task;

	(void)arg;
	make_locks();
	crew__sim_check(crew_lock_acquire(&locks[1]) == 0, "the second");
	crew__sim_check(crew_group_spawn_task(group, wait_for_second, NULL, NULL, &task) == 0,
			"spawn");
	while (!stats.waiting) {
		crew_sleep(CREW_US(1));
		crew_lock_read_stats(&locks[1], &stats);
	}
	crew_task_cancel(task, "test");
	crew_task_drop(task);
	crew__sim_check(crew_lock_acquire(&locks[0]) == 0, "there is no circle");
	crew_lock_release(&locks[0]);
	crew_lock_release(&locks[1]);
	return model_close(group, 0);
}

Test(circle, who_was_cancelled_closes_none, .timeout = 300)
{
	struct model model = { .program = cancels_who_waits,
			       .deadlock = CREW_DEADLOCK_CANCEL,
			       .lasts = -1 };

	model_search("closes_none", model, 1000);
}

/* One waits for a condition of the second lock, and holds the first: it goes on in any case,
 * cancelled or not, for the other one is refused. */
static struct crew_condition condition;
static bool done; /* under the second lock */
static bool cancels;

static int wait_until_done(void *arg)
{
	int rc;

	(void)arg;
	if (crew_lock_acquire(&locks[0]))
		return 0;
	rc = crew_lock_acquire(&locks[1]);
	if (rc == 0) {
		while (rc == 0 && !done)
			rc = crew_condition_wait(&condition);
		crew_lock_release(&locks[1]);
	}
	crew__sim_check(rc == 0 || rc == CREW_EDEADLK || cancels, "wait");
	crew_lock_release(&locks[0]);
	return 0;
}

static int be_done(void *arg)
{
	int rc;

	(void)arg;
	crew__sim_check(crew_lock_acquire(&locks[1]) == 0, "the second");
	rc = crew_lock_acquire(&locks[0]);
	crew__sim_check(rc == 0 || rc == CREW_EDEADLK, "the first");
	if (rc == 0)
		crew_lock_release(&locks[0]);
	done = true;
	crew_condition_notify(&condition, 1);
	crew_lock_release(&locks[1]);
	return 0;
}

static int by_way_of_condition(void *arg)
{
	struct crew_group *group = model_open(NULL);
	struct crew_task *task;

	make_locks();
	crew_condition_init(&condition, &locks[1]);
	done = false;
	cancels = arg;
	crew__sim_check(crew_group_spawn_task(group, wait_until_done, NULL, NULL, &task) == 0,
			"spawn");
	crew_group_spawn(group, be_done, NULL);
	crew_yield();
	if (cancels)
		crew_task_cancel(task, "test");
	crew_task_drop(task);
	return model_close(group, 0);
}

static int by_way_of_condition_cancelled(void *arg)
{
	(void)arg;
	return by_way_of_condition(&condition);
}

Test(circle, by_way_of_a_condition, .timeout = 300)
{
	struct model model = { .program = by_way_of_condition, .deadlock = CREW_DEADLOCK_CANCEL };

	model_search("condition", model, 2000);
	model.program = by_way_of_condition_cancelled;
	model_search("condition_cancelled", model, 2000);
}

/* Whoever was notified is called, and comes in vain, again and again: it is in the circle also
 * while it is on its way, for nothing could refuse it when it closed the circle itself. */
static int pass_and_be_done(void *arg)
{
	struct crew_condition_stats stats = { .size = sizeof(stats) };
	int rc;

	(void)arg;
	crew__sim_check(crew_lock_acquire(&locks[1]) == 0, "the second");
	while (crew_condition_read_stats(&condition, &stats), !stats.waiting) {
		crew_lock_release(&locks[1]);
		crew_yield();
		crew__sim_check(crew_lock_acquire(&locks[1]) == 0, "the second");
	}
	done = true;
	crew_condition_notify(&condition, 1);
	for (int turn = 0; turn < 2; turn++) {
		if (turn)
			crew_yield(); /* it comes in vain, and waits */
		crew_lock_release(&locks[1]);
		crew__sim_check(crew_lock_acquire(&locks[1]) == 0, "the second, again");
	}
	rc = crew_lock_acquire(&locks[0]);
	crew__sim_check(rc == 0 || rc == CREW_EDEADLK, "the first");
	if (rc == 0)
		crew_lock_release(&locks[0]);
	crew_lock_release(&locks[1]);
	return 0;
}

static int called_by_way_of_condition(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	make_locks();
	crew_condition_init(&condition, &locks[1]);
	done = cancels = false;
	crew_group_spawn(group, wait_until_done, NULL);
	crew_group_spawn(group, pass_and_be_done, NULL);
	return model_close(group, 0);
}

Test(circle, by_way_of_a_condition_of_a_barging_lock, .timeout = 300)
{
	struct model model = { .program = called_by_way_of_condition,
			       .deadlock = CREW_DEADLOCK_CANCEL };

	barging = true;
	model_search("condition_called", model, 2000);
	barging = false;
}
