/* SPDX-License-Identifier: MIT */
/*
 * model/condition.c - conditions (crew/condition.h): a notification reaches one who gets it,
 * whatever is cancelled, and whoever has waited holds the lock. Nobody looks twice: so one that
 * is lost is a run that does not end.
 */
#include "model/sync.h"

#include "crew/condition.h"

#include <string.h>

static struct crew_lock lock;
static struct crew_condition condition;
static uint64_t items; /* guarded by lock, as is what follows */
static uint64_t inside;
static struct crew_word put_in;
static struct crew_word taken;
static bool barging; /* the lock is of that kind */

static void begin(void)
{
	memset(&lock, 0, sizeof(lock));
	if (barging)
		lock = (struct crew_lock)CREW_LOCK_BARGING_INIT;
	crew_condition_init(&condition, &lock);
	items = inside = 0;
	crew__init_word(&put_in, 0);
	crew__init_word(&taken, 0);
}

static void enter(void)
{
	crew__sim_check(inside++ == 0, "two hold the lock");
}

static void leave(void)
{
	inside--;
	crew__sim_check(crew_lock_release(&lock) == 0, "it does not hold the lock");
}

static void put(void)
{
	if (crew_lock_acquire(&lock))
		return;
	enter();
	items++;
	crew__add_relaxed(&put_in, 1);
	crew__sim_check(crew_condition_notify(&condition, 1) == 0, "it does not hold the lock");
	leave();
}

static void put_two(void)
{
	if (crew_lock_acquire(&lock))
		return;
	enter();
	items += 2;
	crew__add_relaxed(&put_in, 2);
	crew__sim_check(crew_condition_notify_all(&condition) == 0, "it does not hold the lock");
	leave();
}

static void put_one_by_one(void)
{
	put();
	put();
}

static void take(void)
{
	int rc = crew_lock_acquire(&lock);

	if (rc)
		return;
	enter();
	while (rc == 0 && items == 0) {
		inside--;
		rc = crew_condition_wait(&condition);
		enter();
	}
	crew__sim_check(rc == 0 || crowd_cancelled(), "cancelled by nobody");
	if (rc == 0) {
		items--;
		crew__add_relaxed(&taken, 1);
	}
	leave();
}

static void end(void)
{
	struct crew_condition_stats stats = { .size = sizeof(stats) };

	crew__sim_check(crew__load_relaxed(&taken) + items == crew__load_relaxed(&put_in),
			"an item was lost, or made");
	crew_condition_read_stats(&condition, &stats);
	crew__sim_check(stats.waiting == 0, "somebody still waits");
	crew__sim_check(!lock.private_.conditions, "the lock still has a condition");
	crew_condition_fini(&condition);
	crew_lock_fini(&lock);
	crew__sim_check(crew_lock_acquire_nowait(&lock) == 0, "it was left locked");
	crew__sim_check(crew_lock_release(&lock) == 0, "it was left locked");
}

Test(condition, notified_and_cancelled_at_once, .timeout = 300)
{
	struct crowd crowd = { begin, { take, put }, .cancelled = 1, .end = end };

	crowd_of_threads("condition_one", &crowd, 2);
}

/* A notification, and one of two who wait is cancelled: the other one has to get it. */
static void put_late(void)
{
	crowd_sleep();
	put_one_by_one();
}

Test(condition, the_next_one_is_notified_if_the_first_was_cancelled, .timeout = 300)
{
	struct crowd crowd = {
		begin, { take, take, put_late }, .cancelled = 1, .late = true, .end = end
	};

	crowd_of_threads("condition_next", &crowd, 1);
	crowd.roles[2] = put_one_by_one;
	crowd_of_threads("condition_two", &crowd, 1);
	crowd.roles[2] = put_two;
	crowd_of_threads("condition_all", &crowd, 1);
}

Test(condition, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = {
		begin, { take, take, put_one_by_one, put }, .cancelled = 2, .threads = 4, .end = end
	};

	crowd_of_tasks("condition_tasks", &crowd, 1000);
	crowd.roles[2] = take;
	crowd.roles[3] = put_two;
	crowd.roles[0] = put;
	crowd_of_tasks("condition_taken", &crowd, 1000);
}

Test(condition, who_is_cancelled_alone_leaves_nothing_behind, .timeout = 300)
{
	struct crowd crowd = { begin, { take }, .cancelled = 1, .late = true, .end = end };

	crowd_of_threads("condition_alone", &crowd, 3);
}

/* ---- one notification for two, of whom one is cancelled --------------------------------- */

static int wait_unless_notified(void)
{
	int rc = items ? 0 : crew_condition_wait(&condition);

	crew__sim_check(rc == 0 || crowd_cancelled(), "cancelled by nobody");
	return rc;
}

static void wait_and_pass_on(void)
{
	if (crew_lock_acquire(&lock))
		return;
	if (wait_unless_notified() == 0)
		crew_condition_notify(&condition, 1);
	crew_lock_release(&lock);
}

static void wait_for_good(void)
{
	crew_lock_acquire(&lock);
	wait_unless_notified();
	crew_lock_release(&lock);
}

static void notify_late(void)
{
	crowd_sleep();
	crew_lock_acquire(&lock);
	items = 1;
	crew__add_relaxed(&put_in, 1);
	crew_condition_notify(&condition, 1);
	crew_lock_release(&lock);
}

Test(condition, one_notification_is_enough, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { wait_and_pass_on, wait_for_good, notify_late },
			       .cancelled = 1,
			       .late = true,
			       .end = end };

	crowd_of_threads("condition_once", &crowd, 1);
}

/* ---- the lock breaks -------------------------------------------------------------------- */

static void wait_and_be_told(void)
{
	int rc = crew_lock_acquire(&lock);

	if (rc == 0)
		rc = crew_condition_wait(&condition);
	crew__sim_check(rc == CREW_EOWNERDEAD || (rc == CREW_ECANCELED && crowd_cancelled()),
			"it was not told");
	crew__sim_check(crew_lock_release(&lock) == CREW_EPERM || rc == CREW_ECANCELED,
			"told, and holds it");
}

/* In a task. */
static void notify_and_end(void)
{
	crew_yield();
	if (crew_lock_acquire(&lock) == 0)
		crew_condition_notify(&condition, 1);
}

static void end_broken(void)
{
	crew__sim_check(!lock.private_.conditions, "the lock still has a condition");
	crew__sim_check(crew_lock_acquire(&lock) == CREW_EOWNERDEAD, "it is not broken");
}

Test(condition, its_lock_breaks, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { wait_and_be_told, wait_and_be_told, wait_and_be_told,
				 notify_and_end },
			       .cancelled = 2,
			       .threads = 4,
			       .end = end_broken };

	crowd_of_tasks("condition_broken", &crowd, 1000);
}

/* ---- with a barging lock ------------------------------------------------------------------ */

Test(condition, of_a_barging_lock, .timeout = 300)
{
	struct crowd crowd = { begin, { take, put }, .cancelled = 1, .end = end };

	barging = true;
	crowd_of_threads("condition_barging", &crowd, 2);
	crowd = (struct crowd){
		begin, { take, take, put_one_by_one, put }, .cancelled = 2, .threads = 4, .end = end
	};
	crowd_of_tasks("condition_barging_tasks", &crowd, 1000);
	crowd = (struct crowd){ begin,
				{ wait_and_be_told, wait_and_be_told, wait_and_be_told,
				  notify_and_end },
				.cancelled = 2,
				.threads = 4,
				.end = end_broken };
	crowd_of_tasks("condition_barging_broken", &crowd, 1000);
	barging = false;
}
