/* SPDX-License-Identifier: MIT */
/* lock_kinds.h - rules that hold for locks of both kinds: handed over in turn, and barging. */
#ifndef TESTS_API_LOCK_KINDS_H
#define TESTS_API_LOCK_KINDS_H

#include "api/sync.h"

#include "crew/lock.h"

static struct crew_lock lock_to_begin_with;

static inline void with_both_kinds(crew_task_fn *fn)
{
	lock_to_begin_with = (struct crew_lock)CREW_LOCK_BARGING_INIT;
	in_all_places(fn);
	lock_to_begin_with = (struct crew_lock)CREW_LOCK_INIT;
	in_all_places(fn);
}

#endif /* TESTS_API_LOCK_KINDS_H */
