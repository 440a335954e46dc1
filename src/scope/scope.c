/* SPDX-License-Identifier: MIT */
/*
 * scope.c - scopes of their own: prepare, enter, leave. What cancelling one means is in
 * exec/cancel.h, deadlines are in exec/deadline.h.
 *
 * LIFE	NEW (prepared) -> OPEN -> CLOSING (what was deferred is run) -> CLOSED
 *
 * WHO CATCHES (E1). A block that ends with CREW_ECANCELED in a scope that was cancelled
 * itself ends well, unless what is around the scope is cancelled too, and no shield lies
 * between: then whoever is further out catches it. What it was is told by the source
 * that was recorded, never by the clock.
 */
#include "scope/scope.h"

#include "base/sized.h"

/* In the scope's flags. */
#define FAILS	    UINT32_C(0x10000) /* CREW_FAIL */
#define BAD_OPTIONS UINT32_C(0x20000)
#define CAUGHT	    UINT32_C(0x40000)

/* ---- opening ------------------------------------------------------------------ */

static void prepare(struct crew_scope *scope, const char *name, uint32_t flags)
{
	scope->private_.parent = NULL;
	scope->private_.crew = NULL;
	scope->private_.name = name;
	scope->private_.flags = CREW__ALONE | flags;
	scope->private_.lock = 0;
	scope->private_.state = CREW__SCOPE_NEW;
	scope->private_.timeout = CREW_NEVER;
	scope->private_.ref = NULL;
}

/* timeout: CREW_NEVER is none */
static void set_timeout(struct crew_scope *scope, crew_time timeout)
{
	static const struct crew__cause negative = { .source = CREW_BY_CALL,
						     .reason = "bad options" };

	scope->private_.timeout = timeout;
	if (timeout < 0) {
		crew__scope_set(scope, BAD_OPTIONS);
		crew__scope_cancel(scope, &negative);
	}
}

void crew_scope_init(struct crew_scope *scope, const struct crew_scope_options *options)
{
	struct crew_scope_options room;
	bool bad = false;

	if (options) {
		options = CREW__OPTIONS(options, &room, reserved);
		bad = !options || (unsigned)options->on_deadline > CREW_FAIL;
	}
	if (!options || bad) {
		prepare(scope, NULL, 0);
		if (bad)
			set_timeout(scope, -1);
		return;
	}
	prepare(scope, options->name,
		(options->on_deadline == CREW_FAIL ? FAILS : 0) |
			(options->shield ? CREW__SHIELD | CREW__SHIELDED : 0));
	if (options->timeout_ns)
		set_timeout(scope, options->timeout_ns);
	if (options->deadline)
		crew__deadline_set(scope, options->deadline);
}

void crew_scope_enter(struct crew_scope *scope)
{
	struct crew__caller caller = crew__caller();
	struct crew_scope *parent = crew__caller_scope(&caller);

	crew__require(scope->private_.state == CREW__SCOPE_NEW,
		      "a scope is entered once, after it was prepared",
		      scope->private_.state == CREW__SCOPE_OPEN ? "it is open" : NULL);
	crew__store32_release(crew__scope_state(scope), CREW__SCOPE_OPEN);
	scope->private_.parent = parent;
	scope->private_.fiber = caller.fiber;
	if (caller.fiber)
		scope->private_.crew = caller.fiber->crew;
	else if (parent)
		scope->private_.crew = parent->private_.crew;
	if (scope->private_.timeout != CREW_NEVER && scope->private_.timeout >= 0) {
		crew_time when = crew_later(scope->private_.timeout);

		if (!crew__scope_has(scope, CREW__DATED) ||
		    when < (crew_time)crew__load_relaxed(&scope->private_.deadline))
			crew__deadline_set(scope, when);
	}
	crew__deadline_enter(scope);
	crew__caller_set_scope(&caller, scope);
	if (crew__scope_has(scope, CREW__HOOKS) && parent) {
		struct crew__delivery delivery;

		crew__delivery_init(&delivery);
		crew__scope_complete(scope, &delivery);
		crew__delivery_end(&delivery);
	}
	/* cancelled before it was entered: the epoch may not have moved since */
	if (crew__scope_has(scope, CREW__EFFECTIVE) && caller.worker)
		caller.fiber->epoch = 0;
}

void crew_scope_open(struct crew_scope *scope, const struct crew_scope_options *options)
{
	crew_scope_init(scope, options);
	crew_scope_enter(scope);
}

void crew_scope_move_on_after(struct crew_scope *scope, crew_time timeout)
{
	prepare(scope, NULL, 0);
	set_timeout(scope, timeout);
	crew_scope_enter(scope);
}

void crew_scope_fail_after(struct crew_scope *scope, crew_time timeout)
{
	prepare(scope, NULL, FAILS);
	set_timeout(scope, timeout);
	crew_scope_enter(scope);
}

/* ---- while it is open ---------------------------------------------------------- */

void crew_scope_cancel(struct crew_scope *scope, const char *reason)
{
	struct crew__caller caller = crew__caller();
	struct crew__cause cause = crew__caller_cause(&caller, CREW_BY_CALL, reason);

	if (!crew__scope_is_closed(scope))
		crew__scope_cancel(scope, &cause);
}

void crew_scope_set_deadline(struct crew_scope *scope, crew_time deadline)
{
	if (crew__load32_relaxed(crew__scope_state(scope)) == CREW__SCOPE_NEW)
		scope->private_.timeout = CREW_NEVER;
	if (!crew__scope_is_closed(scope))
		crew__deadline_set(scope, deadline);
}

void crew_scope_set_shield(struct crew_scope *scope, bool shield)
{
	if (!crew__scope_is_closed(scope))
		crew__scope_shield(scope, shield);
}

bool crew_scope_cancelled(const struct crew_scope *scope)
{
	return crew__scope_has(scope, CREW__MARKED) || crew__deadline_has_passed(scope);
}

bool crew_scope_caught(const struct crew_scope *scope)
{
	return crew__scope_has(scope, CAUGHT);
}

crew_time crew_deadline(void)
{
	struct crew__caller caller = crew__caller();

	return crew__deadline_around(crew__caller_scope(&caller));
}

bool crew_read_cancel_info(struct crew_cancel_info *info)
{
	struct crew__caller caller = crew__caller();
	struct crew_cancel_info now = { .size = sizeof(now) };
	struct crew__origin origin;

	if (!crew__scope_origin(crew__caller_scope(&caller), &origin) ||
	    info->size < CREW__SIZE_TO(struct crew_cancel_info, when))
		return false;
	now.source = (enum crew_cancel_source)origin.cause.source;
	now.reason = origin.cause.reason;
	now.scope_name = origin.name;
	now.by = origin.cause.by;
	now.site = origin.cause.site;
	now.when = origin.when;
	crew__stats_give(info, &now, sizeof(now));
	return true;
}

/* ---- leaving ---------------------------------------------------------------------- */

/* E1. pre: nobody can cancel the scope itself any more. */
static int who_catches(struct crew_scope *scope, int rc)
{
	if (crew__scope_has(scope, BAD_OPTIONS))
		return CREW_EINVAL;
	if (rc != CREW_ECANCELED || !crew__scope_has(scope, CREW__MARKED) ||
	    (!crew__scope_has(scope, CREW__SHIELD) &&
	     crew__scope_cancelled(scope->private_.parent)))
		return rc;
	crew__scope_set(scope, CAUGHT);
	return crew__scope_has(scope, FAILS) && scope->private_.source == CREW_BY_DEADLINE ?
		       CREW_ETIMEDOUT :
		       0;
}

static __attribute__((noinline)) void call_what_is_left(struct crew_scope *scope)
{
	crew__hooks_close(scope);
	crew__store32_release(crew__scope_state(scope), CREW__SCOPE_CLOSING);
	if (crew__scope_has(scope, CREW__DEFERRED))
		crew__run_deferred(scope);
}

int crew_scope_close(struct crew_scope *scope, int rc)
{
	struct crew__caller caller = crew__caller();
	struct crew_scope *innermost = crew__caller_scope(&caller);

	if (scope->private_.state != CREW__SCOPE_OPEN || scope->private_.fiber != caller.fiber)
		return CREW_ESTATE;
	if (innermost != scope) {
		crew__caller_cancel_inside(&caller, scope);
		return CREW_ESTATE;
	}
	if (crew__scope_has(scope, CREW__HOOKS | CREW__DEFERRED))
		call_what_is_left(scope);
	crew__deadline_leave(scope);
	crew__ref_leave(scope);
	crew__hooks_close(scope); /* a handle may have brought one */
	rc = who_catches(scope, rc);
	crew__scope_leave(scope, caller.fiber ? &caller.fiber->parker : NULL);
	crew__store32_release(crew__scope_state(scope), CREW__SCOPE_CLOSED);
	crew__caller_set_scope(&caller, scope->private_.parent);
	/* what is around may be cancelled, though the epoch stands still */
	if (crew__scope_has(scope, CREW__SHIELDED) && caller.worker)
		caller.fiber->epoch = 0;
	return rc;
}
