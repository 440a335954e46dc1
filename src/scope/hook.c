/* SPDX-License-Identifier: MIT */
/*
 * hook.c - what a scope calls: hooks and links when it is cancelled (exec/hook.h), deferred
 * functions when it is left.
 *
 * What is deferred is in a list of the owner's alone. A link takes itself out by being
 * deferred as well, so closing knows of one list only.
 */
#include "scope/scope.h"

/* ---- when it is cancelled -------------------------------------------------------- */

int crew_scope_on_cancel(struct crew_scope *scope, struct crew_scope_hook *hook,
			 void (*fn)(void *arg), void *arg)
{
	struct crew__delivery delivery;

	*hook = (struct crew_scope_hook){ .private_ = { .state = 0 } };
	if (!fn)
		return CREW_EINVAL;
	if (crew__scope_is_closed(scope))
		return CREW_ESTATE;
	crew__delivery_init(&delivery);
	crew__hook_add(scope, hook, fn, arg, &delivery);
	crew__delivery_end(&delivery);
	return 0;
}

bool crew_scope_hook_stop(struct crew_scope_hook *hook)
{
	return crew__hook_stop(hook);
}

/* ---- when it is left --------------------------------------------------------------- */

void crew__defer(struct crew_scope *scope, struct crew_defer *entry, void (*fn)(void *arg),
		 void *arg)
{
	entry->private_.next = crew__scope_has(scope, CREW__DEFERRED) ? scope->private_.deferred :
									NULL;
	entry->private_.fn = fn;
	entry->private_.arg = arg;
	scope->private_.deferred = entry;
	crew__scope_set(scope, CREW__DEFERRED);
}

void crew__run_deferred(struct crew_scope *scope)
{
	struct crew_defer *entry = scope->private_.deferred;

	crew__scope_clear(scope, CREW__DEFERRED);
	while (entry) {
		struct crew_defer *next = entry->private_.next;
		struct crew__caller caller;

		entry->private_.fn(entry->private_.arg); /* which may end the entry's life */
		caller = crew__caller();
		crew__require(crew__caller_scope(&caller) == scope,
			      "a deferred function returned without closing its scope or group",
			      scope->private_.name);
		entry = next;
	}
}

int crew_scope_defer(struct crew_scope *scope, struct crew_defer *entry, void (*fn)(void *arg),
		     void *arg)
{
	struct crew__caller caller = crew__caller();

	if (!fn)
		return CREW_EINVAL;
	if (scope->private_.state != CREW__SCOPE_OPEN || scope->private_.fiber != caller.fiber)
		return CREW_ESTATE;
	crew__defer(scope, entry, fn, arg);
	return 0;
}

int crew_group_defer(struct crew_group *group, struct crew_defer *entry, void (*fn)(void *arg),
		     void *arg)
{
	int rc = fn ? crew__group_owned(group) : CREW_EINVAL;

	if (rc == 0)
		crew__defer(&group->scope, entry, fn, arg);
	return rc;
}

/* ---- links ---------------------------------------------------------------------------- */

static void stop_link(void *arg)
{
	crew_scope_unlink(arg);
}

/* False: the scope is not the caller's, or the source (NULL: not known yet) is closed. */
static bool begin_link(struct crew_scope *scope, struct crew_link *link, struct crew_scope *source)
{
	struct crew__caller caller = crew__caller();

	*link = (struct crew_link){ .private_ = { .scope = scope, .source = source } };
	if (source && crew__scope_is_closed(source))
		return false;
	if (scope->private_.state != CREW__SCOPE_NEW &&
	    (scope->private_.state != CREW__SCOPE_OPEN || scope->private_.fiber != caller.fiber))
		return false;
	crew__defer(scope, &link->private_.entry, stop_link, link);
	return true;
}

int crew_scope_link(struct crew_scope *scope, struct crew_link *link, struct crew_scope *source)
{
	struct crew__delivery delivery;

	if (!begin_link(scope, link, source))
		return CREW_ESTATE;
	crew__delivery_init(&delivery);
	crew__hook_add(source, &link->private_.hook, NULL, link, &delivery);
	crew__delivery_end(&delivery);
	return 0;
}

int crew_scope_link_ref(struct crew_scope *scope, struct crew_link *link,
			struct crew_scope_ref *ref)
{
	struct crew__cause cause = { .source = 0 };
	struct crew__delivery delivery;

	if (!begin_link(scope, link, NULL))
		return CREW_ESTATE;
	crew__delivery_init(&delivery);
	link->private_.source = crew__ref_lock(ref, &cause);
	if (link->private_.source)
		crew__hook_add(link->private_.source, &link->private_.hook, NULL, link, &delivery);
	crew__ref_unlock(ref);
	crew__delivery_end(&delivery);
	if (cause.source) { /* it is gone, and had been cancelled */
		crew__hook_has_run(&link->private_.hook);
		crew__scope_cancel(scope, &cause);
	}
	return 0;
}

bool crew_scope_unlink(struct crew_link *link)
{
	return crew__hook_stop(&link->private_.hook);
}
