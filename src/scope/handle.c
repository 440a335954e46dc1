/* SPDX-License-Identifier: MIT */
/* handle.c - see handle.h. */
#include "scope/handle.h"
#include "scope/errors.h"

#include "crew/task.h"

static bool has_ended(const struct crew_task *task)
{
	return crew__load32_acquire(&task->state) >= CREW_TASK_FINISHED;
}

void crew_task_drop(struct crew_task *task)
{
	struct crew__worker *worker;
	struct crew *crew;

	if (!task || crew__add32_acq_rel(&task->record.holders, (uint32_t)-1) != 1)
		return;
	if (task->value && task->value_free && !task->taken)
		task->value_free(task->value);
	crew__error_free(task->error);
	worker = crew__self(); /* that may have waited */
	crew = task->crew;
	crew__record_give(crew, worker && worker->crew == crew ? worker : NULL, &task->record);
}

/* ---- the task itself ------------------------------------------------------------ */

static void end(struct crew_task *task, enum crew_task_state state, int rc)
{
	crew_lot_lock(&task->lot);
	task->rc = rc;
	crew__store32_release(&task->state, state);
	crew_lot_wake_all(&task->lot);
	crew_lot_unlock(&task->lot);
}

/* What the code of a task that has run means. */
static enum crew_task_state verdict(const struct crew_task *task, int rc)
{
	if (rc == 0)
		return CREW_TASK_FINISHED;
	return rc == CREW_ECANCELED && crew__scope_cancelled(&task->scope) ? CREW_TASK_CANCELLED :
									     CREW_TASK_FAILED;
}

/* The group hears of it; what was cancelled by a handle is no business of others, nor is what
 * has not started. */
static void tell_group(struct crew_task *task, enum crew_task_state state, int rc)
{
	struct crew_group *group = task->group;
	bool isolated = task->record.flags & CREW_TASK_ISOLATED;

	if (state == CREW_TASK_FINISHED)
		return;
	task->late = crew__scope_source(&group->scope) == CREW_BY_DEADLINE; /* F12 */
	if (task->start || (state == CREW_TASK_FAILED && isolated) ||
	    (state != CREW_TASK_FAILED && !crew__scope_cancelled(&group->scope)))
		crew__group_tally(group, state);
	else if (state == CREW_TASK_NEVER_STARTED)
		crew__group_child_skipped(group);
	else
		crew__group_child_failed(group, rc);
}

void crew__handle_run(struct crew__fiber *fiber, struct crew__record *record)
{
	struct crew_task *task = crew__container(record, struct crew_task, record);
	struct crew_task *outer = fiber->task;
	enum crew_task_state state = CREW_TASK_NEVER_STARTED;
	int rc = CREW_ECANCELED;

	crew__worker_stands(fiber->worker, fiber, &task->scope);
	fiber->epoch = 0;
	if (record->flags & CREW__TASK_BEGINS || !crew__scope_cancelled(&task->scope)) {
		crew__store32_release(&task->state, CREW_TASK_RUNNING);
		fiber->task = task;
		if (task->spawner) /* not in place: there it may be the parent's */
			fiber->until_wait = task->spawner;
		rc = crew__record_call(fiber, record);
		fiber->task = outer;
		crew__task_returned(fiber, &task->scope, record->slot.site);
		state = verdict(task, rc);
		if (state == CREW_TASK_FAILED && record->flags & CREW_TASK_ISOLATED)
			task->error = crew__error_of(fiber, rc);
		else if (task->start)
			task->error = crew__pending_take(fiber, rc);
	}
	crew__worker_stands(fiber->worker, fiber, &task->group->scope);
	fiber->epoch = 0;
	if (task->arg_free)
		task->arg_free(record->slot.arg);
	end(task, state, rc);
	if (task->listed)
		crew__roster_ended(task);
	tell_group(task, state, rc);
	if (fiber->pending)
		crew__pending_drop(fiber);
	if (task->spawner)
		crew__fiber_waits(fiber);
	crew__scope_leave(&task->scope, &fiber->parker); /* H1 */
	if (task->start)
		crew__start_ended(task, rc); /* last: the scope may have been inside of a frame's */
	crew_task_drop(task);
}

int crew_return(void *value)
{
	struct crew__caller caller = crew__caller();
	struct crew_task *task = caller.fiber ? caller.fiber->task : NULL;

	if (!task)
		return 0;
	if (task->value && task->value != value && task->value_free)
		task->value_free(task->value);
	task->value = value;
	return 0;
}

/* ---- lazy ones ---------------------------------------------------------------------- */

/* pre: locked, and is let go. H4 */
static void begin(struct crew_task *task, const struct crew__caller *caller)
{
	if (!crew__group_count_late(task->group, caller)) {
		/* the owner wakes, and closes, or waits again */
		crew_lot_unlock(&task->lot);
		crew_yield();
		return;
	}
	crew__store32_release(&task->lazy, 0);
	crew__roster_begun(task);
	crew_lot_unlock(&task->lot);
	crew__group_put(task->group, &task->record, false);
}

void crew__handle_give_up(struct crew_task *task)
{
	bool ours;

	crew_lot_lock(&task->lot);
	ours = crew__handle_is_lazy(task);
	crew__store32_release(&task->lazy, 0);
	crew_lot_unlock(&task->lot);
	if (!ours)
		return;
	if (task->arg_free)
		task->arg_free(task->record.slot.arg);
	end(task, CREW_TASK_NEVER_STARTED, CREW_ECANCELED);
	crew__group_never_started(task->group);
	crew_task_drop(task);
}

void crew__handle_settle(struct crew_task *task)
{
	bool unheard;

	crew_lot_lock(&task->lot);
	unheard = task->record.flags & CREW_TASK_ISOLATED && !task->asked &&
		  crew__load32_relaxed(&task->state) == CREW_TASK_FAILED;
	crew_lot_unlock(&task->lot);
	if (!unheard)
		return;
	crew__group_add_error(task->group, task->rc, task->error, !task->late);
	task->error = NULL;
	crew__group_note(task->group, task->late ? CREW__GROUP_STOPPED : CREW__GROUP_FAILED);
}

/* ---- what handles are for -------------------------------------------------------------- */

int crew__handle_may_await(const struct crew_task *task, const struct crew__caller *caller)
{
	if (!task)
		return CREW_EINVAL;
	if (crew__is_forked(task->crew))
		return CREW_EFORKED;
	/* its own, or one that waits for it */
	return crew__caller_is_in(caller, &task->scope) ? CREW_EDEADLK : 0;
}

void crew__handle_want(struct crew_task *task)
{
	while (crew__handle_is_lazy(task)) {
		struct crew__caller caller = crew__caller();

		crew_lot_lock(&task->lot);
		if (crew__handle_is_lazy(task))
			begin(task, &caller);
		else
			crew_lot_unlock(&task->lot);
	}
}

static bool is_over(void *task)
{
	return has_ended((struct crew_task *)task);
}

int crew__handle_await(struct crew_task *task)
{
	struct crew__caller caller = crew__caller();
	int wrong = crew__handle_may_await(task, &caller);

	if (!wrong)
		wrong = crew__caller_check(&caller);
	if (wrong)
		return wrong;
	crew__handle_want(task);
	return has_ended(task) ? 0 : crew_lot_wait(&task->lot, is_over, task, "task join");
}

static void read_outcome(struct crew_task *task, int *rc, void **value)
{
	crew_lot_lock(&task->lot);
	task->asked = true;
	if (rc)
		*rc = task->rc;
	if (value) {
		*value = task->value;
		task->taken = true;
	}
	crew_lot_unlock(&task->lot);
}

int crew_task_join(struct crew_task *task, int *rc, void **value)
{
	int wrong = crew__handle_await(task);

	if (wrong == 0)
		read_outcome(task, rc, value);
	return wrong;
}

int crew_task_join_nowait(struct crew_task *task, int *rc, void **value)
{
	if (!task)
		return CREW_EINVAL;
	if (crew__is_forked(task->crew))
		return CREW_EFORKED;
	if (!has_ended(task))
		return CREW_EWOULDBLOCK;
	read_outcome(task, rc, value);
	return 0;
}

int crew_task_cancel(struct crew_task *task, const char *reason)
{
	struct crew__caller caller = crew__caller();
	struct crew__cause cause = crew__caller_cause(&caller, CREW_BY_CALL, reason);
	struct crew__delivery delivery;

	if (!task)
		return CREW_EINVAL;
	if (crew__is_forked(task->crew))
		return CREW_EFORKED;
	crew__delivery_init(&delivery);
	crew_lot_lock(&task->lot);
	if (!has_ended(task))
		crew__scope_deliver(&task->scope, &cause, &delivery);
	crew_lot_unlock(&task->lot);
	crew__delivery_end(&delivery);
	return 0;
}

enum crew_task_state crew_task_status(const struct crew_task *task)
{
	uint32_t state = crew__load32_acquire(&task->state);

	if (state < CREW_TASK_CANCELLING && crew__scope_has(&task->scope, CREW__MARKED))
		state = CREW_TASK_CANCELLING;
	return (enum crew_task_state)state;
}

void *crew_task_arg(const struct crew_task *task)
{
	return task->record.slot.arg;
}
