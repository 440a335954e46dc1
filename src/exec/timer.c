/* SPDX-License-Identifier: MIT */
/* timer.c - see timer.h. The heap's lock is the lot of park.h's protocol. */
#include "exec/timer.h"

#include "base/assert.h"
#include "base/list.h"
#include "exec/deadline.h"
#include "exec/worker.h"

struct sleeper {
	struct crew__timer_entry entry;
	struct crew__waiter waiter;
};

/* pre: locked. Tells the thread when the first moment has come nearer. */
static void look_again(struct crew__timer *timer)
{
	crew__add32_acq_rel(&timer->changed, 1);
	crew__port_wake(&timer->changed, 1);
}

/* pre: locked. */
static void insert(struct crew__timer *timer, struct crew__timer_entry *entry, crew_time when)
{
	crew__heap_insert(&timer->heap, &entry->node, when);
	if (when < timer->waits_until) {
		timer->waits_until = when;
		look_again(timer);
	}
}

/* pre: locked. */
static void take_out(struct crew__timer *timer, struct crew__timer_entry *entry)
{
	if (crew__heap_contains(&timer->heap, &entry->node))
		crew__heap_remove(&timer->heap, &entry->node);
}

#define WAKE_BATCH 64

/* What is due: sleepers that are woken, up to a deadline. */
struct due {
	unsigned count;
	struct crew__parker *won[WAKE_BATCH];
	struct crew_scope *struck;
};

/* pre: locked. False: there may be more. */
static bool take_due(struct crew__timer *timer, crew_time now, struct due *due)
{
	struct crew__heap_node *first;

	due->count = 0;
	due->struck = NULL;
	while ((first = crew__heap_first(&timer->heap)) && first->when <= now) {
		struct crew__timer_entry *entry =
			crew__container(first, struct crew__timer_entry, node);

		if (due->count == WAKE_BATCH)
			return false;
		crew__heap_remove(&timer->heap, first);
		if (entry->scope) {
			entry->struck = 1;
			due->struck = entry->scope;
			crew__lock_acquire(&timer->striking);
			return false;
		}
		/* lost: it was cancelled, and will find itself out of the heap */
		due->count += crew__grant(&crew__container(entry, struct sleeper, entry)->waiter,
					  &due->won[due->count]);
	}
	return true;
}

static void timer_main(void *opaque)
{
	struct crew__timer *timer = opaque;
	struct crew *crew = timer->crew;

	crew__lock_acquire(&timer->lock);
	while (!timer->stop) {
		struct due due;
		bool all = take_due(timer, crew__port_now(), &due);
		struct crew__heap_node *first = crew__heap_first(&timer->heap);
		crew_time until = first ? first->when : CREW_NEVER;
		crew_time look = first ? CREW_NEVER : crew__stuck_when(crew);
		uint32_t changed = crew__load32_relaxed(&timer->changed);

		timer->waits_until = until;
		crew__lock_release(&timer->lock);
		for (unsigned i = 0; i < due.count; i++)
			crew__ready(due.won[i]);
		if (due.struck) {
			struct crew__delivery delivery;

			crew__delivery_init(&delivery);
			crew__deadline_strike(due.struck, &delivery);
			crew__lock_release(&timer->striking);
			crew__delivery_end(&delivery);
		}
		if (all && !crew__port_wait(&timer->changed, changed, first ? until : look) &&
		    !first)
			crew__stuck_look(crew);
		crew__lock_acquire(&timer->lock);
	}
	crew__lock_release(&timer->lock);
}

int crew__timer_start(struct crew__timer *timer, struct crew *crew, const char *name)
{
	*timer = (struct crew__timer){ .waits_until = CREW_NEVER, .crew = crew };
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

static void unlock_own(void *lot)
{
	crew__lock_release(lot);
}

/* Only a cancellation ends it: the heap need not know. The lot is its own. */
static int sleep_for_ever(const char *reason)
{
	struct crew__lock lot = { .word = { 0 } };
	struct crew__waiter waiter;

	crew__waiter_init(&waiter, true);
	crew__lock_acquire(&lot);
	crew__park(&waiter, unlock_own, &lot, CREW_NEVER, reason);
	crew__lock_acquire(&lot); /* the hook may still hold it (park.h P4) */
	crew__lock_release(&lot);
	return CREW_ECANCELED;
}

int crew__timer_sleep(struct crew__timer *timer, crew_time when, const char *reason)
{
	struct sleeper sleeper = { .entry = { .scope = NULL } };

	if (when == CREW_NEVER)
		return sleep_for_ever(reason);
	crew__waiter_init(&sleeper.waiter, true);
	crew__lock_acquire(&timer->lock);
	insert(timer, &sleeper.entry, when);
	if (crew__park(&sleeper.waiter, unlock_timer, timer, CREW_NEVER, reason))
		return 0;
	crew__lock_acquire(&timer->lock);
	take_out(timer, &sleeper.entry);
	crew__lock_release(&timer->lock);
	return CREW_ECANCELED;
}

/* ---- deadlines ------------------------------------------------------------------ */

void crew__timer_move(struct crew__timer *timer, struct crew__timer_entry *entry, crew_time when)
{
	crew__lock_acquire(&timer->lock);
	take_out(timer, entry);
	if (when != CREW_NEVER)
		insert(timer, entry, when);
	crew__lock_release(&timer->lock);
}

void crew__timer_forget(struct crew__timer *timer, struct crew__timer_entry *entry)
{
	bool struck;

	crew__lock_acquire(&timer->lock);
	take_out(timer, entry);
	struck = entry->struck;
	crew__lock_release(&timer->lock);
	if (struck) {
		crew__lock_acquire(&timer->striking);
		crew__lock_release(&timer->striking);
	}
}
