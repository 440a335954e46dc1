/* SPDX-License-Identifier: MIT */
/* spawn_task.c - new children with handles, or with options that only those keep (handle.h). */
#include "scope/handle.h"

#include "base/sized.h"

_Static_assert(sizeof(struct crew_task) <= CREW__TASK_BYTES, "a task with handles fits its pool");

#define FLAGS                                                                                      \
	(CREW_TASK_PINNED | CREW_TASK_ATOMIC | CREW_TASK_ISOLATED | CREW_TASK_LAZY |               \
	 CREW_TASK_INLINE | CREW_TASK_NOWAIT)

static bool is_plain(const struct crew_task_options *options, struct crew_task *const *out)
{
	return !out && (!options || (!options->arg_free && !options->value_free &&
				     !(options->flags & ~(uint32_t)CREW_TASK_PINNED)));
}

struct crew_task *crew__handle_make(struct crew_group *group, const struct crew__caller *caller,
				    const struct crew_task_options *options)
{
	struct crew *crew = group->scope.private_.crew;
	struct crew__worker *worker =
		caller->worker && caller->worker->crew == crew ? caller->worker : NULL;
	struct crew__record *record = crew__record_take(crew, worker, CREW__RECORD_TASK);
	struct crew_task *task;

	if (!record)
		return NULL;
	task = crew__container(record, struct crew_task, record);
	task->scope.private_.parent = &group->scope;
	task->scope.private_.crew = crew;
	task->scope.private_.name = options ? options->name : NULL;
	task->scope.private_.flags = CREW__ALONE;
	task->scope.private_.state = CREW__SCOPE_CLOSED; /* to users */
	task->scope.private_.lock = 0;
	task->crew = crew;
	task->group = group;
	task->lot = (struct crew_lot)CREW_LOT_INIT;
	crew__store32_relaxed(&task->state, CREW_TASK_PENDING);
	task->spawner = NULL;
	task->start = NULL;
	task->rc = 0;
	task->value = NULL;
	task->error = NULL;
	task->taken = task->asked = task->listed = task->counted = task->late = false;
	task->arg_free = options ? options->arg_free : NULL;
	task->value_free = options ? options->value_free : NULL;
	crew__list_init(&task->kept);
	crew__list_init(&task->ended);
	record->keep = true;
	record->name = options ? options->name : NULL;
	record->flags = options ? (uint8_t)options->flags : 0;
	crew__store32_relaxed(&task->lazy, record->flags & CREW_TASK_LAZY);
	return task;
}

static int check_options(const struct crew_task_options *options, struct crew_task *const *out)
{
	if (!options)
		return 0;
	if (options->flags & ~(uint32_t)FLAGS)
		return CREW_EINVAL;
	if (options->flags & CREW_TASK_LAZY &&
	    options->flags & (CREW_TASK_INLINE | CREW_TASK_NOWAIT))
		return CREW_EINVAL;
	/* nobody could ask for it */
	return !out && options->flags & (CREW_TASK_LAZY | CREW_TASK_ISOLATED) ? CREW_EINVAL : 0;
}

/* pre: the options are checked. */
static int spawn(struct crew_group *group, const struct crew__slot *slot,
		 const struct crew_task_options *options, struct crew_task **out)
{
	struct crew__caller caller = crew__caller();
	uint32_t flags = options ? options->flags : 0;
	struct crew_task *task;
	bool has_room = false;
	int rc = crew__group_may_spawn(group, &caller, slot->fn, flags);

	if (rc == 0 && !(flags & CREW_TASK_LAZY))
		rc = crew__group_room(group, &caller, flags, &has_room);
	if (rc == CREW_ECANCELED)
		crew__group_never_started(group);
	if (rc)
		return rc;
	caller = crew__caller(); /* it may have waited */
	task = crew__handle_make(group, &caller, options);
	if (!task)
		return crew__group_no_record(group, has_room);
	task->record.slot = *slot;
	crew__store32_relaxed(&task->record.holders, out ? 3 : 1);
	if (out) {
		*out = task;
		task->listed = true;
		crew__roster_keep(task);
	}
	if (crew__handle_is_lazy(task))
		return 0;
	crew__group_count(group, &caller);
	if (flags & CREW_TASK_INLINE && has_room)
		crew__handle_begin(task);
	else
		crew__group_put(group, &task->record, has_room);
	return 0;
}

int crew_group_spawn_task_at(struct crew_group *group, crew_task_fn *fn, void *arg,
			     const struct crew_task_options *options, struct crew_task **out,
			     const char *site)
{
	struct crew__slot slot = { .fn = fn, .arg = arg, .group = (uintptr_t)group, .site = site };
	struct crew_task_options room;
	int rc;

	if (out)
		*out = NULL;
	if (options) {
		options = CREW__OPTIONS(options, &room, value_free);
		if (!options)
			return CREW_EINVAL;
	}
	rc = check_options(options, out);
	if (rc == 0 && is_plain(options, out))
		return crew__group_spawn(group, &slot, options, NULL, 0);
	if (rc == 0)
		rc = spawn(group, &slot, options, out);
	if (rc && options && options->arg_free)
		options->arg_free(arg);
	return rc;
}
