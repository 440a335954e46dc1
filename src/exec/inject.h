/* SPDX-License-Identifier: MIT */
/*
 * inject.h - what comes from outside of the workers, and what their own queues
 * cannot hold: tasks spawned by plain threads, fibers woken by them or by the
 * timer thread, overflow (many tasks in one record). First in, first out; liburcu's
 * wait-free queues.
 *
 * Tasks and fibers have a queue each, and are taken in turns: neither waits behind
 * all of the others, and fibers go on when there is no room for tasks (R2).
 *
 * Anybody enqueues, with one exchange. Workers dequeue under a lock, which they
 * only try: one worker at a time is enough, and it takes a batch.
 *
 * An enqueuer that was stopped between its two steps leaves a gap: the queue then
 * says WOULDBLOCK. That is not empty: a worker that takes it for empty and goes
 * to sleep sleeps on work (crew__inject_empty() is false then).
 *
 * ORDERS
 *	inject.put	what is queued is counted first, and enqueue is a full read-modify-write
 *			before the enqueuer looks for sleepers; a sleeper looks at the
 *			count after it announced itself (idle.c). liburcu orders the contents.
 */
#ifndef CREW__INJECT_H
#define CREW__INJECT_H

#include "port/lock.h"

#include <urcu/wfcqueue.h>

/* The first member of what can be queued. */
struct crew__injected {
	struct cds_wfcq_node node;
	bool is_fiber; /* else a record */
	uint32_t more; /* tasks beyond one in it */
};

struct crew__inject_queue {
	struct cds_wfcq_tail tail;
	struct crew_word put; /* how many tasks, or fibers: counted before they are queued */
	char pad_[64 - sizeof(struct cds_wfcq_tail) - sizeof(struct crew_word)];
	struct __cds_wfcq_head head; /* guarded by lock */
	struct crew_word taken;	     /* the same */
	char pad2_[64 - sizeof(struct __cds_wfcq_head) - sizeof(struct crew_word)];
};

struct crew__inject {
	struct crew__inject_queue queues[2]; /* [is_fiber] */
	struct crew__lock lock;
	bool fiber_next; /* guarded by lock: whose turn it is */
};

void crew__inject_init(struct crew__inject *inject);
void crew__inject_put(struct crew__inject *inject, struct crew__injected *what);
uint64_t crew__inject_count(const struct crew__inject *inject);
/* pre: locked. NULL: empty, or a gap. `tasks`: a task will do. */
struct crew__injected *crew__inject_take(struct crew__inject *inject, bool tasks);

/* Is there a fiber, or, if `tasks`, a task? */
static inline bool crew__inject_waits(const struct crew__inject *inject, bool tasks)
{
	for (int kind = tasks ? 0 : 1; kind < 2; kind++) {
		const struct crew__inject_queue *queue = &inject->queues[kind];

		/* pairs: inject.put */
		if (crew__load_acquire(&queue->put) != crew__load_relaxed(&queue->taken))
			return true;
	}
	return false;
}

/* False also while an enqueuer stands in the middle. */
static inline bool crew__inject_empty(const struct crew__inject *inject)
{
	return !crew__inject_waits(inject, true);
}

#endif /* CREW__INJECT_H */
