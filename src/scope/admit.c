/* SPDX-License-Identifier: MIT */
/*
 * admit.c - groups with .running_max: at most so many of their children run at once.
 *
 * WORDS
 *	let in		queued to run, and not ended.
 *	line		of those that are to be let in: records of children, which are counted,
 *			and turns.
 *	turn		the owner's place in the line. It waits in its spawn, and its child has
 *			no record before there is room for it.
 *
 * Every child of such a group has a record that says so, and is counted in `count`: the
 * mark in private_.fiber keeps spawn and close from their fast ways, so close runs none in
 * place. Whoever runs one tells when it has ended, before it is counted off.
 *
 * INVARIANTS, under the group's lock
 *	M1  `running` is how many are let in. Nobody is in the line while there is room.
 *	M2  The line is first in, first out. A child in it is counted, a turn is not: its
 *	    owner keeps the group open.
 *	M3  So in a cancelled group each that ends has the next one counted off.
 *
 * GUARDED BY tests/model/admit.c, tests/api/running_max.c.
 */
#include "scope/group.h"

struct turn {
	struct crew__record record;
	struct crew__waiter waiter;
};

static struct crew__admission *admission_of(struct crew_group *group)
{
	return (struct crew__admission *)(void *)group->private_.admission;
}

void crew__admission_open(struct crew_group *group, const struct crew__caller *owner,
			  uint32_t running_max)
{
	*admission_of(group) =
		(struct crew__admission){ .max = running_max, .owner = owner->fiber };
	group->private_.fiber = (void *)((uintptr_t)group->private_.fiber | CREW__GROUP_LIMITED);
}

/* ---- the line --------------------------------------------------------------------- */

static void get_in_line(struct crew__admission *at, struct crew__record *record)
{
	record->behind = at->last ? at->last->behind : record;
	if (at->last)
		at->last->behind = record;
	at->last = record;
}

/* The one behind `before`, which is in the line. */
static struct crew__record *take_behind(struct crew__admission *at, struct crew__record *before)
{
	struct crew__record *record = before->behind;

	before->behind = record->behind;
	if (record == at->last)
		at->last = record == before ? NULL : before;
	return record;
}

/* Takes one out. False: it is not in the line. */
static bool leave_line(struct crew__admission *at, const struct crew__record *record)
{
	struct crew__record *before = at->last;

	if (!before)
		return false;
	while (before->behind != record) {
		before = before->behind;
		if (before == at->last)
			return false;
	}
	take_behind(at, before);
	return true;
}

/* pre: locked; is let go. Lets in whoever is in the line, while there is room. */
static void let_in(struct crew_group *group)
{
	struct crew__admission *at = admission_of(group);
	struct crew *crew = group->scope.private_.crew;
	struct crew__record *first = NULL;
	struct crew__record **end = &first;
	struct crew__parker *woken = NULL;
	struct crew__worker *worker;

	while (at->last && at->running < at->max) {
		struct crew__record *record = take_behind(at, at->last);
		struct crew__parker *parker;

		if (record->kind != CREW__RECORD_TURN) {
			*end = record;
			end = &record->behind;
		} else if (crew__grant(&crew__container(record, struct turn, record)->waiter,
				       &parker)) {
			parker->woken = woken;
			woken = parker;
		} else {
			continue; /* it was cancelled */
		}
		at->running++;
	}
	*end = NULL;
	crew__group_unlock(group); /* LAST TOUCH: what is let in may end at once */
	crew__ready_all(woken);
	worker = crew__self();
	while (first) {
		struct crew__record *next = first->behind;

		crew__submit_record(crew, worker, first);
		first = next;
	}
}

void crew__group_child_left(struct crew_group *group)
{
	crew__lock_acquire(crew__join_lock(group));
	admission_of(group)->running--;
	let_in(group);
}

/* ---- getting in -------------------------------------------------------------------- */

/* pre: locked. Takes room for one, if there is any (M1). */
static bool take_room(struct crew__admission *at)
{
	if (at->running >= at->max)
		return false;
	at->running++;
	return true;
}

static void let_go_of_group(void *opaque)
{
	crew__group_unlock(opaque);
}

/* Is the caller the owner? A plain thread is when it stands in the group. */
static bool is_owner(const struct crew_group *group, const struct crew__admission *at,
		     const struct crew__caller *caller)
{
	if (at->owner || caller->fiber)
		return at->owner == caller->fiber;
	return crew__caller_is_in(caller, &group->scope);
}

int crew__group_room(struct crew_group *group, const struct crew__caller *caller, uint32_t flags,
		     bool *has_room)
{
	struct crew__admission *at = admission_of(group);
	struct turn turn = { .record = { .kind = CREW__RECORD_TURN } };
	bool granted;

	*has_room = !crew__group_is_limited(group);
	if (*has_room)
		return 0;
	if (flags & CREW_TASK_NOWAIT) {
		crew__lock_acquire(crew__join_lock(group));
		*has_room = take_room(at);
		crew__group_unlock(group);
		return *has_room ? 0 : CREW_EWOULDBLOCK;
	}
	if (!is_owner(group, at, caller))
		return 0;
	crew__waiter_init(&turn.waiter, !(flags & CREW__TASK_BEGINS));
	crew__lock_acquire(crew__join_lock(group));
	*has_room = take_room(at);
	if (*has_room) {
		crew__group_unlock(group);
		crew__waiter_fini(&turn.waiter);
		return 0;
	}
	get_in_line(at, &turn.record);
	granted = crew__park(&turn.waiter, let_go_of_group, group, CREW_NEVER, "group room");
	*has_room = granted;
	if (granted)
		return 0;
	crew__lock_acquire(crew__join_lock(group));
	leave_line(at, &turn.record);
	crew__group_unlock(group);
	return CREW_ECANCELED;
}

int crew__group_no_record(struct crew_group *group, bool has_room)
{
	if (has_room && crew__group_is_limited(group))
		crew__group_child_left(group);
	return CREW_ENOMEM;
}

void crew__group_put(struct crew_group *group, struct crew__record *record, bool has_room)
{
	struct crew *crew = group->scope.private_.crew;

	if (crew__group_is_limited(group)) {
		record->limited = record->keep = true;
		if (!has_room) {
			crew__lock_acquire(crew__join_lock(group));
			get_in_line(admission_of(group), record);
			let_in(group);
			return;
		}
	}
	crew__submit_record(crew, crew__self(), record);
}

bool crew__group_withdraw(struct crew_group *group, const struct crew__record *record)
{
	bool was_in_line;

	crew__lock_acquire(crew__join_lock(group));
	was_in_line = leave_line(admission_of(group), record);
	crew__group_unlock(group);
	return was_in_line;
}

int crew_group_set_running_max(struct crew_group *group, uint32_t running_max)
{
	if (!crew__group_is_open(group) || !crew__group_is_limited(group))
		return CREW_ESTATE;
	if (crew__is_forked(group->scope.private_.crew))
		return CREW_EFORKED;
	crew__lock_acquire(crew__join_lock(group));
	admission_of(group)->max = running_max ? running_max : UINT32_MAX;
	let_in(group);
	return 0;
}
