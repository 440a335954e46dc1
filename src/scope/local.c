/* SPDX-License-Identifier: MIT */
/*
 * local.c - values that are bound to keys for a block of code and the tasks in it.
 *
 * A binding lies in its owner's frame, in a list of the scope that it was bound in, newest
 * first. A look goes from the innermost scope outwards, so nothing is copied when a task is
 * spawned. Only the owner of a scope binds there, while tasks below it look: a binding is
 * whole before it is in the list, and none leaves it before the scope ends.
 *
 * ORDERS
 *	scope.locals	binding stores the head (release), then sets the flag; a look loads
 *			both (acquire).
 */
#include "scope/scope.h"

static struct crew_local *first_of(const struct crew_scope *scope)
{
	if (!crew__scope_has(scope, CREW__LOCALS))
		return NULL;
	/* pairs: scope.locals */
	return (struct crew_local *)(uintptr_t)crew__load_acquire(&scope->private_.locals);
}

static bool is_own(const struct crew_scope *scope, const struct crew__caller *caller)
{
	if (!crew__scope_has(scope, CREW__ALONE))
		return crew__group_owned((const struct crew_group *)(const void *)scope) == 0;
	return scope->private_.state == CREW__SCOPE_OPEN && scope->private_.fiber == caller->fiber;
}

int crew_local_set(struct crew_local *binding, const void *key, void *value)
{
	struct crew__caller caller = crew__caller();
	struct crew_scope *scope = crew__caller_scope(&caller);

	if (!binding || !key)
		return CREW_EINVAL;
	if (!scope || !is_own(scope, &caller))
		return CREW_ESTATE;
	for (const struct crew_local *at = first_of(scope); at; at = at->private_.next)
		if (at == binding)
			return CREW_EINVAL; /* the list would have no end */
	binding->private_.next = first_of(scope);
	binding->private_.key = key;
	binding->private_.value = value;
	/* pairs: scope.locals */
	crew__store_release(&scope->private_.locals, (uint64_t)(uintptr_t)binding);
	crew__scope_set(scope, CREW__LOCALS);
	return 0;
}

void *crew_local_get(const void *key)
{
	struct crew__caller caller = crew__caller();
	const struct crew_scope *at = crew__caller_scope(&caller);
	const struct crew_local *binding = NULL;
	bool locked = false;
	void *value;

	for (; at && !binding; at = crew__scope_around(at, &locked))
		for (binding = first_of(at); binding; binding = binding->private_.next)
			if (binding->private_.key == key)
				break;
	value = binding ? binding->private_.value : NULL;
	crew__scope_looked(locked);
	return value;
}
