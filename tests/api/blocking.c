/* SPDX-License-Identifier: MIT */
/* blocking.c - crew_blocking(): L1 to L12 as far as it goes, and Y8. */
#include "api/task.h"
#include "support/gate.h"

#include "exec/exec.h"

#include <pthread.h>
#include <poll.h>
#include <sched.h>

static struct crew *start_blocking(unsigned workers, uint32_t blocking_max)
{
	return start_with(CREW_OPTIONS(.workers = workers, .blocking_max = blocking_max));
}

static struct crew_word inside;
static struct crew_word most;
static struct crew_word calls;
static struct gate begun; /* calls, where others wait for that */
static struct gate gate;

/* Blocks its thread, as the calls do that this is for. */
static int block_a_little(void *arg)
{
	uint64_t now = crew__add_acq_rel(&inside, 1) + 1;
	uint64_t seen = crew__load_relaxed(&most);

	(void)arg;
	while (now > seen && !crew__cas_acq_rel(&most, &seen, now))
		;
	poll(NULL, 0, 2);
	crew__add_acq_rel(&inside, (uint64_t)-1);
	crew__add_relaxed(&calls, 1);
	return 0;
}

static int call_block(void *arg)
{
	return crew_blocking(block_a_little, arg);
}

static int many_calls(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < *(int *)arg; i++)
		crew_group_spawn(&group, call_block, NULL);
	return crew_group_close(&group, 0);
}

static void count_calls(uint32_t blocking_max, uint64_t limit, int count)
{
	struct crew *crew = start_blocking(2, blocking_max);
	struct crew_stats stats = { .size = sizeof(stats) };

	crew__store_relaxed(&inside, 0);
	crew__store_relaxed(&most, 0);
	crew__store_relaxed(&calls, 0);
	run_in(crew, many_calls, &count);
	cr_assert_eq(crew__load_relaxed(&calls), (uint64_t)count);
	cr_assert_leq(crew__load_relaxed(&most), limit);
	cr_assert_geq(crew__load_relaxed(&most), limit < 4 ? limit : 4, "%u at once",
		      (unsigned)crew__load_relaxed(&most));
	cr_assert_eq(crew_read_stats(crew, &stats), 0);
	cr_assert_eq(stats.blocking_calls, (uint64_t)count);
	cr_assert_leq(stats.blocking_threads, limit);
	stop(crew);
}

Test(blocking, L1_at_most_blocking_max_calls_run_at_once, .timeout = 60)
{
	count_calls(1, 1, 30);
	count_calls(3, 3, 60);
}

Test(blocking, L1_forty_calls_run_at_once_by_default, .timeout = 60)
{
	count_calls(0, 40, 200);
}

/* ---- calls that need each other ------------------------------------------------ */

/* Comes back when `want` others have come. */
static int meet(void *arg)
{
	uint32_t want = *(uint32_t *)arg;

	gate_add(&begun, 1);
	return gate_wait(&begun, want) ? 0 : 1;
}

static int call_meet(void *arg)
{
	return crew_blocking(meet, arg);
}

static int all_meet(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (uint32_t i = 0; i < *(uint32_t *)arg; i++)
		crew_group_spawn(&group, call_meet, arg);
	return crew_group_close(&group, 0);
}

/* A call in line must not wait for a thread that is busy while there may be more. */
Test(blocking, L1_calls_up_to_the_maximum_do_not_wait_for_each_other, .timeout = 120)
{
	struct crew *crew = start_blocking(4, 8);

	for (uint32_t want = 2; want <= 8; want++) {
		for (int i = 0; i < 50; i++) {
			gate_reset(&begun);
			cr_assert_eq(crew_run(crew, all_meet, &want), 0, "%u calls, round %d", want,
				     i);
		}
	}
	stop(crew);
	for (int i = 0; i < 300; i++) { /* fresh threads each time */
		uint32_t want = 4;

		crew = start_blocking(4, 4);
		gate_reset(&begun);
		cr_assert_eq(crew_run(crew, all_meet, &want), 0, "fresh, round %d", i);
		stop(crew);
	}
}

/* ---- L2, L3 ---------------------------------------------------------------------- */

static int count_call(void *arg)
{
	(void)arg;
	crew__add_relaxed(&calls, 1);
	return 0;
}

static int cancelled_before(void *arg)
{
	(void)arg;
	crew_cancel(NULL, "test");
	CHECK(crew_blocking(count_call, NULL) == CREW_ECANCELED);
	return 0;
}

Test(blocking, L2_a_cancelled_caller_never_begins, .timeout = 30)
{
	struct crew *crew = start(1);

	crew__store_relaxed(&calls, 0);
	run_in(crew, cancelled_before, NULL);
	cr_assert_eq(crew__load_relaxed(&calls), 0);
	stop(crew);
}

static int wait_for_gate(void *arg)
{
	(void)arg;
	gate_add(&begun, 1);
	return gate_wait(&gate, 1) ? 11 : 1;
}

struct line {
	struct crew *crew;
	int begun_rc;
	int waiting_rc;
};

static int call_gate(void *arg)
{
	struct line *line = arg;

	line->begun_rc = crew_blocking(wait_for_gate, NULL);
	return 0;
}

static int call_in_line(void *arg)
{
	struct line *line = arg;

	while (!gate_reached(&begun, 1))
		crew_yield();
	line->waiting_rc = crew_blocking(count_call, NULL);
	gate_add(&gate, 1);
	return 0;
}

static int cancel_when_in_line(void *arg)
{
	while (!gate_reached(&begun, 1))
		crew_yield();
	wait_for_parked(((struct line *)arg)->crew, 1, "blocking call");
	crew_cancel(NULL, "test");
	return 0;
}

static int cancelled_in_line(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, call_gate, arg);
	crew_group_spawn(&group, call_in_line, arg);
	crew_group_spawn(&group, cancel_when_in_line, arg);
	crew_group_close(&group, 0);
	return 0;
}

Test(blocking, L2_L3_cancel_ends_the_wait_in_line_and_not_what_has_begun, .timeout = 30)
{
	for (unsigned workers = 1; workers <= 3; workers++) {
		struct line line = { .crew = start_blocking(workers, 1) };

		gate_reset(&begun);
		gate_reset(&gate);
		crew__store_relaxed(&calls, 0);
		run_in(line.crew, cancelled_in_line, &line);
		cr_assert_eq(line.begun_rc, 11, "it had begun: its own code");
		cr_assert_eq(line.waiting_rc, CREW_ECANCELED);
		cr_assert_eq(crew__load_relaxed(&calls), 0, "it never ran");
		stop(line.crew);
	}
}

/* ---- L6, L7, L8, L12, Y8 ---------------------------------------------------------- */

static int fail_when_begun(void *arg)
{
	(void)arg;
	while (!gate_reached(&begun, 1))
		crew_yield();
	return 5;
}

static int check_until_cancelled(void *arg)
{
	(void)arg;
	CHECK(crew_in_task() && crew_may_block() && crew_check() == 0);
	gate_add(&begun, 1);
	while (crew_check() == 0)
		sched_yield();
	return 12;
}

static int sees_the_tasks_cancellation(void *arg)
{
	struct crew_group group;

	(void)arg;
	gate_reset(&begun);
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, fail_when_begun, NULL);
	CHECK(crew_blocking(check_until_cancelled, NULL) == 12); /* L3: its result */
	CHECK(crew_check() == CREW_ECANCELED);			 /* at the next checkpoint */
	CHECK(crew_group_close(&group, 0) == 5);
	return 0;
}

Test(blocking, L6_a_check_inside_speaks_for_the_task, .timeout = 30)
{
	run_with(1, sees_the_tasks_cancellation, NULL);
}

static int sleep_inside(void *arg)
{
	gate_add(&begun, 1);
	*(int *)arg = crew_sleep(CREW_NEVER);
	return 0;
}

/* Most likely asleep by then. */
static int fail_soon(void *arg)
{
	fail_when_begun(arg);
	crew_sleep(CREW_MS(20));
	return 5;
}

static int sleeps_in_a_failing_group(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, fail_soon, NULL);
	CHECK(crew_blocking(sleep_inside, arg) == 0);
	CHECK(crew_group_close(&group, 0) == 5);
	return 0;
}

Test(blocking, L7_a_sleep_inside_ends_when_the_task_is_cancelled_by_its_group, .timeout = 30)
{
	int rc = 0;

	gate_reset(&begun);
	run_with(1, sleeps_in_a_failing_group, &rc);
	cr_assert_eq(rc, CREW_ECANCELED);
}

static int sleeps_in_a_cancelled_crew(void *arg)
{
	CHECK(crew_blocking(sleep_inside, arg) == 0);
	return 0;
}

static void *cancel_soon(void *crew)
{
	gate_wait(&begun, 1);
	crew_sleep(CREW_MS(20));
	crew_cancel(crew, "test");
	return NULL;
}

Test(blocking, L7_a_sleep_inside_ends_when_the_crew_is_cancelled, .timeout = 30)
{
	struct crew *crew = start(1);
	pthread_t thread;
	int rc = 0;

	gate_reset(&begun);
	cr_assert_eq(pthread_create(&thread, NULL, cancel_soon, crew), 0);
	run_in(crew, sleeps_in_a_cancelled_crew, &rc);
	pthread_join(thread, NULL);
	cr_assert_eq(rc, CREW_ECANCELED);
	stop(crew);
}

static int group_inside(void *arg)
{
	pthread_t thread = pthread_self();
	struct crew_group group;

	crew_group_open(&group, NULL); /* the crew is the task's */
	for (int i = 0; i < 10; i++)
		CHECK(crew_group_spawn(&group, count_call, arg) == 0);
	CHECK(crew_group_wait(&group) == 0);
	/* L12: nested calls run inline */
	CHECK(crew_group_spawn(&group, call_block, arg) == 0);
	CHECK(crew_blocking(count_call, arg) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_run(NULL, count_call, arg) == CREW_ESTATE);
	CHECK(pthread_equal(thread, pthread_self()));
	return 0;
}

static int call_group_inside(void *arg)
{
	return crew_blocking(group_inside, arg);
}

Test(blocking, Y8_groups_may_be_used_inside, .timeout = 30)
{
	struct crew *crew = start_blocking(2, 3);

	crew__store_relaxed(&calls, 0);
	run_in(crew, call_group_inside, NULL);
	cr_assert_eq(crew__load_relaxed(&calls), 12);
	stop(crew);
}

static int wait_then_group_inside(void *arg)
{
	gate_add(&begun, 1);
	while (crew__load_acquire(&((struct crew *)arg)->state) == CREW__OPEN)
		sched_yield(); /* nobody is told */
	return group_inside(NULL);
}

static int call_while_stopping(void *arg)
{
	return crew_blocking(wait_then_group_inside, arg);
}

static int run_rc;

static void *run_it(void *crew)
{
	run_rc = crew_run(crew, call_while_stopping, crew);
	return NULL;
}

Test(blocking, Y8_groups_may_be_used_inside_also_while_the_crew_is_being_stopped, .timeout = 30)
{
	struct crew *crew = start(1);
	pthread_t thread;

	gate_reset(&begun);
	cr_assert_eq(pthread_create(&thread, NULL, run_it, crew), 0);
	cr_assert(gate_wait(&begun, 1));
	stop(crew);
	pthread_join(thread, NULL);
	cr_assert_eq(run_rc, 0, "line %d", run_rc);
}

static int close_the_tasks_group(void *arg)
{
	return crew_group_close(arg, 0);
}

static int owner_inside(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, count_call, NULL);
	CHECK(crew_blocking(close_the_tasks_group, &group) == 0);
	CHECK(crew_group_close(&group, 0) == CREW_ESTATE);
	return 0;
}

Test(blocking, Y8_the_function_counts_as_the_owner_of_its_tasks_groups, .timeout = 30)
{
	run_with(1, owner_inside, NULL);
}

Test(blocking, L8_on_a_plain_thread_it_is_a_call, .timeout = 30)
{
	cr_assert_eq(crew_check(), 0);
	cr_assert_eq(crew_in_task(), false);
	gate_add(&gate, 1);
	cr_assert_eq(crew_blocking(wait_for_gate, NULL), 11);
	cr_assert_eq(crew_blocking(NULL, NULL), CREW_EINVAL);
}
