/* SPDX-License-Identifier: MIT */
/*
 * fork.h - one call, taken back by whoever put it, or run by somebody else: the engine's
 * side of crew/fork.h.
 *
 * WORDS
 *	fork	the head of a frame in the caller's function: the call's arguments and result
 *		lie behind it. Its address, in the slot, is how join knows its own.
 *	state	PUT, and where bottom was before the put: in a deque, or running
 *		DONE   OWN: never put, join runs it
 *		else the waiter of a join that has parked
 *	tenure	the high half of the deque's bottom: PUT, and how often a worker has gone on
 *		with the fiber that runs. So two stays of one fiber have different ones.
 *
 * LIFE
 *	put	state bottom, the slot, bottom + 1. No worker, or no room: OWN.
 *	take	bottom is one more than before the put, so the newest slot is this fork's (F4);
 *		it can be taken: the caller runs it. After a wait it may be the newest again
 *		at another bottom: the slow path looks into the cell (F3).
 *	run	somebody else took it: calls it in the scope of the fork; then one exchange
 *		of the state with DONE. It found a waiter: it wakes that one.
 *	wait	otherwise join parks; the hook exchanges the state with the waiter. It found
 *		DONE: it wakes the parker itself.
 *
 * INVARIANTS
 *	F1  A fork that was put is taken once: the deque's D1.
 *	F2  The exchange with DONE is the last touch of the frame, unless it finds a waiter:
 *	    then making that one ready is.
 *	F3  A fork's slot with the address of this one is this one's: it is outstanding, so no
 *	    other has its frame; and of earlier ones at that address none is in a deque. A cell
 *	    may still hold one that was taken: then nothing below bottom can be taken back. A
 *	    task may have been spawned with that address: its slot is no fork's.
 *	F4  A fiber that finds bottom as it was after its own put, tenure and all, has not
 *	    stopped since, so its worker's deque has been its own; what it has put on top
 *	    is gone; and of what is below nothing left but by thieves. So the slot below
 *	    bottom is this fork's, unless split is above it.
 *
 * ORDERS
 *	fork.state	the exchange with DONE releases what the call wrote; the hook's, or
 *			the load in join, acquires it.
 *
 * WRAP-AROUND. F4 takes a tenure for another after 2^30 switches to a fiber, if bottom is the
 * same as well, and the fork was outstanding over all of them. Accepted.
 *
 * A join that cannot take its fork parks at once, and never runs what else lies in the
 * deque: that might need what the joiner holds (R8).
 *
 * GUARDED BY tests/model/forkjoin.c, tests/api/forkjoin.c.
 */
#ifndef CREW__FORK_H
#define CREW__FORK_H

#include "exec/worker.h"

struct crew_fork_deque;

#define CREW__FORK_PUT (UINT64_C(1) << 63)

/* The loop runs a fork that it took from a deque. */
void crew__fork_run(struct crew__worker *worker, const struct crew__slot *slot);
/* The worker goes on with this fiber: what callers' code sees of it, and its tenure. */
static inline void crew__fork_tenure(struct crew__worker *worker, struct crew__fiber *fiber)
{
	struct crew__deque *deque = &worker->deque;
	uint32_t bottom = (uint32_t)crew__own(&deque->bottom);

	deque->scope = (uintptr_t)fiber->scope + CREW__SLOT_FORK;
	deque->looked = &fiber->epoch;
	fiber->tenure++;
	/* pairs: deque.bottom. Thieves find it where it was; an index that wraps changes the
	 * bit beside it, and makes no other tenure */
	crew__store_release(&deque->bottom,
			    CREW__FORK_PUT | (uint64_t)(fiber->tenure << 1 | 1) << 32 | bottom);
}
/* What callers' code sees of a plain thread: no room, and no fork is the newest. */
extern const struct crew_fork_deque crew__fork_nowhere;
/* What callers' code sees of the worker; nowhere for none. */
const struct crew_fork_deque *crew__fork_deque(struct crew__worker *worker);

#endif /* CREW__FORK_H */
