/* SPDX-License-Identifier: MIT */
/*
 * worker.c - the loop that every fiber runs at its bottom, and the switch from
 * one fiber to another.
 *
 * A worker is a thread that stands on some fiber. The loop takes a task and calls
 * it. If the task parks, its fiber is set aside, loop and all, and the worker goes
 * on with a ready fiber or with its reserve, whose loop begins, or goes on, there.
 * When the task has returned, the loop below it goes on as the loop of whatever
 * worker runs it by then: it asks who it is after every task. A loop that finds a
 * ready fiber gives its own fiber to the pool and switches; whoever takes that
 * fiber later goes on right there.
 *
 * THE RESERVE (R11). While a worker runs a task it owns a fiber to go on with, so
 * that no wait fails for memory. A loop without one only resumes ready fibers.
 *
 * TSan sees each fiber as a thread of its own that a switch does not order; what one
 * worker does, on whatever fibers, is ordered by being one thread, and it is told so.
 * A fiber that goes from worker to worker is ordered by the queue that it goes through,
 * which TSan checks.
 *
 * THE HOOK. What must happen once the registers of the fiber that is left are
 * saved (publish it, give it to the pool) is done by the far side of the switch,
 * first of all. The far side is a loop that begins, or code behind its own switch.
 *
 * ORDER OF WORK (next_work): a task of our own when 31 ready fibers in a row came
 * before it; injected work every 61st time, and when a join has parked for it, but no
 * more tasks of it before those that came last; ready fibers, first in first out; the
 * newest of our own tasks; injected work; then others' (idle.c). So a ready fiber waits
 * for a bounded number of slices of this worker, and so does a task.
 */
#include "exec/worker.h"

#include "base/assert.h"
#include "base/random.h"
#include "exec/fork.h"
#include "exec/join.h"

/* ---- switching ----------------------------------------------------------- */

static void go_on(const struct crew__waiter *waiter)
{
	struct crew__parker *parker;

	if (crew__grant(waiter, &parker))
		crew__ready(parker);
}

void crew__fiber_waits(struct crew__fiber *fiber)
{
	const struct crew__waiter *waiter = fiber->until_wait;

	fiber->until_wait = NULL;
	if (waiter)
		go_on(waiter);
}

/* Somebody waits for the fiber that was left to wait. It may run, and wait, again as soon as
 * the hook has published it; before that its lot is locked. */
static __attribute__((noinline)) void run_hook_and_tell(struct crew__worker *worker)
{
	const struct crew__waiter *waiter = worker->left->until_wait;

	worker->left->until_wait = NULL;
	worker->after(worker, worker->left, worker->after_arg);
	go_on(waiter);
}

/* always inlined: one instruction less for each switch */
static inline __attribute__((always_inline)) void run_hook(struct crew__worker *worker)
{
	crew__tsan_acquire(worker);
	if (crew__unlikely(worker->left->until_wait))
		run_hook_and_tell(worker);
	else
		worker->after(worker, worker->left, worker->after_arg);
}

void crew__worker_switch(struct crew__worker *worker, struct crew__fiber *to,
			 void (*after)(struct crew__worker *, struct crew__fiber *, void *),
			 void *arg)
{
	struct crew__fiber *from = worker->fiber;
	struct crew__cxx cxx = *worker->cxx;
	int error = *worker->error;

	crew__count(&worker->counters.switches, 1);
	worker->left = from;
	worker->after = after;
	worker->after_arg = arg;
	worker->fiber = to;
	crew__fork_tenure(worker, to);
	to->worker = worker;
	if (CREW__HARD)
		to->passed = 0;
	crew__tsan_release(worker);
	crew__context_switch(&from->context, &to->context);
	/* perhaps another thread: nothing read before the switch is asked again */
	worker = crew__self();
	run_hook(worker);
	*worker->cxx = cxx;
	*worker->error = error;
}

static void give_back(struct crew__worker *worker, struct crew__fiber *left, void *arg)
{
	(void)arg;
	if (worker->reserve)
		crew__fiber_give(worker, left);
	else
		worker->reserve = left;
}

/* HARD: a fiber goes on at another worker than before, unless nobody comes for it. */
#define HARD_PASSES 4

static bool pass_on(struct crew__worker *worker, struct crew__fiber *fiber)
{
	if (fiber->worker != worker || fiber->pinned || worker->crew->worker_count == 1 ||
	    fiber->passed == HARD_PASSES || !crew__hard(worker))
		return false;
	fiber->passed++;
	crew__inject_put(&worker->crew->inject, &fiber->injected);
	crew__idle_injected(worker->crew);
	for (int turn = 0; turn < 20; turn++)
		crew__spin_hint();
	return true;
}

static struct crew__fiber *take_pinned(struct crew__worker *worker)
{
	struct crew__fiber *fiber;

	crew__lock_acquire(&worker->pinned_lock);
	fiber = worker->pinned_first;
	if (fiber) {
		worker->pinned_first = fiber->next;
		if (!worker->pinned_first)
			worker->pinned_last = &worker->pinned_first;
		crew__store_release(&worker->pinned_count,
				    crew__load_relaxed(&worker->pinned_count) - 1);
	}
	crew__lock_release(&worker->pinned_lock);
	return fiber;
}

/*
 * Fibers that have waited for long lie in no cache, and the pages of their stacks in no TLB. While
 * one runs, those that come after it are made ready in steps: of one its header is fetched, of
 * a nearer one the page of its stack is found, and of a nearer one still what its stack touches
 * first is fetched. They may run elsewhere by then: hints, and the stack pointer may be any.
 */
static inline void look_ahead(const struct crew__ring *ring)
{
#if !defined(CREW_SIM) && !defined(CREW__TSAN)
	const struct crew__fiber *fiber = crew__ring_ahead(ring, 3);

	if (crew__likely(!fiber))
		return;
	for (int line = 0; line < 8; line++)
		__builtin_prefetch((const char *)fiber->context.sp + (ptrdiff_t)line * 64);
	if ((fiber = crew__ring_ahead(ring, 6)))
		__builtin_prefetch(fiber->context.sp);
	if ((fiber = crew__ring_ahead(ring, 9))) {
		__builtin_prefetch(fiber);
		__builtin_prefetch(&fiber->crew);
		__builtin_prefetch(&fiber->task);
	}
#else
	(void)ring;
#endif
}

static inline struct crew__fiber *take_from_ring(struct crew__worker *worker)
{
	struct crew__fiber *fiber;

	/* until the ring is empty: whoever searches does not look there again */
	do
		fiber = crew__ring_pop(&worker->ring);
	while (CREW__HARD && fiber && pass_on(worker, fiber));
	return fiber;
}

/* Some are pinned: in turns, or the one queue would starve the other. */
static __attribute__((noinline)) struct crew__fiber *take_in_turns(struct crew__worker *worker)
{
	bool pinned_first = worker->tick & 1;
	struct crew__fiber *fiber = pinned_first ? take_pinned(worker) : NULL;

	if (!fiber)
		fiber = take_from_ring(worker);
	return fiber || pinned_first ? fiber : take_pinned(worker);
}

/* A ready fiber, or NULL. */
static inline struct crew__fiber *take_ready(struct crew__worker *worker)
{
	struct crew__fiber *fiber = crew__unlikely(crew__load_acquire(&worker->pinned_count)) ?
					    take_in_turns(worker) :
					    take_from_ring(worker);

	if (fiber) {
		worker->streak++;
		look_ahead(&worker->ring);
	}
	return fiber;
}

/* The same if it is the turn of one. If not the loop decides. */
static inline struct crew__fiber *next_ready(struct crew__worker *worker)
{
	if ((worker->tick + 1) % CREW__INJECT_PERIOD == 0 || worker->streak >= CREW__READY_STREAK)
		return NULL;
	worker->tick++;
	return take_ready(worker);
}

static struct crew__fiber *take_reserve(struct crew__worker *worker)
{
	struct crew__fiber *fiber = worker->reserve;

	worker->reserve = NULL;
	crew__assert(fiber);
	return fiber;
}

struct crew__fiber *crew__worker_next(struct crew__worker *worker)
{
	struct crew__fiber *fiber;

	crew__join_flush(worker);
	fiber = next_ready(worker);
	return fiber ? fiber : take_reserve(worker);
}

static void ready_pinned(struct crew__worker *worker, struct crew__worker *pinned,
			 struct crew__fiber *fiber)
{
	fiber->next = NULL;
	crew__lock_acquire(&pinned->pinned_lock);
	*pinned->pinned_last = fiber;
	pinned->pinned_last = &fiber->next;
	crew__store_release(&pinned->pinned_count, crew__load_relaxed(&pinned->pinned_count) + 1);
	crew__lock_release(&pinned->pinned_lock);
	crew__fence_after_rmw(); /* it is marked, or whoever takes the mark back sees the count */
	crew__attend(pinned, CREW__LOOK);
	if (pinned != worker)
		crew__idle_poke(pinned);
}

/* It has no place in the ring: it is pinned, or the ring is full. */
static __attribute__((noinline)) void ready_beside(struct crew__worker *worker,
						   struct crew__fiber *fiber)
{
	struct crew *crew = fiber->crew;

	if (fiber->pinned) {
		ready_pinned(worker, fiber->pinned, fiber);
		return;
	}
	crew__inject_put(&crew->inject, &fiber->injected);
	crew__idle_injected(crew);
}

static __attribute__((noinline)) void ready_elsewhere(struct crew__worker *worker,
						      struct crew__fiber *fiber)
{
	struct crew *crew = fiber->crew;

	if (worker)
		crew__count(&worker->counters.wakes, 1);
	/* As soon as the fiber is queued its crew may run it to the end, and stop: it waits
	 * for whoever is counted here. */
	crew__add32_acq_rel(&crew->callers, 1);
	ready_beside(worker, fiber);
	crew__add32_acq_rel(&crew->callers, (uint32_t)-1); /* LAST TOUCH */
}

/* After a fiber was put into the ring. */
static __attribute__((noinline)) void tell_of_ready(struct crew__worker *worker, uint64_t bits)
{
	crew__attend(worker, CREW__LOOK);
	if (bits & CREW__HUNGER || (bits & CREW__NAPPER && crew__ring_count(&worker->ring) > 1))
		crew__idle_pushed(worker);
}

/* A fiber of the worker's crew, by the worker. */
static inline void ready_here(struct crew__worker *worker, struct crew__fiber *fiber)
{
	uint64_t bits;

	crew__count(&worker->counters.wakes, 1);
	if (crew__unlikely(fiber->pinned || !crew__ring_push(&worker->ring, fiber))) {
		ready_beside(worker, fiber);
		return;
	}
	if (crew__unlikely(worker->deque.fences))
		crew__fence_seq_cst();
	else
		crew__compiler_barrier(); /* pairs: idle.hunger */
	bits = crew__load_relaxed(&worker->deque.attention);
	if (crew__unlikely((bits & (CREW__HUNGER | CREW__NAPPER | CREW__LOOK)) != CREW__LOOK))
		tell_of_ready(worker, bits);
}

void crew__fiber_ready(struct crew__fiber *fiber)
{
	struct crew__worker *worker = crew__self();

	if (crew__likely(worker && worker->crew == fiber->crew))
		ready_here(worker, fiber);
	else
		ready_elsewhere(worker, fiber);
}

static void put_back(struct crew__worker *worker, struct crew__fiber *left, void *arg)
{
	(void)arg;
	ready_here(worker, left);
}

/* No ready fiber, or not the turn of one. */
static __attribute__((noinline)) void yield_to_loop(struct crew__worker *worker)
{
	if (!crew__ring_count(&worker->ring) && !crew__load_acquire(&worker->pinned_count)) {
		if (!crew__deque_count(&worker->deque) && crew__inject_empty(&worker->crew->inject))
			return;
		/* tasks, but no fiber: the loop must take a task before it takes us */
		worker->streak = CREW__READY_STREAK;
	}
	crew__worker_switch(worker, take_reserve(worker), put_back, NULL);
}

void crew__worker_yield(struct crew__worker *worker)
{
	struct crew__fiber *fiber;

	crew__join_flush(worker);
	fiber = next_ready(worker);
	if (crew__likely(fiber != NULL))
		crew__worker_switch(worker, fiber, put_back, NULL);
	else
		yield_to_loop(worker);
}

bool crew__worker_must_park(struct crew__worker *worker)
{
	/* HARD: every other child is left to the loops, where others may steal it */
	if (CREW__HARD && worker->crew->worker_count > 1 && crew__hard(worker) &&
	    crew__random_below(&worker->random, 2))
		return true;
	for (int turn = 0; turn < 2; turn++) {
		if (crew__ring_count(&worker->ring) || crew__load_acquire(&worker->pinned_count) ||
		    !crew__inject_empty(&worker->crew->inject))
			return true;
		if (turn == 0) {
			crew__and_acq_rel(&worker->deque.attention, ~(uint64_t)CREW__LOOK);
			crew__fence_seq_cst();
		}
	}
	return false;
}

/* ---- the loop ------------------------------------------------------------ */

/* Tasks that came before are run before more come: a worker that hoards keeps them from
 * the others, and from its cache. */
static bool has_use_for_tasks(const struct crew__worker *worker)
{
	uint32_t count = crew__deque_count(&worker->deque);

	return count == 0 ||
	       ((int32_t)(worker->tick - worker->stocked) >= 0 &&
		count < CREW__DEQUE_SLOTS - CREW__OVERFLOW_BATCH - CREW__INJECT_BATCH);
}

enum crew__find crew__worker_take_injected(struct crew__worker *worker, struct crew__fiber **fiber)
{
	struct crew *crew = worker->crew;
	bool tasks = has_use_for_tasks(worker);
	uint64_t batch;
	uint64_t got = 0;

	if (!crew__inject_waits(&crew->inject, tasks) || !crew__lock_try(&crew->inject.lock))
		return CREW__FIND_NOTHING;
	batch = crew__inject_count(&crew->inject) / crew->worker_count + 1;
	if (batch > CREW__INJECT_BATCH)
		batch = CREW__INJECT_BATCH;
	while (got < batch) {
		struct crew__injected *what = crew__inject_take(&crew->inject, tasks);

		if (!what)
			break;
		got += 1 + what->more;
		if (what->is_fiber) {
			*fiber = crew__container(what, struct crew__fiber, injected);
			if (CREW__HARD && pass_on(worker, *fiber)) {
				*fiber = NULL;
				continue;
			}
			if (!crew__ring_push(&worker->ring, *fiber))
				break; /* full: this one runs now */
			*fiber = NULL;
			crew__attend(worker, CREW__LOOK);
		} else {
			worker->stocked = worker->tick + (uint32_t)got;
			crew__record_open(worker, what);
		}
	}
	crew__lock_release(&crew->inject.lock);
	if (got) {
		crew__trace(&worker->trace, CREW__TRACE_INJECT, got);
		crew__idle_tell(worker);
		if (!crew__inject_empty(&crew->inject))
			crew__idle_injected(crew);
	}
	return *fiber ? CREW__FIND_FIBER : got ? CREW__FIND_LOOK : CREW__FIND_NOTHING;
}

static enum crew__find next_work(struct crew__worker *worker, struct crew__slot *slot,
				 struct crew__fiber **fiber)
{
	if (!worker->reserve)
		worker->reserve = crew__fiber_take(worker);
	/* a join may have parked for the sake of what was injected (LOOK) */
	*fiber = NULL;
	if (worker->streak >= CREW__READY_STREAK) {
		worker->streak = 0;
		if (worker->reserve && crew__deque_pop(&worker->deque, slot))
			return CREW__FIND_TASK;
	}
	if ((++worker->tick % CREW__INJECT_PERIOD == 0 ||
	     ((crew__load_relaxed(&worker->deque.attention) & CREW__LOOK) &&
	      crew__ring_count(&worker->ring) <= CREW__RING_SLOTS - CREW__INJECT_BATCH)) &&
	    crew__inject_waits(&worker->crew->inject, has_use_for_tasks(worker)) &&
	    crew__worker_take_injected(worker, fiber) == CREW__FIND_FIBER)
		return CREW__FIND_FIBER;
	/* HARD: others' tasks come first, in every other slice */
	if (CREW__HARD && worker->reserve && worker->tick & 1 && crew__hard(worker) &&
	    crew__idle_steal(worker, slot))
		return CREW__FIND_TASK;
	if ((*fiber = take_ready(worker)))
		return CREW__FIND_FIBER;
	if (worker->reserve && crew__deque_pop(&worker->deque, slot))
		return CREW__FIND_TASK;
	return crew__worker_take_injected(worker, fiber);
}

static void leave_for_good(struct crew__worker *worker)
{
	struct crew__fiber *fiber = worker->fiber;

	worker->left = fiber;
	crew__tsan_release(worker);
	crew__context_switch(&fiber->context, &worker->base);
}

void crew__worker_loop(void *opaque)
{
	struct crew__worker *worker = crew__self();
	struct crew__fiber *own;

	(void)opaque;
	crew__tsan_acquire(worker);
	own = worker->fiber;
	crew__context_entered(worker->left ? &worker->left->context : &worker->base);
	if (worker->left)
		run_hook(worker);
	/* no task that begins here is inside of another one's handler (R5) */
	*worker->cxx = (struct crew__cxx){ NULL, 0 };
	for (;;) {
		struct crew__slot slot = { 0 }; /* with LTO gcc thinks it could be read unset */
		struct crew__fiber *fiber = NULL;
		enum crew__find found;

		worker = crew__self();
		crew__assert(worker->fiber == own);
		found = next_work(worker, &slot, &fiber);
		if (found == CREW__FIND_NOTHING) {
			if (worker->done_count) {
				/* this may make an owner ready: here */
				crew__join_flush(worker);
				continue;
			}
			found = crew__idle_find(worker, &slot, &fiber);
		}
		switch (found) {
		case CREW__FIND_TASK:
			crew__join_run(worker, &slot);
			break;
		case CREW__FIND_FIBER:
			crew__join_flush(worker);
			crew__worker_switch(worker, fiber, give_back, NULL);
			break;
		case CREW__FIND_END:
			leave_for_good(worker);
			break;
		case CREW__FIND_NOTHING:
		case CREW__FIND_LOOK:
			break;
		}
	}
}

void crew__worker_main(void *opaque)
{
	struct crew__worker *worker = opaque;
	struct crew__fiber *first = worker->reserve;
	void *fault_stack = crew__overflow_begin();

	crew__self_set(worker);
	worker->error = crew__self_errno();
	worker->cxx = crew__cxx_here();
	if (!worker->cxx)
		worker->cxx = &worker->no_cxx;
	crew__context_init_thread(&worker->base);
	worker->reserve = NULL;
	worker->left = NULL;
	worker->fiber = first;
	crew__fork_tenure(worker, first);
	first->worker = worker;
	crew__tsan_release(worker);
	crew__context_switch(&worker->base, &first->context);
	crew__tsan_acquire(worker);
	crew__self_set(NULL);
	crew__overflow_end(fault_stack);
}
