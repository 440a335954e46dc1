/* SPDX-License-Identifier: MIT */
/* deadline.c - see deadline.h. */
#include "exec/deadline.h"

#include "exec/join.h"
#include "exec/timer.h"

_Static_assert(sizeof(struct crew__timer_entry) == sizeof(((struct crew_scope *)0)->private_.entry),
	       "crew_scope has room for its entry");

static const struct crew__cause time_is_up = { .source = CREW_BY_DEADLINE };

static struct crew__timer_entry *entry_of(struct crew_scope *scope)
{
	return (struct crew__timer_entry *)(void *)scope->private_.entry;
}

/* Whose timer, or NULL. */
static struct crew__timer *timer_of(const struct crew_scope *scope)
{
	struct crew *crew = scope->private_.crew;

	return crew && !crew__is_forked(crew) ? &crew->timer : NULL;
}

/* pre: locked. Puts the entry where it belongs. True: the time is up. */
static bool place(struct crew_scope *scope)
{
	struct crew__timer *timer = timer_of(scope);
	crew_time when;
	bool due;

	if (!crew__deadline_counts(crew__scope_flags(scope)))
		return false;
	when = (crew_time)crew__load_relaxed(&scope->private_.deadline);
	due = when <= crew__port_now();
	if (timer)
		crew__timer_move(timer, entry_of(scope), due ? CREW_NEVER : when);
	return due;
}

void crew__deadline_set(struct crew_scope *scope, crew_time when)
{
	bool alone;
	bool due;

	crew__lock_acquire(crew__scope_lock(scope));
	crew__store_relaxed(&scope->private_.deadline, (uint64_t)when);
	if (!(crew__scope_flags(scope) & CREW__DATED)) {
		*entry_of(scope) = (struct crew__timer_entry){ .scope = scope };
		crew__scope_set(scope, CREW__DATED);
	}
	alone = !timer_of(scope);
	due = place(scope);
	crew__lock_release(crew__scope_lock(scope));
	if (due)
		crew__scope_cancel(scope, &time_is_up);
	else if (alone)
		crew__scope_tell(scope);
}

void crew__deadline_enter(struct crew_scope *scope)
{
	bool due;

	crew__lock_acquire(crew__scope_lock(scope));
	crew__scope_set(scope, CREW__ENTERED);
	due = place(scope);
	crew__lock_release(crew__scope_lock(scope));
	if (due)
		crew__scope_cancel(scope, &time_is_up);
}

void crew__deadline_leave(struct crew_scope *scope)
{
	struct crew__timer *timer = timer_of(scope);

	if (timer && crew__scope_flags(scope) & CREW__DATED)
		crew__timer_forget(timer, entry_of(scope));
}

void crew__deadline_lend(struct crew_scope *scope, struct crew *crew)
{
	for (; scope && !scope->private_.crew; scope = scope->private_.parent) {
		bool due;

		crew__lock_acquire(crew__scope_lock(scope));
		scope->private_.crew = crew;
		crew__scope_set(scope, CREW__LENT);
		due = place(scope);
		crew__lock_release(crew__scope_lock(scope));
		if (due)
			crew__scope_cancel(scope, &time_is_up);
	}
}

void crew__deadline_take_back(struct crew_scope *scope)
{
	for (; scope && crew__scope_flags(scope) & CREW__LENT; scope = scope->private_.parent) {
		struct crew__timer *timer = timer_of(scope);

		crew__lock_acquire(crew__scope_lock(scope));
		scope->private_.crew = NULL;
		crew__scope_clear(scope, CREW__LENT);
		crew__lock_release(crew__scope_lock(scope));
		if (timer && crew__scope_flags(scope) & CREW__DATED)
			crew__timer_forget(timer, entry_of(scope));
	}
}

bool crew__deadline_has_passed(const struct crew_scope *scope)
{
	struct crew_scope *locked = (struct crew_scope *)(uintptr_t)scope;
	bool passed;

	if (!crew__scope_has(scope, CREW__DATED) || crew__scope_has(scope, CREW__LEFT))
		return false;
	crew__lock_acquire(crew__scope_lock(locked));
	passed = !(crew__scope_has(scope, CREW__ENTERED) && timer_of(scope)) &&
		 (crew_time)crew__load_relaxed(&scope->private_.deadline) <= crew__port_now();
	crew__lock_release(crew__scope_lock(locked));
	return passed;
}

crew_time crew__deadline_around(const struct crew_scope *scope)
{
	crew_time first = CREW_NEVER;
	bool locked = false;

	if (crew__scope_cancelled(scope))
		return INT64_MIN;
	for (; scope; scope = crew__scope_around(scope, &locked)) {
		uint32_t flags = crew__scope_flags(scope);
		crew_time when;

		if (crew__deadline_counts(flags)) {
			when = (crew_time)crew__load_relaxed(&scope->private_.deadline);
			first = when < first ? when : first;
		}
		if (flags & CREW__SHIELD)
			break;
	}
	crew__scope_looked(locked);
	return first;
}

crew_time crew__deadline_serve(struct crew_scope *scope)
{
	crew_time first = CREW_NEVER;
	crew_time now = INT64_MIN;

	for (; scope; scope = scope->private_.parent) {
		uint32_t flags = crew__scope_flags(scope);

		if (crew__deadline_counts(flags) && !scope->private_.crew) {
			crew_time when = (crew_time)crew__load_relaxed(&scope->private_.deadline);

			if (now == INT64_MIN)
				now = crew__port_now();
			if (when <= now)
				crew__scope_cancel(scope, &time_is_up);
			else if (when < first)
				first = when;
		}
		/* who waits for its start serves what is around */
		if (flags & CREW__MOVING)
			break;
	}
	return first;
}

void crew__deadline_strike(struct crew_scope *scope, struct crew__delivery *delivery)
{
	crew__scope_deliver(scope, &time_is_up, delivery);
}
