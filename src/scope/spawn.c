/* SPDX-License-Identifier: MIT */
/*
 * spawn.c - new children: who may spawn, how they are counted (exec/join.h) and queued.
 * Those with handles are made in spawn_task.c.
 */
#include "scope/group.h"

int crew__group_may_spawn(const struct crew_group *group, const struct crew__caller *caller,
			  crew_task_fn *fn, uint32_t flags)
{
	const struct crew *crew = group->scope.private_.crew;

	if (!fn)
		return CREW_EINVAL;
	if (group->private_.state == CREW__GROUP_REFUSED)
		return group->private_.refused;
	if (!crew__group_is_open(group))
		return CREW_ECLOSED;
	if (crew__is_forked(crew))
		return CREW_EFORKED;
	if (!caller->fiber && crew__load_acquire(&crew->state) != CREW__OPEN)
		return CREW_ECLOSED;
	if (flags & CREW__TASK_BEGINS)
		return 0;
	return crew__scope_cancelled(&group->scope) ? CREW_ECANCELED : 0;
}

static void count_elsewhere(struct crew_group *group)
{
	crew__add_acq_rel(&group->private_.elsewhere, 1);
	crew__add_acq_rel(&group->private_.count, 1);
}

/* What was counted elsewhere is no child after all. */
static void forget(struct crew_group *group)
{
	crew__group_lock(group)->forgotten++;
	crew__group_unlock(group);
	crew__join_ended(group, 1); /* it may be the last one by now */
}

bool crew__group_count(struct crew_group *group, const struct crew__caller *caller)
{
	if (caller->worker && caller->fiber == group->private_.fiber) {
		group->private_.own++;
		return true;
	}
	count_elsewhere(group);
	return false;
}

void crew__group_never_started(struct crew_group *group)
{
	crew__group_lock(group)->never_started++;
	crew__add_acq_rel(&group->private_.elsewhere, 1);
	crew__group_unlock(group);
}

static int spawn_limited(struct crew_group *group, const struct crew__slot *slot,
			 const struct crew_task_options *options, const void *copy,
			 size_t copy_bytes, bool has_room)
{
	struct crew__caller caller = crew__caller(); /* it may have waited */
	struct crew__record *record = crew__record_make(group->scope.private_.crew, caller.worker,
							slot, options, copy, copy_bytes);

	if (!record)
		return crew__group_no_record(group, has_room);
	crew__group_count(group, &caller);
	crew__group_put(group, record, has_room);
	return 0;
}

int crew__group_spawn(struct crew_group *group, const struct crew__slot *slot,
		      const struct crew_task_options *options, const void *copy, size_t copy_bytes)
{
	struct crew__caller caller = crew__caller();
	int rc = crew__group_may_spawn(group, &caller, slot->fn, 0);
	bool has_room = true;
	bool on_owner;

	if (rc == 0)
		rc = crew__group_room(group, &caller, 0, &has_room);
	if (rc == CREW_ECANCELED)
		crew__group_never_started(group);
	if (rc)
		return rc;
	if (crew__group_is_limited(group))
		return spawn_limited(group, slot, options, copy, copy_bytes, has_room);
	on_owner = crew__group_count(group, &caller);
	if (caller.worker && caller.worker->crew == group->scope.private_.crew && !options &&
	    !copy && crew__spawn_push(caller.worker, slot))
		return 0;
	rc = crew__submit(group->scope.private_.crew, caller.worker, slot, options, copy,
			  copy_bytes);
	if (rc && on_owner)
		group->private_.own--;
	else if (rc)
		forget(group);
	return rc;
}

bool crew__group_count_late(struct crew_group *group, const struct crew__caller *caller)
{
	uint64_t count = crew__load_acquire(&group->private_.count);

	if (caller->worker && caller->fiber == group->private_.fiber)
		return crew__group_count(group, caller);
	do
		if (count == CREW__JOIN_BIAS)
			return false;
	while (!crew__cas_acq_rel(&group->private_.count, &count, count + 1));
	crew__add_acq_rel(&group->private_.elsewhere, 1);
	return true;
}

int crew_group_hold(struct crew_group *group)
{
	if (group->private_.state == CREW__GROUP_REFUSED)
		return group->private_.refused;
	if (!crew__group_is_open(group))
		return CREW_ECLOSED;
	if (crew__is_forked(group->scope.private_.crew))
		return CREW_EFORKED;
	count_elsewhere(group);
	return 0;
}

void crew_group_release(struct crew_group *group)
{
	if (!crew__is_forked(group->scope.private_.crew))
		forget(group);
}

/* The same with the slot's words as arguments: leaves the fast path without a frame. */
static __attribute__((noinline)) int spawn_at_slow(struct crew_group *group, crew_task_fn *fn,
						   void *arg, const char *site)
{
	struct crew__slot slot = { .fn = fn, .arg = arg, .group = (uintptr_t)group, .site = site };

	return crew__group_spawn(group, &slot, NULL, NULL, 0);
}

/* The spawn met a thief's mark, or somebody sleeps. */
static __attribute__((noinline)) int tell_the_others(struct crew__worker *worker)
{
	crew__idle_answer(worker);
	return 0;
}

int crew_group_spawn_at(struct crew_group *group, crew_task_fn *fn, void *arg, const char *site)
{
	struct crew__worker *worker = crew__self();
	struct crew__fiber *fiber;
	uint64_t bottom;

	if (crew__unlikely(!worker || !fn))
		return spawn_at_slow(group, fn, arg, site);
	fiber = worker->fiber; /* a group's is NULL when it is not open */
	bottom = crew__own(&worker->deque.bottom);
	if (crew__unlikely(fiber != group->private_.fiber || !crew__fiber_clean(fiber) ||
			   crew__deque_at_limit(&worker->deque, bottom)))
		return spawn_at_slow(group, fn, arg, site);
	group->private_.own++;
	if (crew__unlikely(!crew__deque_append_newest(&worker->deque, bottom, fn, arg,
						      (uintptr_t)group, site) ||
			   crew__is_awaited(worker)))
		return tell_the_others(worker);
	return 0;
}

int crew_group_spawn_copy_at(struct crew_group *group, crew_task_fn *fn, const void *arg,
			     size_t arg_size, const char *site)
{
	struct crew__slot slot = { .fn = fn, .group = (uintptr_t)group, .site = site };

	if (arg_size > CREW_COPY_MAX || (arg_size && !arg))
		return CREW_EINVAL;
	return crew__group_spawn(group, &slot, NULL, arg ? arg : "", arg_size);
}
