/* SPDX-License-Identifier: MIT */
/*
 * fork_sync.c - R15 for what tasks wait for: in a child process every call that may wait says so,
 * though it need not wait; what never waits does as ever. The child reports by its exit status.
 */
#include "api/task.h"

#include "crew/barrier.h"
#include "crew/broadcast.h"
#include "crew/condition.h"
#include "crew/event.h"
#include "crew/flight.h"
#include "crew/keyed_lock.h"
#include "crew/latch.h"
#include "crew/limiter.h"
#include "crew/notify.h"
#include "crew/once.h"
#include "crew/rate.h"
#include "crew/rwlock.h"
#include "crew/select.h"
#include "crew/semaphore.h"
#include "crew/ticker.h"
#include "support/child.h"

#ifndef CREW__TSAN /* which loses its own threads at a fork */

static struct crew_lot lot;
static struct crew_lock lock;
static struct crew_semaphore semaphore = CREW_SEMAPHORE_INIT(9, 9);
static struct crew_event event;
static struct crew_latch latch;
static struct crew_barrier barrier;
static struct crew_notify notify;
static struct crew_once once;
static struct crew_limiter limiter = CREW_LIMITER_INIT(9);
static struct crew_rwlock rwlock;
static struct crew_keyed_lock keyed;
static struct crew_rate rate = CREW_RATE_INIT(9, CREW_S(1), 9);
static struct crew_ticker ticker = CREW_TICKER_INIT(CREW_S(1), CREW_TICKER_SKIP);
static struct crew_flight flight;
static struct crew_channel channel;
static struct crew_sender sender;
static struct crew_receiver receiver;
static struct crew_broadcast broadcast;
static struct crew_subscriber subscriber;

static int call(void *arg)
{
	(void)arg;
	return 0;
}

static int fly(void *arg, void **value)
{
	(void)arg;
	(void)value;
	return 0;
}

static int send_to_all(int what)
{
	return crew_broadcast_send(&broadcast, &what);
}

static int select_event(void)
{
	struct crew_case one = CREW_ON_EVENT(&event);

	return crew_select_one(&one, 1, CREW_FAIR);
}

static int reserve(void)
{
	struct crew_slot slot;

	return crew_reserve(&sender, &slot);
}

static int prepare(void)
{
	int item = 1;

	CHECK(crew_channel_init(&channel, &sender, &receiver, sizeof(int),
				CREW_CHANNEL(.capacity = 4)) == 0);
	CHECK(crew_broadcast_init(&broadcast, sizeof(int), CREW_BROADCAST(.capacity = 4)) == 0);
	crew_subscriber_open(&subscriber, &broadcast, CREW_FROM_NOW);
	CHECK(crew_send(&sender, &item) == 0 && send_to_all(item) == 0);
	crew_event_set(&event);
	crew_notify_one(&notify);
	return 0;
}

/* 0, or the line of what does not say so. */
static int wait_for_all(void)
{
	int item = 1;

	CHECK(crew_lot_wait(&lot, NULL, NULL, "test") == CREW_EFORKED);
	CHECK(crew_lock_acquire(&lock) == CREW_EFORKED);
	CHECK(crew_semaphore_acquire(&semaphore, 1) == CREW_EFORKED);
	CHECK(crew_event_wait(&event) == CREW_EFORKED);
	CHECK(crew_latch_wait(&latch) == CREW_EFORKED);
	CHECK(crew_barrier_wait(&barrier, NULL) == CREW_EFORKED);
	CHECK(crew_notify_take(&notify) == CREW_EFORKED);
	CHECK(crew_once_do(&once, call, NULL) == CREW_EFORKED);
	CHECK(crew_limiter_acquire(&limiter) == CREW_EFORKED);
	CHECK(crew_limiter_acquire_for(&limiter, &lot, 2) == CREW_EFORKED);
	CHECK(crew_rwlock_acquire_read(&rwlock) == CREW_EFORKED);
	CHECK(crew_rwlock_acquire_write(&rwlock) == CREW_EFORKED);
	CHECK(crew_keyed_lock_acquire(&keyed, "key", 3) == CREW_EFORKED);
	CHECK(crew_rate_take(&rate, 1) == CREW_EFORKED);
	CHECK(crew_ticker_take(&ticker, NULL) == CREW_EFORKED);
	CHECK(crew_flight_do(&flight, "key", 3, fly, NULL, NULL, NULL) == CREW_EFORKED);
	CHECK(crew_send(&sender, &item) == CREW_EFORKED);
	CHECK(crew_send_last(&sender, &item) == CREW_EFORKED);
	CHECK(reserve() == CREW_EFORKED);
	CHECK(crew_receive(&receiver, &item) == CREW_EFORKED);
	CHECK(send_to_all(1) == CREW_EFORKED);
	CHECK(crew_subscriber_receive(&subscriber, &item) == CREW_EFORKED);
	CHECK(select_event() == CREW_EFORKED);
	return 0;
}

/* Of what was not held at the fork. */
static int do_the_rest(void)
{
	int item = 0;

	CHECK(crew_lock_acquire_nowait(&lock) == 0 && crew_lock_release(&lock) == 0);
	CHECK(crew_semaphore_acquire_nowait(&semaphore, 9) == 0);
	CHECK(crew_semaphore_release(&semaphore, 9) == 0);
	CHECK(crew_notify_take_nowait(&notify) == 0);
	CHECK(crew_limiter_acquire_nowait(&limiter) == 0 && crew_limiter_release(&limiter) == 0);
	CHECK(crew_receive_nowait(&receiver, &item) == 0 && item == 1);
	CHECK(crew_subscriber_receive_nowait(&subscriber, &item) == 0 && item == 1);
	CHECK(crew_send_nowait(&sender, &item) == 0);
	return 0;
}

static void finish(void)
{
	crew_sender_close(&sender);
	crew_receiver_close(&receiver);
	crew_subscriber_close(&subscriber);
	crew_broadcast_fini(&broadcast);
}

static int in_child(void)
{
	int line = wait_for_all();

	line = line ? line : do_the_rest();
	finish();
	return line;
}

static int fork_and_wait(void *arg)
{
	pid_t pid;
	int status;

	(void)arg;
	CHECK(prepare() == 0);
	pid = fork_child();
	if (pid == 0)
		_exit(in_child());
	status = reap(pid);
	finish();
	return status;
}

static int call_that_forks(void *arg)
{
	return crew_blocking(fork_and_wait, arg);
}

Test(fork_sync, R15_a_task_in_the_child_waits_for_nothing, .timeout = 60)
{
	run_with(2, fork_and_wait, NULL);
}

Test(fork_sync, R15_nor_does_a_blocking_call, .timeout = 60)
{
	run_with(2, call_that_forks, NULL);
}

/* ---- who waited before the fork is not there ---- */

static struct crew_lock handed;
static struct crew_lock barging = CREW_LOCK_BARGING_INIT;
static struct crew_condition condition = CREW_CONDITION_INIT(&handed);
static struct crew_semaphore empty = CREW_SEMAPHORE_INIT(0, 9);

static int acquire(void *arg)
{
	struct crew_lock *it = (struct crew_lock *)arg;
	int rc = crew_lock_acquire(it);

	return rc ? rc : crew_lock_release(it);
}

static int be_notified(void *arg)
{
	int rc = crew_lock_acquire(&handed);

	(void)arg;
	rc = rc ? rc : crew_condition_wait(&condition);
	return rc ? rc : crew_lock_release(&handed);
}

static int take_one(void *arg)
{
	(void)arg;
	return crew_semaphore_acquire(&empty, 1);
}

static int use_free_lock(struct crew_lock *it)
{
	for (int i = 0; i < 300; i++)
		CHECK(crew_lock_acquire_nowait(it) == 0 && crew_lock_release(it) == 0);
	return 0;
}

/* By the thread that has forked, which holds it. */
static int use_what_is_held(void)
{
	struct crew_condition_stats in_it = { .size = sizeof(in_it) };
	struct crew *crew;

	CHECK(crew_condition_notify_all(&condition) == 0);
	CHECK(crew_lock_release(&handed) == 0 && use_free_lock(&handed) == 0);
	crew_condition_read_stats(&condition, &in_it);
	CHECK(in_it.waiting == 0);
	CHECK(crew_semaphore_release(&empty, 1) == 0);
	CHECK(crew_semaphore_acquire_nowait(&empty, 1) == 0);
	if (!child_may_start_threads())
		return 0;
	CHECK(crew_start(&crew, CREW_OPTIONS(.workers = 2)) == 0);
	CHECK(crew_run(crew, acquire, &handed) == 0);
	CHECK(crew_stop(crew) == 0);
	return 0;
}

static uint64_t count_waits(void)
{
	struct crew_lock_stats of_lock = { .size = sizeof(of_lock) };
	struct crew_condition_stats of_condition = { .size = sizeof(of_condition) };
	struct crew_semaphore_stats of_semaphore = { .size = sizeof(of_semaphore) };

	crew_lock_read_stats(&handed, &of_lock);
	crew_condition_read_stats(&condition, &of_condition);
	crew_semaphore_read_stats(&empty, &of_semaphore);
	return of_lock.waiting + of_condition.waiting + of_semaphore.waiting;
}

static int status_of_child(int (*in_it)(void))
{
	pid_t pid = fork_child();

	if (pid == 0)
		_exit(in_it());
	return reap(pid);
}

static void until_waits(uint64_t count)
{
	while (count_waits() < count)
		crew_yield();
}

Test(fork_sync, R15_what_is_given_in_the_child_goes_to_nobody_of_the_parent, .timeout = 60)
{
	struct crew *crew = start(2);
	struct crew_group group;
	int status;

	crew_group_open(&group, CREW_GROUP(.crew = crew));
	cr_assert_eq(crew_group_spawn(&group, be_notified, NULL), 0);
	until_waits(1);
	cr_assert_eq(crew_lock_acquire(&handed), 0);
	cr_assert_eq(crew_group_spawn(&group, acquire, &handed), 0);
	cr_assert_eq(crew_group_spawn(&group, take_one, NULL), 0);
	until_waits(3);
	status = status_of_child(use_what_is_held);
	cr_assert_eq(crew_condition_notify_all(&condition), 0);
	cr_assert_eq(crew_lock_release(&handed), 0);
	cr_assert_eq(crew_semaphore_release(&empty, 1), 0);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	stop(crew);
	cr_assert_eq(status, 0, "line %d", status);
}

static int use_barging(void)
{
	return use_free_lock(&barging);
}

/* With one worker: who was called has not come yet. */
static int fork_when_called(void *arg)
{
	struct crew_lock_stats stats = { .size = sizeof(stats) };
	struct crew_group group;
	int status;
	int rc;

	(void)arg;
	CHECK(crew_lock_acquire(&barging) == 0);
	crew_group_open(&group, NULL);
	for (int i = 0; i < 2; i++)
		CHECK(crew_group_spawn(&group, acquire, &barging) == 0);
	while (stats.waiting < 2) {
		crew_yield();
		crew_lock_read_stats(&barging, &stats);
	}
	CHECK(crew_lock_release(&barging) == 0);
	status = status_of_child(use_barging);
	rc = crew_group_close(&group, 0);
	return rc ? rc : status;
}

Test(fork_sync, R15_nor_is_a_barging_lock_handed_to_who_was_called_there, .timeout = 60)
{
	run_with(1, fork_when_called, NULL);
}

#endif
