/* SPDX-License-Identifier: MIT */
/* fork.c - see fork.h. */
#include "exec/fork.h"

#include "crew/fork.h"

#include "base/assert.h"
#include "exec/join.h"

#define DONE UINT64_C(1)
#define OWN  UINT64_C(2)
#define PUT  CREW__FORK_PUT

/* The public part of a deque. */
#define SAME(ours, public_one)                                                                     \
	_Static_assert(offsetof(struct crew__deque, ours) ==                                       \
			       offsetof(struct crew_fork_deque, public_one),                       \
		       "crew/task.h shows another deque")
SAME(bottom, bottom);
SAME(limit, limit);
SAME(cells, cells);
SAME(scope, scope);
SAME(epoch, epoch);
SAME(looked, looked);
SAME(halves, halves);
SAME(attention, attention);
_Static_assert(sizeof(struct crew__deque_cell) == sizeof(struct crew_fork_cell), "cells differ");
_Static_assert(CREW__DEQUE_MASK + 1 == CREW_FORK_CELLS_, "crew/fork.h has other cells");
_Static_assert((CREW__HUNGER | CREW__NAPPER) == 3 && CREW__SLOT_FORK == 4,
	       "crew/fork.h has other bits");

/* bottom is at the limit; and never one more than OWN. crew_check() always looks: no epoch is 0 */
static const uint64_t never_looked = 0;
const struct crew_fork_deque crew__fork_nowhere = { .epoch = &crew__cancel_epoch,
						    .looked = &never_looked };

const struct crew_fork_deque *crew__fork_deque(struct crew__worker *worker)
{
	return worker ? (const struct crew_fork_deque *)(const void *)&worker->deque :
			&crew__fork_nowhere;
}

void crew_fork_tell(void)
{
	crew__idle_answer(crew__self());
}

void crew_fork_put(struct crew_fork *fork, const struct crew_fork_kind *kind)
{
	struct crew__worker *worker = crew__self();
	struct crew__slot slot = { .arg = fork, .site = (const void *)kind };

	if (worker) {
		crew__init_word(&fork->state, crew__own(&worker->deque.bottom));
		slot.group = worker->deque.scope;
		crew__assert(slot.group == (uintptr_t)worker->fiber->scope + CREW__SLOT_FORK);
		if (crew__worker_push(worker, &slot))
			return;
	}
	crew__init_word(&fork->state, OWN);
}

struct wait {
	struct crew_fork *fork;
	struct crew__waiter waiter;
};

/* The hook: the joiner's registers are saved. */
static void announce(void *opaque)
{
	struct wait *wait = opaque;
	struct crew__waiter *waiter = &wait->waiter;
	struct crew__parker *parker;

	/* pairs: fork.state. LAST TOUCH of the frame unless it is done */
	if (crew__exchange_acq_rel(&wait->fork->state, (uint64_t)(uintptr_t)waiter) == DONE &&
	    crew__grant(waiter, &parker))
		crew__ready(parker);
}

/* F3 */
static bool is_newest(const struct crew__worker *worker, const struct crew_fork *fork)
{
	const struct crew__deque_cell *newest = crew__deque_newest(&worker->deque);

	return crew__cell_word(newest, 1) == (uint64_t)(uintptr_t)fork &&
	       crew__cell_word(newest, 2) & CREW__SLOT_FORK;
}

/* F4, as callers' code asks: bottom is where the put has left it. */
static inline bool is_as_put(const struct crew__worker *worker, uint64_t state)
{
	const struct crew__deque *deque = &worker->deque;

	return state + 1 == crew__own(&deque->bottom) &&
	       crew__deque_private(deque, (uint32_t)state) >= 0;
}

bool crew_fork_take(struct crew_fork *fork)
{
	struct crew__worker *worker = crew__self();
	uint64_t state = crew__load_acquire(&fork->state); /* pairs: fork.state */
	struct wait wait = { .fork = fork };

	if (state == OWN)
		return true;
	if (state == DONE)
		return false;
	crew__require(worker && !crew__is_forked(worker->crew),
		      "a forked call was joined in a child process after fork; call _exit() or "
		      "exec there",
		      NULL);
	crew__assert(!is_as_put(worker, state) || is_newest(worker, fork));
	if (is_newest(worker, fork) && crew__deque_take_newest(&worker->deque))
		return true;
	crew__waiter_init(&wait.waiter, false);
	crew__park(&wait.waiter, announce, &wait, CREW_NEVER, "fork join");
	return false;
}

void crew__fork_run(struct crew__worker *worker, const struct crew__slot *slot)
{
	struct crew_scope *scope = (struct crew_scope *)(slot->group & ~CREW__SLOT_BITS);
	struct crew_fork *fork = slot->arg;
	struct crew__fiber *fiber = worker->fiber;
	const struct crew_fork_kind *kind = (const void *)slot->site;
	struct crew__parker *parker;
	uint64_t before;

	crew__join_flush(worker);
	fiber->epoch = 0;
	crew__task_begin(worker, scope, kind->site);
	crew__call_task(kind->run, fork);
	crew__task_returned(fiber, scope, kind->site);
	if (crew__unlikely(fiber->pending))
		crew__pending_drop(fiber); /* the forker is on another fiber */
	crew__task_end(fiber);
	before = crew__exchange_acq_rel(&fork->state, DONE); /* pairs: fork.state; F2 */
	if (!(before & PUT) && crew__grant((struct crew__waiter *)(uintptr_t)before, &parker))
		crew__ready(parker);
}
