/* SPDX-License-Identifier: MIT */
/*
 * guard.c - one is inside, or none. Nobody waits: the word is the name of who has entered, a
 * string constant, or 0.
 *
 * ORDERS
 *	guard.word	leave releases what was written inside, enter acquires it.
 *
 * GUARDED BY tests/model/guard.c, tests/api/guard.c.
 */
#include "sync/lot.h"

#include "crew/guard.h"

int crew_guard_enter(struct crew_guard *guard)
{
	struct crew__caller caller = crew__caller();
	uint64_t name = (uint64_t)(uintptr_t)crew__name_of(caller.fiber);
	uint64_t nobody = 0;

	/* pairs: guard.word */
	return crew__cas_acq_rel(&guard->private_.word, &nobody, name) ? 0 : CREW_EBUSY;
}

int crew_guard_leave(struct crew_guard *guard)
{
	/* pairs: guard.word */
	return crew__exchange_acq_rel(&guard->private_.word, 0) ? 0 : CREW_EPERM;
}

static const char *user_of(const struct crew_guard *guard)
{
	return (const char *)(uintptr_t)crew__load_relaxed(&guard->private_.word);
}

void crew_guard_read_stats(const struct crew_guard *guard, struct crew_guard_stats *stats)
{
	struct crew_guard_stats now = { .size = sizeof(now), .user = user_of(guard) };

	crew__stats_give(stats, &now, sizeof(now));
}

void crew_guard_fini(struct crew_guard *guard)
{
	crew__require(!user_of(guard), "a guard is given up while somebody is inside",
		      user_of(guard));
}
