/* SPDX-License-Identifier: MIT */
/*
 * ref.c - handles of scopes, which may outlive them: what all handles of one scope share
 * is allocated, and says whether the scope is still there. Its owner passes the lock when it
 * leaves, so a cancellation by handle finds the scope there, or not at all. After fork
 * only those of the forking thread's own scopes find something there, in the child.
 */
#include "scope/scope.h"

#include "base/alloc.h"

static bool is_forked(const struct crew_scope_ref *ref)
{
	return ref->forks != crew__port_fork_count();
}

static void let_go(struct crew_scope_ref *ref)
{
	if (crew__add32_acq_rel(&ref->holders, (uint32_t)-1) == 1)
		crew__free(ref);
}

struct crew_scope *crew__ref_lock(struct crew_scope_ref *ref, struct crew__cause *cause)
{
	*cause = (struct crew__cause){ .source = 0 };
	if (is_forked(ref))
		return NULL;
	crew__lock_acquire(&ref->lock);
	*cause = ref->cause;
	return ref->scope;
}

void crew__ref_unlock(struct crew_scope_ref *ref)
{
	if (!is_forked(ref))
		crew__lock_release(&ref->lock);
}

struct crew_scope_ref *crew_scope_take_ref(struct crew_scope *scope)
{
	struct crew_scope_ref *fresh = crew__scope_is_closed(scope) ? NULL :
								      crew__alloc(sizeof(*fresh));
	struct crew_scope_ref *ref;

	if (!fresh)
		return NULL;
	*fresh = (struct crew_scope_ref){ .holders = { 1 },
					  .forks = crew__port_fork_count(),
					  .scope = scope };
	crew__lock_acquire(crew__scope_lock(scope));
	if (!scope->private_.ref || is_forked(scope->private_.ref))
		scope->private_.ref = fresh;
	ref = scope->private_.ref;
	crew__lock_release(crew__scope_lock(scope));
	crew__add32_acq_rel(&ref->holders, 1);
	if (ref != fresh)
		crew__free(fresh);
	return ref;
}

void crew_scope_ref_cancel(struct crew_scope_ref *ref, const char *reason)
{
	struct crew__caller caller = crew__caller();
	struct crew__cause cause = crew__caller_cause(&caller, CREW_BY_CALL, reason);
	struct crew__cause before;
	struct crew__delivery delivery;
	struct crew_scope *scope;

	crew__delivery_init(&delivery);
	scope = crew__ref_lock(ref, &before);
	if (scope)
		crew__scope_deliver(scope, &cause, &delivery);
	crew__ref_unlock(ref);
	crew__delivery_end(&delivery);
}

bool crew_scope_ref_cancelled(const struct crew_scope_ref *ref)
{
	struct crew_scope_ref *locked = (struct crew_scope_ref *)(uintptr_t)ref;
	struct crew__cause cause;
	struct crew_scope *scope = crew__ref_lock(locked, &cause);
	bool cancelled = scope ? crew_scope_cancelled(scope) : cause.source != 0;

	crew__ref_unlock(locked);
	return cancelled;
}

void crew_scope_ref_drop(struct crew_scope_ref *ref)
{
	if (ref)
		let_go(ref);
}

void crew__ref_leave(struct crew_scope *scope)
{
	struct crew_scope_ref *ref = scope->private_.ref;

	if (!ref)
		return;
	if (!is_forked(ref)) {
		crew__lock_acquire(&ref->lock);
		ref->scope = NULL;
		if (crew__scope_has(scope, CREW__MARKED))
			ref->cause = crew__scope_cause(scope);
		crew__lock_release(&ref->lock);
	}
	let_go(ref);
}
