/* SPDX-License-Identifier: MIT */
/* fail.c - from what a task says to the errors of its group: see errors.h. */
#include "scope/errors.h"

#include "base/alloc.h"
#include "base/config.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- pending ------------------------------------------------------------------- */

static struct crew_error *pending_of(const struct crew__fiber *fiber)
{
	return fiber ? fiber->pending : crew__self_pending();
}

static void set_pending(struct crew__fiber *fiber, struct crew_error *error)
{
	if (fiber)
		fiber->pending = error;
	else
		crew__self_set_pending(error);
}

struct crew_error *crew__pending_take(struct crew__fiber *fiber, int rc)
{
	struct crew_error *newest = pending_of(fiber);
	struct crew_error *before = NULL;
	struct crew_error *error = newest;

	while (error && error->rc != rc) {
		before = error;
		error = crew__error_cause(error);
	}
	if (!error)
		return NULL;
	set_pending(fiber, NULL);
	if (before) {
		before->cause = NULL;
		crew__error_free(newest);
	}
	return error;
}

struct crew_error *crew__pending_set_aside(struct crew__fiber *fiber)
{
	struct crew_error *aside = pending_of(fiber);

	if (aside)
		set_pending(fiber, NULL);
	return aside;
}

void crew__pending_restore(struct crew__fiber *fiber, struct crew_error *aside)
{
	if (aside)
		set_pending(fiber, aside);
}

void crew__pending_drop(struct crew__fiber *fiber)
{
	crew__error_free(crew__pending_set_aside(fiber));
}

/* A plain thread without a scope never ends what it does. */
static bool may_keep(const struct crew__fiber *fiber)
{
	return fiber || crew__self_scope();
}

void crew__pending_push(struct crew__fiber *fiber, struct crew_error *error)
{
	if (!error)
		return;
	if (!may_keep(fiber)) {
		crew__error_free(error);
		return;
	}
	crew__error_chain(error, pending_of(fiber));
	set_pending(fiber, error);
}

int crew_fail_at(int rc, const char *place, const char *format, ...)
{
	struct crew__fiber *fiber = crew__caller().fiber;
	char message[CREW__MESSAGE_BYTES];
	struct crew_error *error;
	struct crew_error *older;
	va_list arguments;

	if (rc == 0 || !may_keep(fiber))
		return rc;
	va_start(arguments, format);
	vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	error = crew__error_make(rc, place, message);
	if (!error)
		return rc;
	older = pending_of(fiber);
	/* what a group left, with this very code, is what is spoken of */
	if (older && older->rc == rc && !older->message) {
		set_pending(fiber, crew__error_cause(older));
		crew__error_nest(error, crew__error_inside(older));
		crew__free(older);
	}
	crew__pending_push(fiber, error);
	return rc;
}

/* ---- the group -------------------------------------------------------------------- */

void crew__group_keep_in(struct crew_group *group, struct crew_errors *errors)
{
	*errors = (struct crew_errors){ .private_ = { .first = NULL } };
	group->private_.errors = errors;
	crew__scope_set(&group->scope, CREW__GROUP_KEEPS | CREW__GROUP_GIVEN);
}

/* pre: locked. Takes the storage, if it needs any. */
static struct crew_errors *kept_in(struct crew_group *group, struct crew_errors **storage)
{
	if (!crew__scope_has(&group->scope, CREW__GROUP_KEEPS)) {
		if (!*storage)
			return NULL;
		group->private_.errors = *storage;
		*storage = NULL;
		crew__scope_set(&group->scope, CREW__GROUP_KEEPS);
	}
	return group->private_.errors;
}

struct crew_error *crew__error_of(struct crew__fiber *fiber, int rc)
{
	struct crew_error *error = crew__pending_take(fiber, rc);

	if (!error)
		error = crew__error_make(rc, NULL, NULL);
	if (error && fiber) {
		error->task = crew__shown_text(&fiber->name);
		error->site = crew__shown_text(&fiber->site);
	}
	return error;
}

void crew__group_add_error(struct crew_group *group, int rc, struct crew_error *error, bool own)
{
	struct crew_errors *storage = NULL;
	struct crew_errors *errors;

	if (!crew__scope_has(&group->scope, CREW__GROUP_KEEPS))
		storage = crew__alloc(sizeof(*storage));
	crew__lock_acquire(crew__join_lock(group));
	if (own && !group->private_.first)
		group->private_.first = rc; /* G2 */
	errors = kept_in(group, &storage);
	if (errors)
		crew__errors_append(errors, rc, error);
	crew__lock_release(crew__join_lock(group));
	if (!errors)
		crew__error_free(error);
	crew__free(storage);
}

void crew__group_leave_errors(struct crew_group *group, struct crew__fiber *fiber, int rc)
{
	struct crew_errors *errors = group->private_.errors;
	struct crew_error *error;

	if (crew__scope_has(&group->scope, CREW__GROUP_GIVEN) ||
	    !crew__scope_has(&group->scope, CREW__GROUP_KEEPS))
		return;
	error = rc && may_keep(fiber) ? crew__error_make(rc, NULL, NULL) : NULL;
	if (error) {
		crew__error_nest(error, errors);
		crew__pending_push(fiber, error);
	} else {
		crew_errors_fini(errors);
		crew__free(errors);
	}
}
