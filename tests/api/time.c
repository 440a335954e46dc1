/* SPDX-License-Identifier: MIT */
/* time.c - the clock, and sleeping: what crew/time.h promises. */
#include "api/task.h"

Test(time, the_clock_never_goes_back)
{
	crew_time before = crew_now();

	for (int i = 0; i < 100000; i++) {
		crew_time now = crew_now();

		cr_assert(now >= before);
		before = now;
	}
}

Test(time, later_is_a_moment_or_never)
{
	crew_time before = crew_now();
	crew_time later = crew_later(CREW_S(5));

	cr_assert(later >= before + CREW_S(5) && later <= crew_now() + CREW_S(5));
	later = crew_later(-CREW_S(5));
	cr_assert(later >= before - CREW_S(5) && later <= crew_now() - CREW_S(5));
	cr_assert_eq(crew_later(CREW_NEVER), CREW_NEVER);
	cr_assert_eq(crew_later(CREW_NEVER - 1), CREW_NEVER);
	cr_assert(crew_later(INT64_MIN) < 0);
}

static int sleep_a_little(void *arg)
{
	crew_time began = crew_now();

	(void)arg;
	CHECK(crew_sleep(CREW_MS(5)) == 0);
	CHECK(crew_now() - began >= CREW_MS(5));
	began = crew_now();
	CHECK(crew_sleep_until(began + CREW_MS(5)) == 0);
	CHECK(crew_now() - began >= CREW_MS(5));
	return 0;
}

Test(time, a_task_never_wakes_early)
{
	run_with(1, sleep_a_little, NULL);
}

Test(time, a_plain_thread_never_wakes_early)
{
	cr_assert_eq(sleep_a_little(NULL), 0);
}

static int sleep_badly(void *arg)
{
	(void)arg;
	CHECK(crew_sleep(-1) == CREW_EINVAL);
	CHECK(crew_sleep(0) == 0);
	CHECK(crew_sleep_until(crew_now() - CREW_S(100)) == 0);
	CHECK(crew_sleep_until(0) == 0);
	return 0;
}

Test(time, a_negative_duration_is_invalid_and_a_moment_in_the_past_is_none)
{
	run_with(1, sleep_badly, NULL);
	cr_assert_eq(sleep_badly(NULL), 0);
}

struct order {
	int next;
	int woken[3];
};

struct sleeper {
	struct order *order;
	crew_time when;
	int number;
};

static int sleep_and_sign(void *arg)
{
	struct sleeper *sleeper = arg;
	int rc = crew_sleep_until(sleeper->when);

	sleeper->order->woken[sleeper->order->next++] = sleeper->number;
	return rc;
}

/* One worker: the tasks sign one after the other. */
static int sleep_in_turn(void *arg)
{
	struct order *order = arg;
	crew_time began = crew_now();
	struct sleeper sleepers[3] = {
		{ order, began + CREW_MS(90), 2 },
		{ order, began + CREW_MS(30), 0 },
		{ order, began + CREW_MS(60), 1 },
	};
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 3; i++)
		crew_group_spawn(&group, sleep_and_sign, &sleepers[i]);
	return crew_group_close(&group, 0);
}

Test(time, sleepers_share_one_worker_and_wake_in_the_order_of_their_moments)
{
	struct order order = { 0 };

	run_with(1, sleep_in_turn, &order);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(order.woken[i], i);
}

static int sleep_for_ever(void *arg)
{
	int *rc = arg;

	*rc = crew_sleep(CREW_NEVER);
	return *rc;
}

static int fail_later(void *arg)
{
	(void)arg;
	crew_sleep(CREW_MS(5));
	return 7;
}

static int end_a_sleep(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, sleep_for_ever, arg);
	crew_group_spawn(&group, fail_later, NULL);
	CHECK(crew_group_close(&group, 0) == 7);
	return 0;
}

Test(time, a_sleep_for_ever_ends_by_cancellation)
{
	int rc = 0;

	run_with(1, end_a_sleep, &rc);
	/* never begun at all is fine too */
	cr_assert(rc == CREW_ECANCELED || rc == 0);
}
