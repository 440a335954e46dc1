/* SPDX-License-Identifier: MIT */
/*
 * stuck.h - nothing runs, and nothing is left that could make anything run.
 *
 * Only where it was asked for (crew_options.deadlock): then the timer's thread looks every
 * CREW__STUCK_PERIOD.
 *
 * WORDS
 *	still	a thread that does nothing until another thread does something: a worker or
 *		a spare that sleeps, a plain thread that waits in crew without an end. The
 *		timer's thread is still while its heap is empty, but for its looks.
 *	moves	a number made of counters that change whenever a thread has been anything
 *		but still.
 *	stuck	every thread of the process is still, while somebody waits for tasks of the
 *		crew.
 *
 * INVARIANTS
 *	D1  Who is found still twice, with the same moves, was still all the time between.
 *	    So threads that are all found still by one look, and again by the next, with the
 *	    same moves, were still at the same moment; and then they are for ever: only a
 *	    thread of this process can end the wait of another.
 *	D2  A thread that crew does not know (anything may be what it waits for) is counted
 *	    by the system, and by nobody else: the numbers differ, and nothing is said.
 *
 * REJECTED
 *	A count of those who run, kept with every sleep and wake: costs whoever never asked.
 *	Asking when the last worker lies down: the program's own threads may lie down later.
 *
 * GUARDED BY tests/model/stuck.c, tests/api/deadlock.c.
 */
#ifndef CREW__STUCK_H
#define CREW__STUCK_H

#include "base/atomic.h"

struct crew;

struct crew__stuck {
	uint32_t policy; /* enum crew_deadlock */
	/* own, of the timer's thread */
	bool was_still;	   /* at the last look */
	uint64_t moves;	   /* the same */
	uint64_t reported; /* moves of what was reported last */
};

/* When to look next, or CREW_NEVER. NULL: never. */
crew_time crew__stuck_when(const struct crew *crew);
/* pre: the timer's heap is empty, and its thread holds no lock. */
void crew__stuck_look(struct crew *crew);

#endif /* CREW__STUCK_H */
