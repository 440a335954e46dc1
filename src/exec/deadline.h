/* SPDX-License-Identifier: MIT */
/*
 * deadline.h - moments at which a scope is cancelled.
 *
 * A scope opened by a task, or inside of a group, has its entry in the heap of that
 * crew's timer (timer.h), which strikes while every worker computes. A plain thread's
 * scope outside of all groups has no timer: its deadline is served by the thread's own
 * waits and checks. A group that the thread opens inside lends it the timer of its crew
 * until it is closed.
 *
 * INVARIANTS
 *	D1  An entry is in the heap of its scope's crew, or in none.
 *	D2  Whoever leaves a scope takes its entry out, and waits for a timer that is
 *	    just cancelling it.
 *	D3  crew and deadline change under the scope's lock. A lent crew is given and
 *	    taken by the thread whose scope it is.
 *
 * GUARDED BY tests/model/scope.c.
 */
#ifndef CREW__DEADLINE_H
#define CREW__DEADLINE_H

#include "exec/cancel.h"

struct crew;

/* Has a scope with these flags a deadline that counts, and may still strike? */
static inline bool crew__deadline_counts(uint32_t flags)
{
	return (flags & (CREW__DATED | CREW__ENTERED | CREW__MARKED)) ==
	       (CREW__DATED | CREW__ENTERED);
}

/* The deadline becomes `when`, from any thread. In a scope that is not entered it waits. */
void crew__deadline_set(struct crew_scope *scope, crew_time when);
/* The owner enters: from now on the deadline counts. pre: parent and crew are set. */
void crew__deadline_enter(struct crew_scope *scope);
/* The owner leaves (D2). */
void crew__deadline_leave(struct crew_scope *scope);

/* A plain thread opens a group of `crew`, or closes it: `scope` is what is around it. */
void crew__deadline_lend(struct crew_scope *scope, struct crew *crew);
void crew__deadline_take_back(struct crew_scope *scope);

/* Has it passed in a scope that nobody serves now: not entered, or without a timer? */
bool crew__deadline_has_passed(const struct crew_scope *scope);
/* The nearest from `scope` outwards, up to a shield. */
crew_time crew__deadline_around(const struct crew_scope *scope);
/* Plain threads: cancels what is due of those without a timer, also outside of shields, for
 * what is linked to them. The next moment to do so; does not read the clock when there is
 * none. */
crew_time crew__deadline_serve(struct crew_scope *scope);

/* The timer: the deadline is reached. */
void crew__deadline_strike(struct crew_scope *scope, struct crew__delivery *delivery);

#endif /* CREW__DEADLINE_H */
