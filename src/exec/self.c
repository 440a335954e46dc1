/* SPDX-License-Identifier: MIT */
/* self.c - the only thread-locals. Why these functions look as they do: self.h. */
#include "exec/self.h"

#include "exec/fork.h"

#include <errno.h>

/* Makes the value opaque: no caller's caller can trace it back to its address. */
#define OPAQUE(value) __asm__ volatile("" : "+r"(value))
#define NOINLINE      __attribute__((noinline, noclone))
#ifdef __clang__
#undef NOINLINE
#define NOINLINE __attribute__((noinline))
#endif

#ifdef CREW_SIM

/* One OS thread plays all threads: src/sim/ keeps these slots for each. */
uint64_t *crew__sim_slots(void);
#define SLOT(index, type, name) (*(type *)(void *)&crew__sim_slots()[index])
#define self_worker		SLOT(0, struct crew__worker *, worker)
#define self_scope		SLOT(1, struct crew_scope *, scope)
#define self_host		SLOT(2, struct crew__fiber *, host)
#define self_orphan		SLOT(3, bool, orphan)
#define self_pending		SLOT(4, struct crew_error *, pending)
#define self_errno		(&SLOT(5, int, error))

#else

/* not static: crew__self() in self.h names it in assembly */
extern _Thread_local struct crew__worker *crew__self_worker;
_Thread_local struct crew__worker *crew__self_worker;
#define self_worker crew__self_worker
/* the same for callers' code: crew_fork_here_() in crew/task.h */
extern CREW_API _Thread_local const struct crew_fork_deque *crew_fork_here;
_Thread_local const struct crew_fork_deque *crew_fork_here = &crew__fork_nowhere;
static _Thread_local struct crew_scope *self_scope;
static _Thread_local struct crew__fiber *self_host;
static _Thread_local bool self_orphan;
static _Thread_local struct crew_error *self_pending;
#define self_errno  (&errno)

#endif

#if !defined(__x86_64__) || defined(CREW_SIM)
NOINLINE struct crew__worker *crew__self(void)
{
	struct crew__worker *worker = self_worker;

	OPAQUE(worker);
	return worker;
}
#endif

NOINLINE void crew__self_set(struct crew__worker *worker)
{
	OPAQUE(worker);
	self_worker = worker;
#ifndef CREW_SIM
	crew_fork_here = crew__fork_deque(worker);
#endif
}

NOINLINE struct crew_scope *crew__self_scope(void)
{
	struct crew_scope *scope = self_scope;

	OPAQUE(scope);
	return scope;
}

NOINLINE void crew__self_set_scope(struct crew_scope *scope)
{
	OPAQUE(scope);
	self_scope = scope;
}

NOINLINE struct crew_error *crew__self_pending(void)
{
	struct crew_error *pending = self_pending;

	OPAQUE(pending);
	return pending;
}

NOINLINE void crew__self_set_pending(struct crew_error *pending)
{
	OPAQUE(pending);
	self_pending = pending;
}

NOINLINE struct crew__fiber *crew__self_host(void)
{
	struct crew__fiber *host = self_host;

	OPAQUE(host);
	return host;
}

NOINLINE void crew__self_set_host(struct crew__fiber *host)
{
	OPAQUE(host);
	self_host = host;
}

NOINLINE bool crew__self_orphan(void)
{
	bool orphan = self_orphan;

	OPAQUE(orphan);
	return orphan;
}

NOINLINE void crew__self_set_orphan(void)
{
	self_orphan = true;
}

NOINLINE int *crew__self_errno(void)
{
	int *place = self_errno;

	OPAQUE(place);
	return place;
}
