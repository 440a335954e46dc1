/* SPDX-License-Identifier: MIT */
/*
 * model/guard.c - guards (crew/guard.h): one is inside, and sees what those before have written,
 * in every interleaving within a bound.
 */
#include "model/sync.h"

#include "crew/guard.h"

static struct crew_guard guard;
static uint64_t text; /* a race, should two be inside */
static struct crew_word entered;
static struct crew_word refused;

static void begin(void)
{
	guard = (struct crew_guard)CREW_GUARD_INIT;
	crew__init_word(&entered, 0);
	crew__init_word(&refused, 0);
	text = 0;
}

static void enter_and_leave(void)
{
	if (crew_guard_enter(&guard) == CREW_EBUSY) {
		crew__add_relaxed(&refused, 1);
		return;
	}
	crew__add_relaxed(&entered, 1);
	text++;
	crew__sim_check(crew_guard_leave(&guard) == 0, "nobody is inside");
}

static void end(void)
{
	uint64_t inside = crew__load_relaxed(&entered);

	crew__sim_check(inside >= 1 && inside + crew__load_relaxed(&refused) == 3,
			"everybody was refused");
	crew__sim_check(text == inside, "two were inside");
	crew_guard_fini(&guard);
}

Test(guard, one_is_inside, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { enter_and_leave, enter_and_leave, enter_and_leave },
			       .end = end };

	crowd_of_threads("guard_threads", &crowd, 3);
	crowd.threads = 2;
	crowd_of_tasks("guard_tasks", &crowd, 300);
}
