/* SPDX-License-Identifier: MIT */
/*
 * turn.h - a line of those who wait for time to pass: the first sleeps until what it wants is
 * there, the others wait in a lot (lot.h) until they are the first.
 *
 * WORDS
 *	ask	takes what is wanted, if it is there at this moment; else says when to ask again
 *	first	who asks and sleeps. Is in no queue; its name is kept, a string constant.
 *
 * INVARIANTS
 *	N1  Somebody is in the queue only while somebody is first. Whoever is passes that on
 *	    when it leaves, whatever its sleep ended with.
 *	N2  Nothing is taken but by who then returns 0: a cancelled wait has nothing to give
 *	    back, and those behind it come that much earlier.
 *
 * REJECTED
 *	To reserve a moment for each who comes, as others do: what a cancelled one has
 *	reserved is then lost for those behind, who sleep until theirs.
 *
 * GUARDED BY tests/model/rate.c, tests/model/ticker.c.
 */
#ifndef CREW__TURN_H
#define CREW__TURN_H

#include "sync/lot.h"

/* pre: the lot is locked. True: taken. Else *when is the moment at which to ask again. */
typedef bool crew__ask_fn(void *want, crew_time now, crew_time *when);

/* Of one call. */
struct crew__turn {
	struct crew_lot *lot;
	uint64_t *first; /* its name, or 0; guarded by the lot */
	crew__ask_fn *ask;
	void *want;
	const char *reason; /* of the first, who sleeps, too */
};

/* 0: taken; CREW_ECANCELED, CREW_EFORKED. */
int crew__turn_take(const struct crew__turn *turn);
/* 0: taken; CREW_EWOULDBLOCK. */
int crew__turn_take_nowait(const struct crew__turn *turn);
/* The first, and those behind it. pre: the lot is locked. */
uint64_t crew__turn_count(const struct crew_lot *lot, uint64_t first);
/* Stops the program, with the sentence and the name of the first, if there is one. */
void crew__turn_fini(struct crew_lot *lot, const uint64_t *first, const char *sentence);

#endif /* CREW__TURN_H */
