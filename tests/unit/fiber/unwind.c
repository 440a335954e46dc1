/* SPDX-License-Identifier: MIT */
/* R14: whoever walks a task's stack comes to a clean end, at any moment. */
#include "support/test.h"

#include "base/atomic.h"
#include "crew/crew.h"

#include <execinfo.h>
#include <signal.h>
#include <sys/time.h>
#include <unwind.h>

static int deepest(void *arg)
{
	void *frames[64];

	*(int *)arg = backtrace(frames, 64);
	return crew_sleep(CREW_MS(1));
}

Test(unwind, R14_backtrace_ends_inside_a_task)
{
	int depth = 0;

	cr_assert_eq(crew_run(NULL, deepest, &depth), 0);
	cr_assert(depth >= 3 && depth < 30, "%d frames", depth);
}

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *arg)
{
	(void)context;
	return ++*(int *)arg < 1000 ? _URC_NO_REASON : _URC_NORMAL_STOP;
}

static int unwinds(void *arg)
{
	_Unwind_Backtrace(count_frame, arg);
	return 0;
}

Test(unwind, R14_unwinding_ends_at_the_first_frame)
{
	int depth = 0;

	cr_assert_eq(crew_run(NULL, unwinds, &depth), 0);
	cr_assert(depth >= 3 && depth < 30, "%d frames", depth);
}

static struct crew_word samples; /* counted by a signal handler, in any thread */
static struct crew_word endless;

static void sample(int signal)
{
	int depth = 0;

	(void)signal;
	/* what profilers do; that it may be done in the middle of a switch is the subject */
	_Unwind_Backtrace(count_frame, &depth); /* NOLINT(bugprone-signal-handler) */
	crew__add_relaxed(&samples, 1);
	if (depth >= 1000)
		crew__add_relaxed(&endless, 1);
}

static int yields(void *arg)
{
	crew_time until = crew_now() + CREW_MS(400);

	(void)arg;
	while (crew_now() < until)
		for (int i = 0; i < 100; i++)
			crew_yield();
	return 0;
}

static int many_yield(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 8; i++)
		crew_group_spawn(&group, yields, arg);
	return crew_group_close(&group, 0);
}

Test(unwind, R14_a_storm_of_profiling_signals_unwinds_in_the_middle_of_switches)
{
	struct itimerval often = { .it_interval = { .tv_usec = 500 },
				   .it_value = { .tv_usec = 500 } };
	struct itimerval never = { .it_value = { .tv_usec = 0 } };
	int depth = 0;

	_Unwind_Backtrace(count_frame, &depth); /* loads what it needs, outside of a handler */
	signal(SIGPROF, sample);
	setitimer(ITIMER_PROF, &often, NULL);
	cr_assert_eq(crew_run(NULL, many_yield, NULL), 0);
	setitimer(ITIMER_PROF, &never, NULL);
	signal(SIGPROF, SIG_IGN);
	cr_assert_gt(crew__load_relaxed(&samples), (uint64_t)10);
	cr_assert_eq(crew__load_relaxed(&endless), (uint64_t)0);
}
