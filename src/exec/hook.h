/* SPDX-License-Identifier: MIT */
/*
 * hook.h - functions that are called when a scope becomes effective (cancel.h).
 *
 * A hook lies in its user's storage, in the list of its scope. The delivery that makes the
 * scope effective puts it into a list of its own as well, in the canceller's frame, and
 * runs it when all locks are let go. Whoever stops a hook that runs waits for the end of
 * it; one that has not begun never will. Closing a scope stops all of its hooks.
 *
 *	WAITS -> DUE -> RUNS -> RAN		WAITS, DUE -> STOPPED
 *
 * Who stops a hook that runs elsewhere is in the list of all who wait so, so that hooks which
 * stop each other, and would wait for ever, are found by the one that closes the circle.
 *
 * A hook without a function is a link: it cancels another scope, with the same cause, and
 * what this makes due is run by the same canceller: chains of links do not recurse.
 *
 * INVARIANTS
 *	K1  All of a hook, and the lists that it is in, are guarded by the one lock over all
 *	    hooks: whoever stops one need not know where it is.
 *	K2  A hook is in its scope's list until it is stopped or has run. So a scope that is
 *	    closed knows all whose functions may still run.
 *	K3  Who stops a hook from inside of it touches it last: the one who runs it finds
 *	    that out in its own frame.
 *	K4  Registering and delivery do not miss each other: each changes the scope's flags
 *	    (HOOKS, EFFECTIVE) before it looks for what the other has set.
 *
 * After fork the hooks that were registered before are nobody's: lists and hooks remember the
 * number of forks.
 *
 * REJECTED
 *	A lock for each scope's hooks: whoever stops one would have to know that the scope is
 *	still there; every cancellation goes through one lock anyway (C4).
 *
 * GUARDED BY tests/model/hook.c.
 */
#ifndef CREW__HOOK_H
#define CREW__HOOK_H

#include "exec/cancel.h"

#include "crew/hook.h"

/* Registers a hook. fn: NULL for a link. One that is due at once is the delivery's. False: it is
 * the last one in the list already, and nothing was done. */
bool crew__hook_add(struct crew_scope *scope, struct crew_scope_hook *hook, void (*fn)(void *),
		    void *arg, struct crew__delivery *delivery);
/* In no list, and as if it had run. */
void crew__hook_has_run(struct crew_scope_hook *hook);
/* True: it has run, here or until now. False: it never will. */
bool crew__hook_stop(struct crew_scope_hook *hook);

/* pre: the scope is effective and locked. All that wait become due. */
void crew__hooks_take(struct crew_scope *scope, struct crew__delivery *delivery);
/* pre: no lock is held. */
void crew__hooks_run(struct crew__delivery *delivery);
/* The owner leaves: stops all. */
void crew__hooks_close(struct crew_scope *scope);

/* After fork, in the child. */
void crew__hooks_in_child(void);

#endif /* CREW__HOOK_H */
