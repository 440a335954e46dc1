/* SPDX-License-Identifier: MIT */
/*
 * threads.h - spare threads for calls that block their thread.
 *
 * WORDS
 *	job	one crew_blocking() call; lies in the frame of the waiting task.
 *	spare	a thread of this pool; runs one job after the other, retires when it
 *		had none for a while.
 *
 * LIFE OF A JOB. The task puts it in line and parks, interruptibly. A spare takes it
 * out of the line and makes the wait firm: from here on nothing interrupts it. When
 * the function has returned the spare grants the wait. A task that was cancelled
 * first takes its job out of the line, if no spare has done so.
 *
 * INVARIANTS (all under the lock)
 *	T1  A job in line has a spare that is coming for it (told, or just started), or
 *	    all spares that there may be run jobs, and look at the line afterwards.
 *	T2  `sleeping` holds the spares that sleep and have not been told. Telling one
 *	    takes it out; one that wakes for lack of jobs takes itself out. So a job is
 *	    never left to a thread that retires.
 *	T3  At most one retired thread is not joined yet: whoever retires joins the one
 *	    before. Stop joins the last.
 *
 * GUARDED BY tests/api/blocking.c.
 */
#ifndef CREW__THREADS_H
#define CREW__THREADS_H

#include "base/list.h"
#include "exec/park.h"
#include "port/lock.h"

#include "crew/task.h"

struct crew__threads {
	struct crew__lock lock;
	struct crew__link line;	    /* of jobs; guarded by lock, as is the rest */
	struct crew__link sleeping; /* spares */
	uint32_t waiting;	    /* jobs in line */
	uint32_t coming; /* spares told or started that have not looked at the line yet */
	uint32_t count;
	uint32_t max;
	bool stop;
	bool has_retired;
	uint64_t retired;
	struct crew__word32 ended; /* moves when a thread retires */
	struct crew_word calls;
	struct crew_word threads; /* count, for statistics */
	char name[16];
};

void crew__threads_init(struct crew__threads *threads, uint32_t max, const char *name);
/* pre: no job is left or will come. */
void crew__threads_stop(struct crew__threads *threads);
/* Runs fn(arg) on a spare thread; the calling task waits. */
int crew__threads_run(struct crew__threads *threads, crew_task_fn *fn, void *arg,
		      bool interruptible);

/* How many spares sleep. (stuck.h) */
uint32_t crew__threads_still(struct crew__threads *threads);

#endif /* CREW__THREADS_H */
