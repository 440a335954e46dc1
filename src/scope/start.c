/* SPDX-License-Identifier: MIT */
/*
 * start.c - children that are waited for as they begin.
 *
 * CREW_TASK_INLINE. The spawner parks, firmly, and its child is queued by the hook of that
 * wait: so nobody tells the spawner too early. Its worker takes the newest of its own tasks
 * next; another may be faster. The child's fiber carries the spawner's waiter until it waits
 * or ends. It never runs in place: it needs a fiber that carries one waiter.
 *
 * GUARDED BY tests/model/start.c, tests/api/inline.c.
 */
#include "scope/handle.h"

static void queue_it(void *opaque)
{
	struct crew_task *task = opaque;
	struct crew *crew = task->crew;

	/* it may end at once, and the spawner, of another crew, go on and stop this one */
	crew__add32_acq_rel(&crew->callers, 1);
	crew__group_put(task->group, &task->record, true);
	crew__add32_acq_rel(&crew->callers, (uint32_t)-1); /* LAST TOUCH */
}

void crew__handle_begin(struct crew_task *task)
{
	struct crew__worker *worker = crew__self();
	struct crew__waiter waiter;

	crew__waiter_init(&waiter, false);
	task->spawner = &waiter;
	if (worker)
		worker->streak = CREW__READY_STREAK; /* the loop takes a task before it takes us */
	crew__park(&waiter, queue_it, task, CREW_NEVER, "inline start");
}
