/* SPDX-License-Identifier: MIT */
/* timer.c - see timer.h. The heap's lock is the lot of park.h's protocol. */
#include "exec/timer.h"

#include "base/assert.h"
#include "base/list.h"

struct entry {
	struct crew__heap_node node;
	struct crew__waiter waiter;
};

/* pre: locked. Tells the thread when the first moment has come nearer. */
static void look_again(struct crew__timer *timer)
{
	crew__add32_acq_rel(&timer->changed, 1);
	crew__port_wake(&timer->changed, 1);
}

/* pre: locked. Takes out what is due, up to a handful; returns how many won. */
#define FIRE_BATCH 64

static unsigned take_due(struct crew__timer *timer, crew_time now,
			 struct crew__parker *won[FIRE_BATCH])
{
	unsigned count = 0;
	struct crew__heap_node *first;

	while (count < FIRE_BATCH && (first = crew__heap_first(&timer->heap)) &&
	       first->when <= now) {
		struct entry *entry = crew__container(first, struct entry, node);

		crew__heap_remove(&timer->heap, first);
		/* lost: it was cancelled, and will find itself out of the heap */
		count += crew__grant(&entry->waiter, &won[count]);
	}
	return count;
}

static void timer_main(void *opaque)
{
	struct crew__timer *timer = opaque;

	crew__lock_acquire(&timer->lock);
	while (!timer->stop) {
		struct crew__parker *won[FIRE_BATCH];
		unsigned count = take_due(timer, crew__port_now(), won);
		struct crew__heap_node *first = crew__heap_first(&timer->heap);
		crew_time until = first ? first->when : CREW_NEVER;
		uint32_t changed = crew__load32_relaxed(&timer->changed);

		timer->waits_until = until;
		crew__lock_release(&timer->lock);
		for (unsigned i = 0; i < count; i++)
			crew__ready(won[i]);
		if (count < FIRE_BATCH)
			crew__port_wait(&timer->changed, changed, until);
		crew__lock_acquire(&timer->lock);
	}
	crew__lock_release(&timer->lock);
}

int crew__timer_start(struct crew__timer *timer, const char *name)
{
	*timer = (struct crew__timer){ .waits_until = CREW_NEVER };
	return crew__port_thread_start(&timer->thread, timer_main, timer, name);
}

void crew__timer_stop(struct crew__timer *timer)
{
	crew__lock_acquire(&timer->lock);
	crew__assert(timer->heap.size == 0);
	timer->stop = true;
	look_again(timer);
	crew__lock_release(&timer->lock);
	crew__port_thread_join(timer->thread);
}

static void unlock_timer(void *opaque)
{
	struct crew__timer *timer = opaque;

	crew__lock_release(&timer->lock);
}

int crew__timer_sleep(struct crew__timer *timer, crew_time when)
{
	struct entry entry;

	crew__waiter_init(&entry.waiter, true);
	crew__lock_acquire(&timer->lock);
	crew__heap_insert(&timer->heap, &entry.node, when);
	if (when < timer->waits_until) {
		timer->waits_until = when;
		look_again(timer);
	}
	if (crew__park(&entry.waiter, unlock_timer, timer, CREW_NEVER, "sleep"))
		return 0;
	crew__lock_acquire(&timer->lock);
	if (crew__heap_contains(&timer->heap, &entry.node))
		crew__heap_remove(&timer->heap, &entry.node);
	crew__lock_release(&timer->lock);
	return CREW_ECANCELED;
}
