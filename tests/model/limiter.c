/* SPDX-License-Identifier: MIT */
/*
 * model/limiter.c - limiters (crew/limiter.h): what is borrowed is never above the total, and
 * what was given back is lent or there, whatever is cancelled, in every interleaving within a
 * bound. Who waits is served: a run in which somebody is forgotten does not end.
 */
#include "model/sync.h"

#include "crew/limiter.h"

#include <string.h>

static struct crew_limiter limiter;
static struct crew_word lent;
static uint64_t letter; /* written by who gives back, read by who borrows */
static const char names[4];

static void begin_with(uint64_t total)
{
	crew_limiter_init(&limiter, total);
	crew__init_word(&lent, 0);
	letter = 0;
}

static void begin_one(void)
{
	begin_with(1);
}

static void begin_two(void)
{
	begin_with(2);
}

static void begin_paused(void)
{
	begin_with(0);
}

static bool borrow(const void *name, uint64_t weight)
{
	int rc = crew_limiter_acquire_for(&limiter, name, weight);

	crew__sim_check(rc == 0 || (rc == CREW_ECANCELED && crowd_cancelled()),
			"cancelled by nobody");
	if (rc == 0)
		crew__sim_check(crew__add_relaxed(&lent, weight) + weight <= 2,
				"more than there is");
	return rc == 0;
}

static void give_back(const void *name, uint64_t weight)
{
	crew__add_relaxed(&lent, 0 - weight);
	crew__sim_check(crew_limiter_release_for(&limiter, name) == 0, "not found again");
}

static void in_own_name(void)
{
	if (borrow(NULL, 1))
		give_back(NULL, 1);
}

static void for_a_name(void)
{
	if (borrow(&names[0], 1))
		give_back(&names[0], 1);
}

static void both(void)
{
	if (borrow(&names[1], 2))
		give_back(&names[1], 2);
}

static void raise_total(void)
{
	crew_limiter_set_total(&limiter, 1);
	crew_limiter_set_total(&limiter, 2);
}

static void try_to_borrow(void)
{
	if (crew_limiter_acquire_nowait(&limiter) == 0) {
		crew__sim_check(crew__add_relaxed(&lent, 1) + 1 <= 2, "more than there is");
		give_back(NULL, 1);
	}
}

/* The same name twice: one of the two is refused, or they come one after the other. */
static void the_same_name(void)
{
	int rc = crew_limiter_acquire_for(&limiter, &names[2], 1);

	crew__sim_check(rc == 0 || rc == CREW_EDEADLK ||
				(rc == CREW_ECANCELED && crowd_cancelled()),
			"neither lent nor refused");
	if (rc == 0) {
		crew__sim_check(crew__add_relaxed(&lent, 1) == 0, "two have one name");
		give_back(&names[2], 1);
	}
}

static void end(void)
{
	struct crew_limiter_stats stats = { .size = sizeof(stats) };

	crew_limiter_read_stats(&limiter, &stats);
	crew__sim_check(stats.borrowed == 0 && stats.waiting == 0, "a unit was lost, or made");
	crew__sim_check(limiter.private_.borrowers.count == 0, "a name was not forgotten");
	crew_limiter_fini(&limiter);
}

Test(limiter, given_back_and_cancelled_at_once_with_two_interruptions, .timeout = 300)
{
	struct crowd crowd = { begin_one, { in_own_name, for_a_name }, .cancelled = 1, .end = end };

	crowd_of_threads("limiter_one", &crowd, 2);
}

Test(limiter, the_next_one_gets_what_a_cancelled_one_has_not, .timeout = 300)
{
	struct crowd crowd = {
		begin_two, { both, in_own_name, for_a_name }, .cancelled = 1, .end = end
	};

	crowd_of_threads("limiter_two", &crowd, 1);
	crowd.cancelled = 2;
	crowd.roles[2] = try_to_borrow;
	crowd_of_threads("limiter_try", &crowd, 1);
}

/* One of two is lent, to somebody who keeps it. The first wants both: the one behind fits when
 * that is gone. */
static void begin_kept(void)
{
	begin_with(2);
	crew__sim_check(crew_limiter_acquire_for_nowait(&limiter, &names[3], 1) == 0, "not lent");
	crew__init_word(&lent, 1);
}

static void in_own_name_late(void)
{
	crowd_sleep();
	in_own_name();
}

static void end_kept(void)
{
	crew__sim_check(crew_limiter_release_for(&limiter, &names[3]) == 0, "not found again");
	end();
}

Test(limiter, who_is_behind_a_cancelled_one_is_served, .timeout = 300)
{
	struct crowd crowd = { begin_kept,
			       { both, in_own_name_late },
			       .cancelled = 1,
			       .late = true,
			       .end = end_kept };

	crowd_of_threads("limiter_head", &crowd, 2);
}

Test(limiter, the_total_grows_while_somebody_is_cancelled, .timeout = 300)
{
	struct crowd crowd = {
		begin_paused, { in_own_name, both, raise_total }, .cancelled = 1, .end = end
	};

	crowd_of_threads("limiter_total", &crowd, 1);
}

Test(limiter, a_name_is_free_when_its_wait_was_cancelled, .timeout = 300)
{
	struct crowd crowd = {
		begin_one, { in_own_name, the_same_name, the_same_name }, .cancelled = 2, .end = end
	};

	crowd_of_threads("limiter_name", &crowd, 1);
}

static void leave_it_behind(void)
{
	borrow(NULL, 1);
	crew__add_relaxed(&lent, UINT64_MAX);
}

/* Tasks end with what they have borrowed, or not. */
Test(limiter, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = { begin_two,
			       { both, in_own_name, for_a_name, both },
			       .cancelled = 8,
			       .threads = 4,
			       .end = end };

	crowd.roles[3] = in_own_name;
	crowd_of_tasks("limiter_tasks", &crowd, 1000);
	crowd.roles[1] = leave_it_behind;
	crowd.cancelled = 1;
	crowd_of_tasks("limiter_left", &crowd, 1000);
}

/* ---- handing on ----------------------------------------------------------------------- */

static void begin_lent(void)
{
	begin_with(1);
	crew__sim_check(crew_limiter_acquire_for_nowait(&limiter, &names[3], 1) == 0, "not lent");
}

static void write_letter(void)
{
	letter = 1;
	crew__sim_check(crew_limiter_release_for(&limiter, &names[3]) == 0, "not found again");
}

static void read_letter(void)
{
	if (borrow(NULL, 1)) {
		crew__sim_check(letter == 1, "it goes on without its letter");
		give_back(NULL, 1);
	}
}

Test(limiter, what_was_written_before_is_visible, .timeout = 300)
{
	struct crowd crowd = { begin_lent, { read_letter, write_letter }, .end = end };

	crowd_of_threads("limiter_letter", &crowd, 3);
}

/* Whoever gives back the last loan frees it. */
static void borrow_and_free(void)
{
	borrow(NULL, 1);
	give_back(NULL, 1);
	crowd_free(&limiter, sizeof(limiter));
}

Test(limiter, who_gives_back_the_last_loan_frees_it, .timeout = 300)
{
	struct crowd crowd = { begin_lent, { borrow_and_free, write_letter }, .end = crowd_freed };

	crowd_of_threads("limiter_freed", &crowd, 3);
}
