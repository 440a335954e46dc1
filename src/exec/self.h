/* SPDX-License-Identifier: MIT */
/*
 * self.h - who am I? The door of the thread: self.c is the only file that names
 * a thread-local.
 *
 * Tasks change threads whenever they wait, and compilers keep the address of a
 * thread-local (and of errno) across calls that they cannot see to change
 * threads. So these functions return values, never addresses, are never
 * inlined as C, and hide their result from the optimiser; self.c stays out of the
 * unity build. Callers ask anew after every call that may run or resume a task. The one
 * address, that of errno, is kept in the worker: to have asked for that one is enough.
 */
#ifndef CREW__SELF_H
#define CREW__SELF_H

#include "base/atomic.h"

struct crew__worker;
struct crew__fiber;
struct crew_error;

/*
 * The worker that this thread is, or NULL on a plain thread. On the way of every
 * spawn, so without a call where the processor allows: the compiler sees neither
 * the variable nor its address, only an instruction that it must not move or merge.
 */
#if defined(__x86_64__) && !defined(CREW_SIM)
static inline struct crew__worker *crew__self(void)
{
	struct crew__worker *worker;

	__asm__ volatile("movq crew__self_worker@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0"
			 : "=r"(worker)
			 :
			 : "memory");
	return worker;
}
#else
struct crew__worker *crew__self(void);
#endif
void crew__self_set(struct crew__worker *worker);

/* Plain threads: the innermost open scope of this thread, or NULL. */
struct crew_scope *crew__self_scope(void);
void crew__self_set_scope(struct crew_scope *scope);

/* Plain threads: what this one has said with crew_fail(), or NULL. */
struct crew_error *crew__self_pending(void);
void crew__self_set_pending(struct crew_error *pending);

/* The fiber of the task for which this thread runs a crew_blocking() function. */
struct crew__fiber *crew__self_host(void);
void crew__self_set_host(struct crew__fiber *host);

/* A thread that was inside of a task when its process forked, in the child. */
bool crew__self_orphan(void);
void crew__self_set_orphan(void);

/* Where errno of this thread is, as long as it lives: for its worker, which keeps it. */
int *crew__self_errno(void);

#endif /* CREW__SELF_H */
