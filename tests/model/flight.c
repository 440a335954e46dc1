/* SPDX-License-Identifier: MIT */
/*
 * model/flight.c - one call for all (crew/flight.h): one at a time makes it, all get its result,
 * whatever is cancelled, in every interleaving within a bound. Who waits is told: a run in which
 * somebody is forgotten does not end.
 */
#include "model/sync.h"

#include "crew/flight.h"
#include "crew/task.h"

#include <string.h>

static struct crew_flight flight;
static struct crew_word calls; /* under way */
static struct crew_word made;
static uint64_t text; /* a race, should two make a call */

static void begin(void)
{
	flight = (struct crew_flight)CREW_FLIGHT_INIT;
	crew__init_word(&calls, 0);
	crew__init_word(&made, 0);
	text = 0;
}

static int call(void *arg, void **value)
{
	int rc;

	crew__sim_check(crew__add_relaxed(&calls, 1) == 0, "two make the call");
	text++;
	rc = crew_checkpoint();
	*value = &text;
	crew__add_relaxed(&made, rc == 0);
	crew__add_relaxed(&calls, UINT64_MAX);
	*(bool *)arg = true;
	return rc;
}

static void want(void)
{
	bool is_caller = false;
	bool shared;
	void *value;
	int rc = crew_flight_do(&flight, "k", 1, call, &is_caller, &value, &shared);

	crew__sim_check(rc == 0 || (rc == CREW_ECANCELED && crowd_cancelled()),
			"cancelled by nobody");
	crew__sim_check(rc || value == &text, "it has no value");
	crew__sim_check(rc == 0 || is_caller || (!value && !shared), "who left has got something");
	crew__sim_check(rc || crew__load_relaxed(&made) > 0, "nobody has made the call");
}

static void try_it(void)
{
	bool is_caller = false;
	int rc = crew_flight_do_nowait(&flight, "k", 1, call, &is_caller, NULL, NULL);

	crew__sim_check(rc == 0 || rc == CREW_EWOULDBLOCK, "neither made nor refused");
}

/* What it wants is not what is under way then. */
static int other_call(void *arg, void **value)
{
	*value = arg;
	return 0;
}

static void forget_and_want(void)
{
	void *value;
	int rc;

	crew_flight_forget(&flight, "k", 1);
	rc = crew_flight_do(&flight, "k", 1, other_call, &made, &value, NULL);
	crew__sim_check(rc == 0 && (value == &made || value == &text), "it has no value");
}

static void end(void)
{
	struct crew_flight_stats stats = { .size = sizeof(stats) };

	crew_flight_read_stats(&flight, &stats);
	crew__sim_check(stats.calls == 0 && stats.waiting == 0, "a call was not forgotten");
	crew_flight_fini(&flight);
}

Test(flight, made_and_cancelled_at_once_with_two_interruptions, .timeout = 300)
{
	struct crowd crowd = { begin, { want, want }, .cancelled = 1, .end = end };

	crowd_of_threads("flight_two", &crowd, 2);
	crowd.roles[1] = try_it;
	crowd_of_threads("flight_try", &crowd, 2);
}

Test(flight, the_next_one_makes_the_call_of_a_cancelled_one, .timeout = 300)
{
	struct crowd crowd = { begin, { want, want, want }, .cancelled = 3, .end = end };

	crowd_of_threads("flight_heir", &crowd, 1);
}

static void want_what_may_be_other(void)
{
	void *value;
	int rc = crew_flight_do(&flight, "k", 1, other_call, &text, &value, NULL);

	crew__sim_check(rc == 0 || (rc == CREW_ECANCELED && crowd_cancelled()),
			"cancelled by nobody");
	crew__sim_check(rc || value == &made || value == &text, "it has no value");
}

Test(flight, forgotten_while_it_is_made, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { want_what_may_be_other, forget_and_want, want_what_may_be_other },
			       .cancelled = 1,
			       .end = end };

	crowd_of_threads("flight_forgotten", &crowd, 1);
}

Test(flight, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = {
		begin, { want, want, want, want }, .cancelled = 8, .threads = 4, .end = end
	};

	crowd_of_tasks("flight_tasks", &crowd, 1000);
}
