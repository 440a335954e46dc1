/* SPDX-License-Identifier: MIT */
/*
 * fibers.c - stacks and their headers.
 *
 * Stacks come in slabs of one mapping; each has a guard at its lower end. Memory
 * is touched as it is used. Headers lie in an array beside the slab, never on the
 * stack: a canceller or a dump may look at one at any time.
 *
 * A free fiber is warm (its stack has memory, and its loop is suspended in it,
 * ready to go on) or cold (no memory, it must be begun anew). Each worker keeps
 * some warm ones, last in first out: the next one to use is the one whose memory
 * is in the cache. What is above that goes to a common list, half a cache at a
 * time. A worker that has nothing else to do cools what is above a mark.
 *
 * Header 0 of each slab is made with the slab; no fiber is ever unmade before the
 * crew ends.
 */
#include "exec/worker.h"

#include "base/assert.h"

#include <string.h>

struct crew__fiber_slab {
	char *stacks;
	struct crew__fiber *headers;
};

_Static_assert(CREW__SLAB_FIBERS % CREW__GUARD_BATCH == 0, "guards of one slab at a time");

struct crew__lock crew__edges CREW__STATE;

static size_t slab_headers_bytes(void)
{
	return CREW__SLAB_FIBERS * sizeof(struct crew__fiber);
}

int crew__fibers_init(struct crew *crew, size_t stack_bytes)
{
	struct crew__fibers *fibers = &crew->fibers;
	size_t page = crew__port_page_bytes();

	*fibers = (struct crew__fibers){ .guard_bytes = page };
	fibers->stack_bytes = (stack_bytes + page - 1) / page * page + fibers->guard_bytes;
	fibers->slabs = crew__port_map(CREW__SLABS_MAX * sizeof(*fibers->slabs));
	return fibers->slabs ? 0 : CREW_ENOMEM;
}

void crew__fibers_fini(struct crew *crew)
{
	struct crew__fibers *fibers = &crew->fibers;
	uint64_t made = crew__load_relaxed(&fibers->made);

	/* who follows a path may just have been at one of ours */
	crew__lock_acquire(&crew__edges);
	crew__lock_release(&crew__edges);
	for (uint64_t i = 0; i < made; i++)
		crew__context_fini(&crew__fiber_at(crew, i)->context);
	for (uint32_t i = 0; i < fibers->slab_count; i++) {
		crew__port_unmap(fibers->slabs[i].stacks, CREW__SLAB_FIBERS * fibers->stack_bytes);
		crew__port_unmap(fibers->slabs[i].headers, slab_headers_bytes());
	}
	if (fibers->slabs)
		crew__port_unmap(fibers->slabs, CREW__SLABS_MAX * sizeof(*fibers->slabs));
	fibers->slabs = NULL;
}

struct crew__fiber *crew__fiber_at(const struct crew *crew, uint64_t index)
{
	/* pairs: fibers.made */
	if (index >= crew__load_acquire(&crew->fibers.made))
		return NULL;
	return &crew->fibers.slabs[index / CREW__SLAB_FIBERS].headers[index % CREW__SLAB_FIBERS];
}

/* pre: locked. One more slab. */
static bool add_slab(struct crew__fibers *fibers)
{
	struct crew__fiber_slab *slab = &fibers->slabs[fibers->slab_count];

	if (fibers->slab_count == CREW__SLABS_MAX)
		return false;
	slab->stacks = crew__port_map(CREW__SLAB_FIBERS * fibers->stack_bytes);
	if (!slab->stacks)
		return false;
	slab->headers = crew__port_map(slab_headers_bytes());
	if (!slab->headers) {
		crew__port_unmap(slab->stacks, CREW__SLAB_FIBERS * fibers->stack_bytes);
		return false;
	}
	fibers->slab_count++;
	return true;
}

/* pre: locked. A fiber that never was, or NULL. */
static struct crew__fiber *make_fiber(struct crew *crew)
{
	struct crew__fibers *fibers = &crew->fibers;
	uint64_t index = crew__load_relaxed(&fibers->made);
	struct crew__fiber_slab *slab;
	struct crew__fiber *fiber;
	char *low;

	if (index == (uint64_t)fibers->slab_count * CREW__SLAB_FIBERS && !add_slab(fibers))
		return NULL;
	slab = &fibers->slabs[index / CREW__SLAB_FIBERS];
	low = slab->stacks + index % CREW__SLAB_FIBERS * fibers->stack_bytes;
	if (index == fibers->guarded) /* each in a call of its own took a fifth of a first wait */
		fibers->guarded +=
			crew__port_guard(low, fibers->guard_bytes, fibers->stack_bytes,
					 CREW__GUARD_BATCH - (unsigned)(index % CREW__GUARD_BATCH));
	if (index == fibers->guarded)
		return NULL;
	fiber = &slab->headers[index % CREW__SLAB_FIBERS];
	fiber->injected.is_fiber = true;
	fiber->crew = crew;
	fiber->fresh = true;
	fiber->context.low = low + fibers->guard_bytes;
	fiber->context.high = low + fibers->stack_bytes;
	fiber->room =
		(uintptr_t)fiber->context.low + (fibers->stack_bytes - fibers->guard_bytes) / 2;
	crew__store_release(&fibers->made, index + 1); /* pairs: fibers.made */
	return fiber;
}

/* pre: locked */
static struct crew__fiber *pop_list(struct crew__fiber **list, struct crew_word *count)
{
	struct crew__fiber *fiber = *list;

	if (fiber) {
		*list = fiber->next;
		crew__store_relaxed(count, crew__load_relaxed(count) - 1);
	}
	return fiber;
}

static void push_list(struct crew__fiber **list, struct crew_word *count, struct crew__fiber *fiber)
{
	fiber->next = *list;
	*list = fiber;
	crew__store_relaxed(count, crew__load_relaxed(count) + 1);
}

/* Its worker writes it, statistics read it. */
static void set_count(struct crew__worker *worker, uint64_t count)
{
	crew__show(&worker->fiber_count, count);
}

static void refill(struct crew__worker *worker)
{
	struct crew__fibers *fibers = &worker->crew->fibers;
	struct crew__fiber *fiber;

	crew__lock_acquire(&fibers->lock);
	while (crew__own(&worker->fiber_count) < (CREW__CACHE_FIBERS + 1) / 2 &&
	       (fiber = pop_list(&fibers->warm, &fibers->warm_count))) {
		fiber->next = worker->fibers;
		worker->fibers = fiber;
		set_count(worker, crew__own(&worker->fiber_count) + 1);
	}
	if (!worker->fibers) {
		fiber = pop_list(&fibers->cold, &fibers->cold_count);
		if (!fiber)
			fiber = make_fiber(worker->crew);
		if (fiber) {
			fiber->next = NULL;
			worker->fibers = fiber;
			set_count(worker, 1);
		}
	}
	crew__lock_release(&fibers->lock);
}

struct crew__fiber *crew__fiber_take(struct crew__worker *worker)
{
	struct crew__fiber *fiber;

	if (!worker->fibers)
		refill(worker);
	fiber = worker->fibers;
	if (!fiber)
		return NULL;
	worker->fibers = fiber->next;
	set_count(worker, crew__own(&worker->fiber_count) - 1);
	if (fiber->fresh) {
		fiber->fresh = false;
		crew__context_init(&fiber->context, fiber->context.low, fiber->context.high,
				   crew__worker_loop, worker->crew);
	}
	return fiber;
}

void crew__fiber_give(struct crew__worker *worker, struct crew__fiber *fiber)
{
	struct crew__fibers *fibers = &worker->crew->fibers;

	fiber->next = worker->fibers;
	worker->fibers = fiber;
	set_count(worker, crew__own(&worker->fiber_count) + 1);
	if (crew__own(&worker->fiber_count) <= CREW__CACHE_FIBERS)
		return;
	crew__lock_acquire(&fibers->lock);
	while (crew__own(&worker->fiber_count) > CREW__CACHE_FIBERS / 2) {
		fiber = worker->fibers;
		worker->fibers = fiber->next;
		set_count(worker, crew__own(&worker->fiber_count) - 1);
		push_list(&fibers->warm, &fibers->warm_count, fiber);
	}
	crew__lock_release(&fibers->lock);
}

bool crew__fibers_trim(struct crew *crew)
{
	struct crew__fibers *fibers = &crew->fibers;
	struct crew__fiber *fiber;

#ifdef CREW__ASAN
	return false; /* the frames of the suspended loop belong to a fake stack */
#endif
	if (crew__load_relaxed(&fibers->warm_count) <=
	    (uint64_t)CREW__WARM_FIBERS * crew->worker_count)
		return false;
	crew__lock_acquire(&fibers->lock);
	fiber = pop_list(&fibers->warm, &fibers->warm_count);
	crew__lock_release(&fibers->lock);
	if (!fiber)
		return false;
	crew__port_map_trim(fiber->context.low, (size_t)(fiber->context.high - fiber->context.low));
	fiber->fresh = true;
	crew__lock_acquire(&fibers->lock);
	push_list(&fibers->cold, &fibers->cold_count, fiber);
	crew__lock_release(&fibers->lock);
	return true;
}

uint64_t crew__fibers_free(const struct crew *crew)
{
	uint64_t count = crew__load_relaxed(&crew->fibers.warm_count) +
			 crew__load_relaxed(&crew->fibers.cold_count);

	for (uint32_t i = 0; i < crew->worker_count; i++)
		count += crew__load_relaxed(&crew->workers[i].fiber_count);
	return count;
}
