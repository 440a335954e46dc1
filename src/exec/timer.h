/* SPDX-License-Identifier: MIT */
/*
 * timer.h - sleeping tasks, and the thread that wakes them.
 *
 * One heap for each crew, served by a thread of its own, so that a sleep ends
 * while every worker computes. The heap is the lot of all sleeping tasks
 * (park.h): its lock guards the entries, which lie in the sleepers' frames.
 */
#ifndef CREW__TIMER_H
#define CREW__TIMER_H

#include "base/heap.h"
#include "exec/park.h"
#include "port/lock.h"

struct crew__timer {
	struct crew__lock lock;
	struct crew__heap heap;	     /* guarded by lock */
	crew_time waits_until;	     /* guarded by lock: what the thread sleeps for */
	struct crew__word32 changed; /* moves when it must look again */
	bool stop;		     /* guarded by lock */
	uint64_t thread;
};

int crew__timer_start(struct crew__timer *timer, const char *name);
void crew__timer_stop(struct crew__timer *timer);
/* Parks the calling task until `when`. 0, or CREW_ECANCELED. */
int crew__timer_sleep(struct crew__timer *timer, crew_time when);

#endif /* CREW__TIMER_H */
