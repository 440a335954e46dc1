/* SPDX-License-Identifier: MIT */
/* small.c - see small.h. */
#include "model/small.h"

#include <stdio.h>

/* What spins does so for some other thread: it is soon interrupted. */
#define TURN_MAX 100

static void enumerate(const char *name, void (*main)(void *), void *arg,
		      struct crew__sim_options options, unsigned bound)
{
	struct crew__sim_result result;

	options.name = name;
	options.turn_max = TURN_MAX;
	result = crew__sim_enumerate(&options, main, arg, bound);
	cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", name, result.message);
	cr_assert(result.complete);
}

static void seeds(const char *name, const char *how, void (*main)(void *), void *arg,
		  struct crew__sim_options options)
{
	char full[64];
	struct crew__sim_result result;

	snprintf(full, sizeof(full), "%s%s", name, how);
	options.name = full;
	options.turn_max = TURN_MAX;
	result = crew__sim_search_seeds(&options, main, arg, SMALL_SEEDS);
	cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", full, result.message);
}

void small_search(const char *name, void (*main)(void *), void *arg, unsigned bound)
{
	enumerate(name, main, arg, (struct crew__sim_options){ .seed = 0 }, bound);
	seeds(name, "_seeds", main, arg, (struct crew__sim_options){ .seed = 0 });
}

void small_search_all(const char *name, void (*main)(void *), void *arg, unsigned bound)
{
	enumerate(name, main, arg, (struct crew__sim_options){ .seed = 0 }, bound);
	small_seeds_all(name, main, arg);
}

void small_seeds_all(const char *name, void (*main)(void *), void *arg)
{
	seeds(name, "_seeds", main, arg, (struct crew__sim_options){ .seed = 0 });
	seeds(name, "_fences", main, arg, (struct crew__sim_options){ .no_membarrier = true });
	seeds(name, "_early", main, arg,
	      (struct crew__sim_options){ .spurious_one_in = 4, .early_one_in = 8 });
}
