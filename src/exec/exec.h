/* SPDX-License-Identifier: MIT */
/*
 * exec.h - the door of floor 3, and the only header of it that floors 4 to 6
 * include. A task can stop running only through crew__park().
 *
 *	park.h		wait, wake
 *	join.h		count the children of a group, run them in place
 *	cancel.h	the tree of scopes and the epoch
 *	deadline.h	deadlines of scopes
 *	hook.h		what is called when a scope is cancelled
 *	worker.h	the current fiber and worker (crew__self()), ready queues
 */
#ifndef CREW__EXEC_H
#define CREW__EXEC_H

#include "exec/cancel.h"
#include "exec/deadline.h"
#include "exec/hook.h"
#include "exec/join.h"
#include "exec/park.h"
#include "exec/self.h"
#include "exec/worker.h"

#include "base/assert.h"

/*
 * Who calls? A task runs on a fiber; a plain thread has none. The function inside
 * crew_blocking() runs on a plain thread but counts as its task: the host.
 */
struct crew__caller {
	struct crew__worker *worker; /* NULL on a plain thread */
	struct crew__fiber *fiber;   /* the task's, also for a host; or NULL */
};

static inline struct crew__caller crew__caller(void)
{
	struct crew__caller caller = { .worker = crew__self() };

	caller.fiber = caller.worker ? caller.worker->fiber : crew__self_host();
	return caller;
}

/* The innermost open scope of the caller. */
static inline struct crew_scope *crew__caller_scope(const struct crew__caller *caller)
{
	return caller->fiber ? caller->fiber->scope : crew__self_scope();
}

/* Is `scope` that one, or around it? */
bool crew__caller_is_in(const struct crew__caller *caller, const struct crew_scope *scope);

void crew__caller_set_scope(const struct crew__caller *caller, struct crew_scope *scope);

/* 0, CREW_ECANCELED or CREW_EFORKED. */
int crew__caller_check(const struct crew__caller *caller);

/* crew_sleep_until(), for a reason of one's own. */
int crew__sleep_until(crew_time when, const char *reason);

/* Who calls, as the one that cancels. */
struct crew__cause crew__caller_cause(const struct crew__caller *caller, uint32_t source,
				      const char *reason);

/* Closing `outer` in the wrong order: cancels what the caller has opened right inside. */
void crew__caller_cancel_inside(const struct crew__caller *caller, struct crew_scope *outer);

/* A plain thread, or a task of another crew, opens a group on the crew: cancelled, if the
 * crew is. 0, or CREW_ECLOSED: it is being stopped. `inside`: the caller is part of what
 * was accepted before, which may still open what it needs. */
int crew__visit(struct crew *crew, struct crew_group *group, bool inside);
void crew__leave(struct crew *crew, struct crew_group *group);

/* crew__worker_push(), or from a full deque into the inject queue. False: neither. */
bool crew__spawn_push(struct crew__worker *worker, const struct crew__slot *slot);
/* Queues a task from anywhere. pre: it is counted. 0 or CREW_ENOMEM. */
int crew__submit(struct crew *crew, struct crew__worker *worker, const struct crew__slot *slot,
		 const struct crew_task_options *options, const void *copy, size_t copy_bytes);
/* Its two steps: a record for it, or NULL; and queueing that, which cannot fail. */
struct crew__record *crew__record_make(struct crew *crew, struct crew__worker *worker,
				       const struct crew__slot *slot,
				       const struct crew_task_options *options, const void *copy,
				       size_t copy_bytes);
void crew__submit_record(struct crew *crew, struct crew__worker *worker,
			 struct crew__record *record);

#endif /* CREW__EXEC_H */
