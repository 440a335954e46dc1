/* SPDX-License-Identifier: MIT */
/*
 * fork.h - one call, taken back by whoever put it, or run by somebody else: the engine's
 * side of crew/fork.h.
 *
 * WORDS
 *	fork	the head of a frame in the caller's function: the call's arguments and result
 *		lie behind it. Its address, in the slot, is how join knows its own.
 *	state	0: in a deque, or running   DONE   OWN: never put, join runs it
 *		else the waiter of a join that has parked
 *
 * LIFE
 *	put	state 0, the slot. No worker, or no room: OWN.
 *	take	the newest slot is this fork's and can be taken: the caller runs it.
 *	run	somebody else took it: calls it in the scope of the fork; then one exchange
 *		of the state with DONE. It found a waiter: it wakes that one.
 *	wait	otherwise join parks; the hook exchanges the state with the waiter. It found
 *		DONE: it wakes the parker itself.
 *
 * INVARIANTS
 *	F1  A fork that was put is taken once: the deque's D1.
 *	F2  The exchange with DONE is the last touch of the frame, unless it finds a waiter:
 *	    then making that one ready is.
 *	F3  A slot with the address of this fork is this fork: it is outstanding, so no other
 *	    has its frame; and of earlier ones at that address none is in a deque. A cell may
 *	    still hold one that was taken: then nothing below bottom can be taken back.
 *
 * ORDERS
 *	fork.state	the exchange with DONE releases what the call wrote; the hook's, or
 *			the load in join, acquires it.
 *
 * A join that cannot take its fork parks at once, and never runs what else lies in the
 * deque: that might need what the joiner holds (R8).
 *
 * GUARDED BY tests/model/forkjoin.c, tests/api/forkjoin.c.
 */
#ifndef CREW__FORK_H
#define CREW__FORK_H

struct crew__slot;
struct crew__worker;
struct crew_fork_deque;

/* The loop runs a fork that it took from a deque. */
void crew__fork_run(struct crew__worker *worker, const struct crew__slot *slot);
/* What callers' code sees of the worker; NULL for none. */
struct crew_fork_deque *crew__fork_deque(struct crew__worker *worker);

#endif /* CREW__FORK_H */
