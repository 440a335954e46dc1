/* SPDX-License-Identifier: MIT */
/*
 * timer.h - sleeping tasks, deadlines of scopes, and the thread that serves them.
 *
 * One heap for each crew, served by a thread of its own, so that a sleep ends and a
 * deadline strikes while every worker computes. The heap is the lot of all sleeping
 * tasks (park.h): its lock guards the entries, which lie in the sleepers' frames, and
 * in the scopes.
 *
 * A deadline is struck with no lock held but `striking`: its entry has left the heap,
 * and says so. Whoever leaves a scope whose entry was struck passes that lock, behind
 * which the thread has done with the scope. It makes ready whom it woke after that.
 */
#ifndef CREW__TIMER_H
#define CREW__TIMER_H

#include "base/heap.h"
#include "exec/park.h"
#include "port/lock.h"

struct crew__timer_entry {
	struct crew__heap_node node;
	struct crew_scope *scope; /* NULL: somebody sleeps */
	uint64_t struck;	  /* guarded by the heap's lock: it was, at least once */
};

struct crew__timer {
	struct crew__lock lock;
	struct crew__lock striking;  /* taken while lock is held, or alone */
	struct crew__heap heap;	     /* guarded by lock */
	crew_time waits_until;	     /* guarded by lock: what the thread sleeps for */
	struct crew__word32 changed; /* moves when it must look again */
	bool stop;		     /* guarded by lock */
	uint64_t thread;
	struct crew *crew;
};

/* `crew` is what its thread looks after besides (stuck.h), or NULL. */
int crew__timer_start(struct crew__timer *timer, struct crew *crew, const char *name);
void crew__timer_stop(struct crew__timer *timer);
/* Parks the calling task until `when`. 0, or CREW_ECANCELED. */
int crew__timer_sleep(struct crew__timer *timer, crew_time when, const char *reason);

/* A scope's entry is due at `when` from now on; CREW_NEVER: is in no heap. */
void crew__timer_move(struct crew__timer *timer, struct crew__timer_entry *entry, crew_time when);
/* Out of the heap, and the thread has done with it. pre: no lock is held. */
void crew__timer_forget(struct crew__timer *timer, struct crew__timer_entry *entry);

#endif /* CREW__TIMER_H */
