/* SPDX-License-Identifier: MIT */
/*
 * model/semaphore.c - semaphores (crew/semaphore.h): what was given is taken or there, whatever
 * is cancelled, in every interleaving within a bound. Who waits is served: a run in which
 * somebody is forgotten does not end.
 */
#include "model/sync.h"

#include "crew/semaphore.h"

#include <string.h>

static struct crew_semaphore seats;
static uint64_t letter; /* written by who gives, read by who takes */
static struct crew_word given;
static struct crew_word taken;

static void begin_with(uint64_t value, uint64_t max)
{
	crew__sim_check(crew_semaphore_init(&seats, value, max) == 0, "bad options");
	crew__init_word(&given, value);
	crew__init_word(&taken, 0);
	letter = 0;
}

static void begin_empty(void)
{
	begin_with(0, 0);
}

static void begin_two(void)
{
	begin_with(2, 2);
}

static bool take(uint64_t count)
{
	int rc = crew_semaphore_acquire(&seats, count);

	crew__sim_check(rc == 0 || (rc == CREW_ECANCELED && crowd_cancelled()),
			"cancelled by nobody");
	if (rc == 0)
		crew__add_relaxed(&taken, count);
	return rc == 0;
}

static void give(uint64_t count)
{
	crew__add_relaxed(&given, count);
	crew__sim_check(crew_semaphore_release(&seats, count) == 0, "too many");
}

static void take_one(void)
{
	take(1);
}

static void take_many(void)
{
	take(5);
}

static void give_one(void)
{
	give(1);
}

static void give_two(void)
{
	give(2);
}

static void give_one_by_one(void)
{
	give(1);
	give(1);
}

static void take_and_give_one(void)
{
	if (take(1))
		give(1);
}

static void take_and_give_two(void)
{
	if (take(2))
		give(2);
}

static void try_to_take(void)
{
	if (crew_semaphore_acquire_nowait(&seats, 1) == 0) {
		crew__add_relaxed(&taken, 1);
		give(1);
	}
}

static void end(void)
{
	struct crew_semaphore_stats stats = { .size = sizeof(stats) };

	crew_semaphore_read_stats(&seats, &stats);
	crew__sim_check(stats.value + crew__load_relaxed(&taken) == crew__load_relaxed(&given),
			"a unit was lost, or made");
	crew__sim_check(stats.waiting == 0, "somebody is still in line");
	crew_semaphore_fini(&seats);
}

Test(semaphore, released_and_cancelled_at_once_with_three_interruptions, .timeout = 300)
{
	struct crowd crowd = { begin_empty, { take_one, give_one }, .cancelled = 1, .end = end };

	crowd_of_threads("semaphore_one", &crowd, 3);
}

Test(semaphore, the_next_one_gets_what_a_cancelled_one_has_not, .timeout = 300)
{
	struct crowd crowd = {
		begin_empty, { take_one, take_one, give_two }, .cancelled = 1, .end = end
	};

	crowd_of_threads("semaphore_two", &crowd, 1);
	crowd.roles[2] = give_one_by_one;
	crowd_of_threads("semaphore_each", &crowd, 1);
}

/* One of two is there. The first wants both: those behind fit when it is gone. */
static void begin_head(void)
{
	begin_with(1, 0);
}

/* Until the one who wants both is first in line. */
static void take_one_late(void)
{
	crowd_sleep();
	take(1);
}

Test(semaphore, who_is_behind_a_cancelled_one_is_served, .timeout = 300)
{
	struct crowd crowd = {
		begin_head, { take_many, take_one_late }, .cancelled = 1, .late = true, .end = end
	};

	crowd_of_threads("semaphore_head", &crowd, 2);
}

Test(semaphore, taken_and_given_back_by_all, .timeout = 300)
{
	struct crowd crowd = { begin_two,
			       { take_and_give_one, take_and_give_two, take_and_give_one },
			       .cancelled = 2,
			       .end = end };

	crowd_of_threads("semaphore_back", &crowd, 2);
	crowd.cancelled = 0;
	crowd.roles[2] = try_to_take;
	crowd_of_threads("semaphore_try", &crowd, 2);
}

/* As release meets a line of which the first leaves. */
static void hold_both(void)
{
	if (!take(2))
		return;
	crowd_sleep();
	give(1);
	give(1);
}

Test(semaphore, given_as_the_first_in_line_is_cancelled, .timeout = 300)
{
	struct crowd crowd = { begin_two,
			       { hold_both, take_and_give_two, take_and_give_one },
			       .cancelled = 2,
			       .late = true,
			       .end = end };

	crowd_of_threads("semaphore_line", &crowd, 1);
}

/* ---- above the maximum ------------------------------------------------------------------- */

/* More than may be left, unless two units or more go to those in line. */
static void give_too_many(void)
{
	int rc;

	crowd_sleep();
	rc = crew_semaphore_release(&seats, 5);
	crew__sim_check(rc == 0 || rc == CREW_ERANGE, "wrong code");
	if (rc == 0)
		crew__add_relaxed(&given, 5);
}

static void take_two(void)
{
	take(2);
}

static void begin_full(void)
{
	begin_with(0, 2);
}

static void end_not_above(void)
{
	struct crew_semaphore_stats stats = { .size = sizeof(stats) };

	crew_semaphore_read_stats(&seats, &stats);
	crew__sim_check(stats.value <= 2, "more than the maximum");
	end();
}

Test(semaphore, never_above_its_maximum_whoever_is_cancelled, .timeout = 300)
{
	struct crowd crowd = { begin_full,
			       { take_two, take_one, give_too_many },
			       .cancelled = 3,
			       .late = true,
			       .end = end_not_above };

	crowd_of_threads("semaphore_above", &crowd, 1);
	crowd.threads = 4;
	crowd_of_tasks("semaphore_above_tasks", &crowd, 1000);
}

Test(semaphore, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = { begin_two,
			       { take_and_give_two, take_and_give_one, take_and_give_one,
				 take_and_give_two },
			       .cancelled = 8,
			       .threads = 4,
			       .end = end };

	crowd_of_tasks("semaphore_tasks", &crowd, 1000);
}

/* ---- handing on ----------------------------------------------------------------------- */

static void write_letter(void)
{
	letter = 1;
	give(1);
}

static void read_letter(void)
{
	take(1);
	crew__sim_check(letter == 1, "it goes on without its letter");
}

Test(semaphore, what_was_written_before_is_visible, .timeout = 300)
{
	struct crowd crowd = { begin_empty, { read_letter, write_letter }, .end = end };

	crowd_of_threads("semaphore_letter", &crowd, 3);
}

/* What was given meanwhile is there for all when the one in front is gone. */
Test(semaphore, what_was_written_is_visible_behind_a_cancelled_one, .timeout = 300)
{
	struct crowd crowd = {
		begin_empty, { take_many, write_letter, read_letter }, .cancelled = 1, .end = end
	};

	crowd_of_threads("semaphore_letter_line", &crowd, 1);
}

/* Whoever has got the last unit frees it. */
static void take_and_free(void)
{
	take(1);
	crowd_free(&seats, sizeof(seats));
}

Test(semaphore, the_last_one_to_take_frees_it, .timeout = 300)
{
	struct crowd crowd = { begin_empty, { take_and_free, give_one }, .end = crowd_freed };

	crowd_of_threads("semaphore_freed", &crowd, 4);
}
