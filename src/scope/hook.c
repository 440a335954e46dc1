/* SPDX-License-Identifier: MIT */
/*
 * hook.c - what a scope calls: hooks and links when it is cancelled (exec/hook.h), deferred
 * functions when it is left.
 *
 * What is deferred is in a list of the owner's alone. A link takes itself out by being
 * deferred as well, so closing knows of one list only. What is in it already is refused, before
 * anything of it is written: the list would have no end.
 */
#include "scope/scope.h"

/* ---- when it is cancelled -------------------------------------------------------- */

int crew_scope_on_cancel(struct crew_scope *scope, struct crew_scope_hook *hook,
			 void (*fn)(void *arg), void *arg)
{
	struct crew__delivery delivery;
	bool added;

	if (!fn || crew__scope_is_closed(scope)) {
		*hook = (struct crew_scope_hook){ .private_ = { .state = 0 } };
		return fn ? CREW_ESTATE : CREW_EINVAL;
	}
	crew__delivery_init(&delivery);
	added = crew__hook_add(scope, hook, fn, arg, &delivery);
	crew__delivery_end(&delivery);
	return added ? 0 : CREW_EINVAL;
}

bool crew_scope_hook_stop(struct crew_scope_hook *hook)
{
	return crew__hook_stop(hook);
}

/* ---- when it is left --------------------------------------------------------------- */

static bool is_deferred(const struct crew_scope *scope, const struct crew_defer *entry)
{
	const struct crew_defer *at = NULL;

	if (crew__scope_has(scope, CREW__DEFERRED))
		for (at = scope->private_.deferred; at && at != entry; at = at->private_.next)
			;
	return at;
}

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
	if (is_deferred(scope, entry))
		return CREW_EINVAL;
	crew__defer(scope, entry, fn, arg);
	return 0;
}

int crew_group_defer(struct crew_group *group, struct crew_defer *entry, void (*fn)(void *arg),
		     void *arg)
{
	int rc = fn ? crew__group_owned(group) : CREW_EINVAL;

	if (rc == 0 && is_deferred(&group->scope, entry))
		rc = CREW_EINVAL;
	if (rc == 0)
		crew__defer(&group->scope, entry, fn, arg);
	return rc;
}

/* ---- links ---------------------------------------------------------------------------- */

static void stop_link(void *arg)
{
	crew_scope_unlink(arg);
}

/* `source` is NULL where it is not known yet. */
static int begin_link(struct crew_scope *scope, struct crew_link *link, struct crew_scope *source)
{
	struct crew__caller caller = crew__caller();
	bool own = scope->private_.state == CREW__SCOPE_NEW ||
		   (scope->private_.state == CREW__SCOPE_OPEN &&
		    scope->private_.fiber == caller.fiber);

	if (own && is_deferred(scope, &link->private_.entry))
		return CREW_EINVAL;
	*link = (struct crew_link){ .private_ = { .scope = scope, .source = source } };
	if (!own || (source && crew__scope_is_closed(source)))
		return CREW_ESTATE;
	crew__defer(scope, &link->private_.entry, stop_link, link);
	return 0;
}

int crew_scope_link(struct crew_scope *scope, struct crew_link *link, struct crew_scope *source)
{
	struct crew__delivery delivery;
	int rc = begin_link(scope, link, source);

	if (rc)
		return rc;
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
	int rc = begin_link(scope, link, NULL);

	if (rc)
		return rc;
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
