/* SPDX-License-Identifier: MIT */
/* deadlock.c - crew_options.deadlock: who waits for ever, and who only seems to. */
#include "api/task.h"

#include "base/config.h"
#include "crew/condition.h"
#include "crew/event.h"
#include "crew/lock.h"
#include "exec/exec.h"
#include "support/child.h"

#include <pthread.h>
#include <string.h>

static struct crew_event event;
static const char *reason;

static struct crew *start_watched(void)
{
	event = (struct crew_event)CREW_EVENT_INIT;
	return start_with(CREW_OPTIONS(.workers = 2, .deadlock = CREW_DEADLOCK_CANCEL));
}

static int wait_for_event(void *arg)
{
	struct crew_cancel_info info = { .size = sizeof(info) };
	int rc = crew_event_wait(&event);

	(void)arg;
	reason = rc == CREW_ECANCELED && crew_read_cancel_info(&info) ? info.reason : NULL;
	return rc;
}

#ifndef CREW__TSAN /* which has a thread of its own */
static int wait_for_ever(void)
{
	struct crew *crew = start_watched();

	CHECK(crew_run(crew, wait_for_event, NULL) == CREW_ECANCELED);
	CHECK(reason && strcmp(reason, "deadlock") == 0);
	return crew_stop(crew);
}

static int sleep_for_ever(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_NEVER);
}

static int somebody_sleeps_for_ever(void)
{
	struct crew *crew = start_watched();

	CHECK(crew_run(crew, sleep_for_ever, NULL) == CREW_ECANCELED);
	return crew_stop(crew);
}

/* In a process of its own: Criterion's have threads that crew does not know. */
static void in_a_child(int (*run)(void))
{
	pid_t child = fork_child();

	if (child == 0)
		_exit(run() ? 1 : 0);
	cr_assert_eq(reap(child), 0);
}

Test(deadlock, everybody_waits_for_ever, .timeout = 60)
{
	in_a_child(wait_for_ever);
}

Test(deadlock, a_sleep_for_ever_is_one, .timeout = 60)
{
	in_a_child(somebody_sleeps_for_ever);
}
#endif

static void sleep_for_some_looks(void)
{
	struct crew__word32 never = { 0 };
	crew_time when = crew_now() + 3 * CREW__STUCK_PERIOD;

	while (crew__port_wait(&never, 0, when))
		;
}

static void *set_later(void *arg)
{
	(void)arg;
	sleep_for_some_looks();
	crew_event_set(&event);
	return NULL;
}

Test(deadlock, a_thread_of_the_program_may_end_it, .timeout = 60)
{
	struct crew *crew = start_watched();
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, set_later, NULL), 0);
	cr_assert_eq(crew_run(crew, wait_for_event, NULL), 0);
	pthread_join(thread, NULL);
	stop(crew);
}

static int call_later(void *arg)
{
	set_later(arg);
	return 0;
}

static int wait_for_call(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, wait_for_event, arg);
	return crew_group_close(&group, crew_blocking(call_later, NULL));
}

Test(deadlock, a_blocking_call_may_end_it, .timeout = 60)
{
	struct crew *crew = start_watched();

	run_in(crew, wait_for_call, NULL);
	stop(crew);
}

static int sleep_and_set(void *arg)
{
	int rc = crew_sleep(3 * CREW__STUCK_PERIOD);

	(void)arg;
	crew_event_set(&event);
	return rc;
}

static void *run_sleep_and_set(void *crew)
{
	return crew_run((struct crew *)crew, sleep_and_set, NULL) ? crew : NULL;
}

/* With two crews nothing is noticed: the threads of the other one are none that it knows. */
Test(deadlock, a_task_of_another_crew_may_end_it, .timeout = 60)
{
	struct crew *crew = start_watched();
	struct crew *other = start(1);
	pthread_t thread;
	void *wrong;

	cr_assert_eq(pthread_create(&thread, NULL, run_sleep_and_set, other), 0);
	cr_assert_eq(crew_run(crew, wait_for_event, NULL), 0);
	cr_assert_eq(pthread_join(thread, &wrong), 0);
	cr_assert_null(wrong);
	stop(other);
	stop(crew);
}

Test(deadlock, what_to_do_is_one_of_four, .timeout = 60)
{
	struct crew *crew = NULL;

	cr_assert_eq(crew_start(&crew, CREW_OPTIONS(.deadlock = (enum crew_deadlock)4)),
		     CREW_EINVAL);
	cr_assert_null(crew);
}

/* ---- circles ------------------------------------------------------------------------- */

static struct crew_lock locks[2];
static struct crew_event both_held[2];

static void init_locks(void)
{
	for (int n = 0; n < 2; n++) {
		locks[n] = (struct crew_lock)CREW_LOCK_INIT;
		both_held[n] = (struct crew_event)CREW_EVENT_INIT;
	}
}

static int acquire_both(void *arg)
{
	uintptr_t n = (uintptr_t)arg;
	int rc;

	CHECK(crew_lock_acquire(&locks[n]) == 0);
	crew_event_set(&both_held[n]);
	CHECK(crew_event_wait(&both_held[1 - n]) == 0);
	rc = crew_lock_acquire(&locks[1 - n]);
	if (rc == 0)
		crew_lock_release(&locks[1 - n]);
	crew_lock_release(&locks[n]);
	return rc;
}

static int compute_meanwhile(void *arg)
{
	while (!crew_check())
		crew_yield();
	(void)arg;
	return 0;
}

static int circle(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, compute_meanwhile, NULL);
	for (uintptr_t n = 0; n < 2; n++)
		crew_group_spawn_task(&group, acquire_both, (void *)n, CREW_TASK(.name = "both"),
				      NULL);
	CHECK(crew_group_close(&group, 0) == CREW_EDEADLK);
	return 0;
}

/* One of the two is refused, whatever else runs. */
Test(deadlock, a_circle_of_locks_is_refused, .timeout = 60)
{
	struct crew *crew = start_watched();

	init_locks();
	run_in(crew, circle, NULL);
	stop(crew);
}

/* Who waits for a condition holds another lock: it cannot give that up before it has got the
 * condition's lock again. */
static struct crew_condition condition;

static int wait_with_another(void *arg)
{
	int rc;

	(void)arg;
	CHECK(crew_lock_acquire(&locks[0]) == 0);
	CHECK(crew_lock_acquire(&locks[1]) == 0);
	crew_event_set(&both_held[0]);
	rc = crew_condition_wait(&condition);
	crew_lock_release(&locks[1]);
	crew_lock_release(&locks[0]);
	return rc;
}

static int notify_with_both(void *arg)
{
	int rc;

	(void)arg;
	CHECK(crew_event_wait(&both_held[0]) == 0);
	CHECK(crew_lock_acquire(&locks[1]) == 0);
	rc = crew_lock_acquire(&locks[0]);
	crew_condition_notify(&condition, 1);
	crew_lock_release(&locks[1]);
	CHECK(rc == CREW_EDEADLK);
	return 0;
}

static int circle_with_condition(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_condition_init(&condition, &locks[1]);
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, wait_with_another, NULL);
	crew_group_spawn(&group, notify_with_both, NULL);
	return crew_group_close(&group, 0);
}

Test(deadlock, a_circle_by_way_of_a_condition_is_refused, .timeout = 60)
{
	struct crew *crew = start_watched();

	init_locks();
	run_in(crew, circle_with_condition, NULL);
	stop(crew);
}
