/* SPDX-License-Identifier: MIT */
/*
 * task.c - what a task asks and says about itself, and sleeping. A plain thread
 * may call all of it: it waits on its own futex word and needs no timer.
 */
#include "exec/exec.h"

#include "crew/task.h"
#include "crew/time.h"

crew_time crew_now(void)
{
	return crew__port_now();
}

crew_time crew_later(crew_time duration)
{
	crew_time now = crew__port_now();

	return duration > CREW_NEVER - now ? CREW_NEVER : now + duration;
}

bool crew_in_task(void)
{
	return crew__caller().fiber != NULL;
}

bool crew_may_block(void)
{
	return !crew__self();
}

/* (Callers' own code does the same first: crew/task.h.) */
int(crew_check)(void)
{
	struct crew__worker *worker = crew__self();
	struct crew__caller caller;

	if (crew__likely(worker && crew__fiber_clean(worker->fiber)))
		return 0;
	caller = crew__caller();
	return crew__caller_check(&caller);
}

/* ---- letting others run ------------------------------------------------------ */

void crew_yield(void)
{
	struct crew__worker *worker = crew__self();

	if (worker)
		crew__worker_yield(worker);
	else
		crew__port_thread_yield();
}

int crew_checkpoint(void)
{
	int rc = crew_check();

	if (rc == 0)
		crew_yield();
	return rc;
}

/* ---- sleeping ------------------------------------------------------------------ */

static void nothing(void *arg)
{
	(void)arg;
}

int crew__sleep_until(crew_time when, const char *reason)
{
	struct crew__caller caller = crew__caller();
	int rc = crew__caller_check(&caller);
	struct crew__waiter waiter;

	if (rc)
		return rc;
	if (when <= crew__port_now()) {
		crew_yield();
		return 0;
	}
	if (caller.worker)
		return crew__timer_sleep(&caller.worker->crew->timer, when, reason);
	crew__waiter_init(&waiter, true);
	return crew__park(&waiter, nothing, NULL, when, reason) ? 0 : CREW_ECANCELED;
}

int crew_sleep_until(crew_time when)
{
	return crew__sleep_until(when, "sleep");
}

int crew_sleep(crew_time duration)
{
	if (duration < 0)
		return CREW_EINVAL;
	return crew_sleep_until(crew_later(duration));
}

/* ---- calls that block ------------------------------------------------------------ */

int crew_blocking(crew_task_fn *fn, void *arg)
{
	struct crew__caller caller = crew__caller();
	int rc = fn ? crew__caller_check(&caller) : CREW_EINVAL;

	if (rc)
		return rc;
	if (!caller.worker)
		return fn(arg);
	return crew__threads_run(&caller.worker->crew->threads, fn, arg, true);
}
