/* SPDX-License-Identifier: MIT */
/*
 * model/event.c - events (crew/event.h): nobody waits for one that is set, what was written
 * before is visible, and whoever has waited may free it.
 */
#include "model/sync.h"

#include "crew/event.h"

#include <string.h>

static struct crew_event event;
static uint64_t letter;

static void begin(void)
{
	memset(&event, 0, sizeof(event));
	letter = 0;
}

static void wait_for_it(void)
{
	int rc = crew_event_wait(&event);

	crew__sim_check(rc == 0 || crowd_cancelled(), "cancelled by nobody");
	crew__sim_check(rc || letter == 1, "it goes on without its letter");
	crew__sim_check(rc || crew_event_is_set(&event), "it was not set");
}

static void wait_twice(void)
{
	wait_for_it();
	wait_for_it();
}

static void write_and_set(void)
{
	letter = 1;
	crew_event_set(&event);
}

static void set_again(void)
{
	wait_for_it();
	crew_event_set(&event);
}

static void end(void)
{
	struct crew_event_stats stats = { .size = sizeof(stats) };

	crew_event_read_stats(&event, &stats);
	crew__sim_check(stats.set && stats.waiting == 0, "it is not set, or somebody waits");
	crew_event_fini(&event);
}

Test(event, set_and_cancelled_at_once_with_three_interruptions, .timeout = 300)
{
	struct crowd crowd = { begin, { wait_for_it, write_and_set }, .cancelled = 1, .end = end };

	crowd_of_threads("event_one", &crowd, 3);
}

Test(event, set_by_two_while_two_wait, .timeout = 300)
{
	struct crowd crowd = {
		begin, { wait_for_it, wait_twice, write_and_set }, .cancelled = 1, .end = end
	};

	crowd_of_threads("event_two", &crowd, 1);
	crowd.roles[3] = set_again;
	crowd_of_threads("event_four", &crowd, 1);
}

Test(event, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { wait_twice, wait_for_it, wait_twice, write_and_set },
			       .cancelled = 2,
			       .threads = 4,
			       .end = end };

	crowd_of_tasks("event_tasks", &crowd, 1000);
}

/* ---- whoever has waited frees it ------------------------------------------------------ */

static struct crew_word left; /* of those who have not yet waited */

static void begin_freed(void)
{
	begin();
	crew__init_word(&left, 2);
}

static void wait_and_free(void)
{
	crew_event_wait(&event);
	if (crew__add_acq_rel(&left, (uint64_t)-1) == 1)
		crowd_free(&event, sizeof(event));
}

Test(event, the_last_one_frees_it, .timeout = 300)
{
	struct crowd crowd = { begin_freed,
			       { wait_and_free, wait_and_free, write_and_set },
			       .end = crowd_freed };

	crowd_of_threads("event_freed", &crowd, 2);
}

/* The same beside one that was cancelled in line, and says when it is gone. */
static void wait_and_go(void)
{
	crew_event_wait(&event);
	crowd_go();
}

/* They come when the first one is in line. */
static void wait_and_free_if_alone(void)
{
	crowd_sleep();
	crew_event_wait(&event);
	if (crowd_has_gone())
		crowd_free(&event, sizeof(event));
}

static void write_and_set_late(void)
{
	crowd_sleep();
	write_and_set();
}

Test(event, the_last_one_frees_it_when_waits_were_cancelled, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { wait_and_go, wait_and_free_if_alone, write_and_set_late },
			       .cancelled = 1,
			       .late = true,
			       .end = crowd_perhaps_freed };

	crowd_of_threads("event_gone", &crowd, 1);
}
