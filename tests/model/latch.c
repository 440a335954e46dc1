/* SPDX-License-Identifier: MIT */
/*
 * model/latch.c - latches (crew/latch.h): nobody goes on before all was counted, nobody is
 * forgotten then, what was written before is visible, and whoever has waited may free it.
 */
#include "model/sync.h"

#include "crew/latch.h"

#include <string.h>

static struct crew_latch latch;
static uint64_t letters[2];

static void begin(void)
{
	memset(letters, 0, sizeof(letters));
	crew__sim_check(crew_latch_init(&latch, 2) == 0, "bad options");
}

static void wait_for_it(void)
{
	int rc = crew_latch_wait(&latch);

	crew__sim_check(rc == 0 || crowd_cancelled(), "cancelled by nobody");
	crew__sim_check(rc || (letters[0] == 1 && letters[1] == 1), "it goes on too early");
	crew__sim_check(rc || crew_latch_is_done(&latch), "something was left");
}

static void write_first(void)
{
	letters[0] = 1;
	crew__sim_check(crew_latch_count_down(&latch, 1) == 0, "nothing was left");
}

static void write_second(void)
{
	letters[1] = 1;
	crew__sim_check(crew_latch_count_down(&latch, 1) == 0, "nothing was left");
}

static void write_both(void)
{
	write_first();
	write_second();
}

static void end(void)
{
	struct crew_latch_stats stats = { .size = sizeof(stats) };

	crew_latch_read_stats(&latch, &stats);
	crew__sim_check(stats.left == 0 && stats.waiting == 0, "it is not done, or awaited");
	crew__sim_check(crew_latch_count_down(&latch, 1) == CREW_ERANGE, "something was left");
	crew_latch_fini(&latch);
}

Test(latch, counted_and_cancelled_at_once_with_three_interruptions, .timeout = 300)
{
	struct crowd crowd = { begin, { wait_for_it, write_both }, .cancelled = 1, .end = end };

	crowd_of_threads("latch_one", &crowd, 3);
}

Test(latch, counted_by_two_while_two_wait, .timeout = 300)
{
	struct crowd crowd = {
		begin, { wait_for_it, write_first, write_second }, .cancelled = 1, .end = end
	};

	crowd_of_threads("latch_two", &crowd, 2);
	crowd.roles[3] = wait_for_it;
	crowd_of_threads("latch_four", &crowd, 1);
}

Test(latch, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { wait_for_it, wait_for_it, write_first, write_second },
			       .cancelled = 2,
			       .threads = 4,
			       .end = end };

	crowd_of_tasks("latch_tasks", &crowd, 1000);
}

/* Whoever takes the last one away with it is told so, and nobody else. */
static struct crew_word refused;

static void begin_few(void)
{
	begin();
	crew__init_word(&refused, 0);
}

static void count_two(void)
{
	int rc = crew_latch_count_down(&latch, 2);

	crew__sim_check(rc == 0 || rc == CREW_ERANGE, "wrong code");
	crew__add_relaxed(&refused, rc != 0);
}

static void wait_only(void)
{
	crew__sim_check(crew_latch_wait(&latch) == 0, "cancelled by nobody");
}

static void end_few(void)
{
	crew__sim_check(crew__load_relaxed(&refused) == 1, "it was counted twice, or never");
	end();
}

Test(latch, no_more_than_is_left, .timeout = 300)
{
	struct crowd crowd = { begin_few, { count_two, count_two, wait_only }, .end = end_few };

	crowd_of_threads("latch_few", &crowd, 2);
}

/* ---- whoever has waited frees it ------------------------------------------------------ */

static void wait_and_free(void)
{
	wait_for_it();
	crowd_free(&latch, sizeof(latch));
}

Test(latch, who_has_waited_frees_it, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { wait_and_free, write_first, write_second },
			       .end = crowd_freed };

	crowd_of_threads("latch_freed", &crowd, 2);
}

/* One in line is cancelled, and says when it is gone. */
static void wait_and_go(void)
{
	crew_latch_wait(&latch);
	crowd_go();
}

static void wait_and_free_if_alone(void)
{
	crowd_sleep();
	wait_for_it();
	if (crowd_has_gone())
		crowd_free(&latch, sizeof(latch));
}

static void write_late(void)
{
	crowd_sleep();
	write_both();
}

Test(latch, who_has_waited_frees_it_when_others_were_cancelled, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { wait_and_go, wait_and_free_if_alone, write_late },
			       .cancelled = 1,
			       .late = true,
			       .end = crowd_perhaps_freed };

	crowd_of_threads("latch_gone", &crowd, 1);
}
