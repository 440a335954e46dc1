/* SPDX-License-Identifier: MIT */
/*
 * select_task.c - the end of a task as a case of a select: waits in the task's lot, as those do
 * who join it (scope/handle.h, H2). The outcome stays for who joins.
 *
 * GUARDED BY tests/model/select_task.c, tests/api/select_task.c.
 */
#include "scope/handle.h"
#include "sync/select.h"

#include "crew/group.h"

static struct crew_lot *task_begin(struct crew_case *one)
{
	struct crew_task *task = (struct crew_task *)one->on;
	struct crew__caller caller = crew__caller();
	int wrong = crew__handle_may_await(task, &caller);

	if (wrong)
		crew__case_of(one)->deal.wait.rc = wrong;
	return wrong ? NULL : &task->lot;
}

static enum crew__try task_try(struct crew_case *one, struct crew__aside *aside)
{
	const struct crew_task *task = (const struct crew_task *)one->on;

	(void)aside;
	return crew_task_status(task) < CREW_TASK_FINISHED ?
		       CREW__TRY_WAIT :
		       crew__deal_done(&crew__case_of(one)->deal, 0);
}

static struct crew_lot_queue *task_queue(struct crew_case *one)
{
	return &crew__case_of(one)->lot->private_.queue;
}

static void task_want(struct crew_case *one)
{
	crew__handle_want((struct crew_task *)one->on);
}

const struct crew__selectable crew__selectable_task = { task_begin, task_try, task_queue, NULL,
							task_want };
