/* SPDX-License-Identifier: MIT */
/* R14: whoever walks a task's stack comes to a clean end, at any moment. */
#include "support/sampler.h"
#include "support/test.h"

#include "crew/crew.h"

#include <execinfo.h>

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
	start_sampling(500);
	cr_assert_eq(crew_run(NULL, many_yield, NULL), 0);
	stop_sampling();
	cr_assert_gt(crew__load_relaxed(&samples), (uint64_t)10);
	cr_assert_eq(crew__load_relaxed(&endless), (uint64_t)0);
}
