/* SPDX-License-Identifier: MIT */
/*
 * model/barrier.c - barriers (crew/barrier.h): nobody goes on before all have come, each has
 * then written what the others read, and when one is cancelled all of a round go on or none.
 */
#include "model/sync.h"

#include "crew/barrier.h"

#include <string.h>

static struct crew_barrier barrier;
static uint64_t letters[2][3]; /* by round and party */
static struct crew_word passed[2];
static struct crew_word lasts;
static struct crew_word users;
static unsigned parties;

static void begin_with(unsigned count)
{
	parties = count;
	memset(letters, 0, sizeof(letters));
	crew__init_word(&passed[0], 0);
	crew__init_word(&passed[1], 0);
	crew__init_word(&lasts, 0);
	crew__init_word(&users, count);
	crew__sim_check(crew_barrier_init(&barrier, count) == 0, "bad options");
}

static void begin_two(void)
{
	begin_with(2);
}

static void begin_three(void)
{
	begin_with(3);
}

static int step(unsigned me, unsigned round)
{
	bool last;
	int rc;

	letters[round][me] = 1;
	rc = crew_barrier_wait(&barrier, &last);
	crew__sim_check(rc == 0 || rc == CREW_EBROKEN || crowd_cancelled(), "cancelled by nobody");
	crew__sim_check(rc == 0 || !last, "the last of nobody");
	if (rc)
		return rc;
	crew__add_relaxed(&passed[round], 1);
	crew__add_relaxed(&lasts, last);
	for (unsigned i = 0; i < parties; i++)
		crew__sim_check(letters[round][i] == 1, "somebody had not come");
	return 0;
}

static void walk(unsigned me)
{
	if (step(me, 0) == 0)
		step(me, 1);
}

static void walk_0(void)
{
	walk(0);
}

static void walk_1(void)
{
	walk(1);
}

static void walk_2(void)
{
	walk(2);
}

/* All of a round or none. */
static void end(void)
{
	struct crew_barrier_stats stats = { .size = sizeof(stats) };
	uint64_t first = crew__load_relaxed(&passed[0]), second = crew__load_relaxed(&passed[1]);

	crew__sim_check(first % parties == 0 && second % parties == 0, "some have gone on");
	crew__sim_check(crew__load_relaxed(&lasts) == (first + second) / parties, "no one last");
	crew_barrier_read_stats(&barrier, &stats);
	crew__sim_check(stats.broken == (second == 0), "it is broken, or should be");
	crew__sim_check(stats.waiting == 0, "somebody still waits");
	crew_barrier_fini(&barrier);
}

static void end_well(void)
{
	crew__sim_check(crew__load_relaxed(&passed[1]) == parties, "not all have gone on");
	end();
}

Test(barrier, two_rounds, .timeout = 300)
{
	struct crowd crowd = { begin_two, { walk_0, walk_1 }, .end = end_well };

	crowd_of_threads("barrier_two", &crowd, 2);
	crowd = (struct crowd){ begin_three, { walk_0, walk_1, walk_2 }, .end = end_well };
	crowd_of_threads("barrier_three", &crowd, 1);
}

Test(barrier, all_or_none_when_one_is_cancelled, .timeout = 300)
{
	struct crowd crowd = { begin_two, { walk_0, walk_1 }, .cancelled = 1, .end = end };

	crowd_of_threads("barrier_cancelled", &crowd, 2);
	crowd = (struct crowd){
		begin_three, { walk_0, walk_1, walk_2 }, .cancelled = 1, .end = end
	};
	crowd_of_threads("barrier_cancelled_three", &crowd, 1);
}

/* Who comes late is the last, while one in line is cancelled. */
static void walk_late(void)
{
	crowd_sleep();
	walk(2);
}

Test(barrier, all_or_none_as_the_last_one_comes, .timeout = 300)
{
	struct crowd crowd = {
		begin_three, { walk_0, walk_1, walk_late }, .cancelled = 2, .late = true, .end = end
	};

	crowd_of_threads("barrier_last", &crowd, 1);
}

static void end_broken(void)
{
	if (crew__load_relaxed(&passed[1]) == 0)
		crew__sim_check(crew_barrier_wait(&barrier, NULL) == CREW_EBROKEN, "it is whole");
	crew__sim_check(crew__load_relaxed(&passed[0]) % parties == 0, "some have gone on");
}

static void break_it(void)
{
	crew_barrier_break(&barrier);
}

Test(barrier, broken_by_a_call, .timeout = 300)
{
	struct crowd crowd = {
		begin_two, { walk_0, walk_1, break_it }, .cancelled = 1, .end = end_broken
	};

	crowd_of_threads("barrier_broken", &crowd, 2);
}

Test(barrier, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = {
		begin_three, { walk_0, walk_1, walk_2 }, .threads = 4, .end = end_well
	};

	crowd_of_tasks("barrier_tasks", &crowd, 1000);
}

/* ---- the last one to go on frees it ------------------------------------------------------ */

static void use(unsigned me)
{
	step(me, 0);
	if (crew__add_acq_rel(&users, (uint64_t)-1) == 1)
		crowd_free(&barrier, sizeof(barrier));
}

static void use_0(void)
{
	use(0);
}

static void use_1(void)
{
	use(1);
}

static void use_2(void)
{
	use(2);
}

Test(barrier, the_last_one_to_go_frees_it, .timeout = 300)
{
	struct crowd crowd = { begin_three, { use_0, use_1, use_2 }, .end = crowd_freed };

	crowd_of_threads("barrier_freed", &crowd, 1);
	crowd.cancelled = 2;
	crowd_of_threads("barrier_freed_broken", &crowd, 1);
}
