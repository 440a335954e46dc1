/* SPDX-License-Identifier: MIT */
/*
 * model/once.c - what is done once (crew/once.h): one makes the call at a time, it is made until
 * one succeeds and never after, and what that one wrote is visible.
 */
#include "model/sync.h"

#include "crew/once.h"

#include <string.h>

static struct crew_once once;
static uint64_t letter; /* written by the call */
static struct crew_word inside;
static struct crew_word successes;
static struct crew_word failures; /* so many calls are to fail */

static void begin_with(uint64_t fail)
{
	memset(&once, 0, sizeof(once));
	letter = 0;
	crew__init_word(&inside, 0);
	crew__init_word(&successes, 0);
	crew__init_word(&failures, fail);
}

static void begin(void)
{
	begin_with(0);
}

static void begin_failing(void)
{
	begin_with(1);
}

static int call(void *arg)
{
	uint64_t fail = crew__load_relaxed(&failures);

	(void)arg;
	crew__sim_check(crew__add_relaxed(&inside, 1) == 0, "two make the call");
	crew__sim_check(crew__load_relaxed(&successes) == 0, "it is done again");
	letter++;
	crew__add_relaxed(&inside, (uint64_t)-1);
	crew__store_relaxed(&failures, 0);
	crew__add_relaxed(&successes, fail == 0);
	return fail ? 7 : 0;
}

static int do_it(void)
{
	int rc = crew_once_do(&once, call, NULL);

	crew__sim_check(rc == 0 || rc == 7 || crowd_cancelled(), "cancelled by nobody");
	if (rc == 0)
		crew__sim_check(letter > 0 && crew__load_relaxed(&successes) == 1,
				"it goes on before it is done");
	return rc;
}

static void do_once(void)
{
	do_it();
}

static void do_until_done(void)
{
	while (do_it() == 7)
		;
}

static void look(void)
{
	if (crew_once_is_done(&once))
		crew__sim_check(letter > 0, "it looks done");
}

static void end(void)
{
	struct crew_once_stats stats = { .size = sizeof(stats) };

	crew_once_read_stats(&once, &stats);
	crew__sim_check(stats.done == crew__load_relaxed(&successes), "it is not as it says");
	crew__sim_check(!stats.running && stats.waiting == 0, "somebody is still there");
	crew_once_fini(&once);
}

static void end_done(void)
{
	crew__sim_check(crew__load_relaxed(&successes) == 1, "it was not done");
	end();
}

Test(once, done_and_cancelled_at_once_with_three_interruptions, .timeout = 300)
{
	struct crowd crowd = { begin, { do_once, do_once }, .cancelled = 2, .end = end_done };

	crowd_of_threads("once_two", &crowd, 3);
	crowd.begin = begin_failing;
	crowd.end = end;
	crowd_of_threads("once_two_failing", &crowd, 2);
}

Test(once, the_next_one_takes_over, .timeout = 300)
{
	struct crowd crowd = {
		begin_failing, { do_until_done, do_once, do_until_done }, .cancelled = 2, .end = end
	};

	crowd_of_threads("once_three", &crowd, 1);
	crowd.roles[2] = look;
	crowd_of_threads("once_look", &crowd, 2);
}

static int call_long(void *arg)
{
	crowd_sleep();
	return call(arg);
}

static void do_long(void)
{
	crew_once_do(&once, call_long, NULL);
}

Test(once, taken_over_as_the_first_in_line_is_cancelled, .timeout = 300)
{
	struct crowd crowd = { begin_failing,
			       { do_long, do_once, do_until_done },
			       .cancelled = 2,
			       .late = true,
			       .end = end };

	crowd_of_threads("once_line", &crowd, 1);
}

Test(once, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = { begin_failing,
			       { do_until_done, do_once, do_until_done, look },
			       .cancelled = 2,
			       .threads = 4,
			       .end = end };

	crowd_of_tasks("once_tasks", &crowd, 1000);
}
