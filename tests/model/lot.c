/* SPDX-License-Identifier: MIT */
/*
 * model/lot.c - the parking lot (crew/lot.h), by way of a box of tokens that is made of one.
 * As many are given as there are takers, so that nobody waits for ever; what the cancelled ones
 * have not got is in the box in the end, and nothing else.
 */
#include "model/sync.h"

#include "crew/lot.h"

#include <string.h>

static struct {
	struct crew_lot lot;
	uint64_t tokens; /* guarded by lot */
} box;

static struct crew_word given;
static struct crew_word taken;

static void begin(void)
{
	memset(&box, 0, sizeof(box));
	crew__init_word(&given, 0);
	crew__init_word(&taken, 0);
}

static bool take_token(void *got)
{
	*(bool *)got = box.tokens > 0;
	box.tokens -= *(bool *)got;
	return *(bool *)got;
}

static bool take_one(void)
{
	bool got = false;
	int rc = crew_lot_wait(&box.lot, take_token, &got, "token");

	crew__sim_check(rc == 0 || crowd_cancelled(), "cancelled by nobody");
	crew__sim_check(rc || got, "it goes on without a token");
	crew__add_relaxed(&taken, rc == 0);
	return rc == 0;
}

static void take(void)
{
	take_one();
}

static void take_twice(void)
{
	take_one();
	take_one();
}

static void give_one(void)
{
	void *first;

	crew__add_relaxed(&given, 1);
	crew_lot_lock(&box.lot);
	while (crew_lot_first(&box.lot, &first)) {
		*(bool *)first = true;
		if (crew_lot_wake(&box.lot)) {
			crew_lot_unlock(&box.lot);
			return;
		}
		*(bool *)first = false;
	}
	box.tokens++;
	crew_lot_unlock(&box.lot);
}

static void give_two(void)
{
	give_one();
	give_one();
}

static void end(void)
{
	struct crew_lot_stats stats = { .size = sizeof(stats) };

	crew__sim_check(crew__load_relaxed(&taken) + box.tokens == crew__load_relaxed(&given),
			"a token was lost, or made");
	crew_lot_read_stats(&box.lot, &stats);
	crew__sim_check(stats.waiting == 0, "somebody is still in line");
	crew_lot_fini(&box.lot);
}

Test(lot, given_and_cancelled_at_once_with_three_interruptions, .timeout = 300)
{
	struct crowd crowd = { begin, { take, give_one }, .cancelled = 1, .end = end };

	crowd_of_threads("lot_one", &crowd, 3);
}

Test(lot, the_next_one_gets_what_a_cancelled_one_has_not, .timeout = 300)
{
	struct crowd crowd = { begin, { take, take, give_two }, .cancelled = 1, .end = end };

	crowd_of_threads("lot_two", &crowd, 2);
}

Test(lot, waits_in_a_row, .timeout = 300)
{
	struct crowd crowd = {
		begin, { take_twice, give_one, give_one }, .cancelled = 1, .end = end
	};

	crowd_of_threads("lot_row", &crowd, 2);
}

/* The thread gives two before it takes one. */
static void give_two_take_one(void)
{
	give_two();
	take_one();
}

Test(lot, tasks_and_threads_wait, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { take, take, give_two_take_one, give_one },
			       .cancelled = 2,
			       .threads = 4,
			       .end = end };

	crowd_of_tasks("lot_tasks", &crowd, 1000);
}

/* ---- whoever was woken gives it back ---------------------------------------------------- */

static void take_and_free(void)
{
	take_one();
	crowd_free(&box, sizeof(box));
}

Test(lot, who_was_woken_may_free_it, .timeout = 300)
{
	struct crowd crowd = { begin, { take_and_free, give_one }, .end = crowd_freed };

	crowd_of_threads("lot_freed", &crowd, 4);
}
