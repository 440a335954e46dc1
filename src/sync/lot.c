/* SPDX-License-Identifier: MIT */
/* lot.c - see lot.h. */
#include "sync/lot.h"

#include <stdio.h>

/* ---- queues ----------------------------------------------------------------- */

void crew__queue_append(struct crew_lot_queue *queue, struct crew__wait *wait)
{
	struct crew__wait *last = queue->last;

	wait->queue = queue;
	wait->next = NULL;
	wait->prev = last;
	if (last)
		last->next = wait;
	else
		queue->first = wait;
	queue->last = wait;
}

void crew__queue_prepend(struct crew_lot_queue *queue, struct crew__wait *wait)
{
	struct crew__wait *first = queue->first;

	wait->queue = queue;
	wait->next = first;
	wait->prev = NULL;
	if (first)
		first->prev = wait;
	else
		queue->last = wait;
	queue->first = wait;
}

void crew__queue_remove(struct crew__wait *wait)
{
	struct crew_lot_queue *queue = wait->queue;

	if (wait->prev)
		wait->prev->next = wait->next;
	else
		queue->first = wait->next;
	if (wait->next)
		wait->next->prev = wait->prev;
	else
		queue->last = wait->prev;
	wait->queue = NULL;
}

struct crew__wait *crew__queue_first(struct crew_lot_queue *queue)
{
	struct crew__wait *first;

	while ((first = queue->first) && crew__waiter_over(&first->waiter))
		crew__queue_remove(first); /* T4 */
	return first;
}

struct crew__wait *crew__queue_after(const struct crew__wait *wait)
{
	struct crew__wait *next = wait->next;

	while (next && crew__waiter_over(&next->waiter))
		next = next->next;
	return next;
}

uint64_t crew__queue_count(const struct crew_lot_queue *queue)
{
	uint64_t count = 0;

	for (const struct crew__wait *wait = queue->first; wait; wait = wait->next)
		count += !crew__waiter_over(&wait->waiter);
	return count;
}

/* ---- waiting and waking ------------------------------------------------------- */

bool crew__lot_forget(struct crew_lot *lot)
{
	lot->private_.forks = crew__forks;
	lot->private_.queue = lot->private_.woken = (struct crew_lot_queue){ .first = NULL };
	return false;
}

void crew__lot_leave(struct crew_lot *lot)
{
	struct crew__parker *woken = lot->private_.woken.first;

	lot->private_.woken.first = NULL;
	crew__lock_release(crew__lot_lock(lot)); /* T3 */
	crew__ready_all(woken);
}

static void leave_lot(void *lot)
{
	crew__lot_leave(lot);
}

bool crew__lot_wait(struct crew_lot *lot, struct crew_lot_queue *queue, struct crew__wait *wait,
		    const char *reason)
{
	crew__queue_append(queue, wait);
	return crew__lot_park(lot, wait, reason);
}

bool crew__lot_park(struct crew_lot *lot, struct crew__wait *wait, const char *reason)
{
	if (crew__park(&wait->waiter, leave_lot, lot, CREW_NEVER, reason))
		return true;
	crew__lot_enter(lot);
	if (wait->queue)
		crew__queue_remove(wait);
	return false;
}

static void add_woken(struct crew_lot *lot, struct crew__parker *parker)
{
	struct crew_lot_queue *woken = &lot->private_.woken;

	parker->woken = NULL;
	if (woken->first)
		((struct crew__parker *)woken->last)->woken = parker;
	else
		woken->first = parker;
	woken->last = parker;
}

bool crew__lot_end(struct crew_lot *lot, struct crew__wait *wait, int rc)
{
	struct crew__parker *parker;

	crew__queue_remove(wait);
	if (!crew__grant(&wait->waiter, &parker))
		return false;
	wait->rc = rc;
	wait->ended = true; /* by who has won, and before it goes on (P3) */
	add_woken(lot, parker);
	return true;
}

void crew__lot_let_go(struct crew_lot *lot, struct crew__wait *wait)
{
	struct crew__parker *parker;

	if (CREW__PARK_STATE(wait->waiter.expected) == CREW__FIRM &&
	    crew__make_loose(&wait->waiter, &parker))
		add_woken(lot, parker);
}

size_t crew__lot_end_all(struct crew_lot *lot, struct crew_lot_queue *queue, int rc)
{
	struct crew__wait *wait;
	size_t ended = 0;

	while ((wait = queue->first)) {
		if (wait->next)
			__builtin_prefetch(wait->next->waiter.parker, 1);
		ended += crew__lot_end(lot, wait, rc);
	}
	return ended;
}

/* ---- who waits ------------------------------------------------------------------ */

const char *crew__name_of(const struct crew__fiber *fiber)
{
	const char *name = NULL;

	if (!fiber)
		return "a plain thread";
	name = crew__shown_text(&fiber->name);
	if (!name)
		name = crew__shown_text(&fiber->site);
	return name ? name : "a task";
}

static const char *name_of_wait(const struct crew__wait *wait)
{
	const struct crew__parker *parker = wait->waiter.parker;

	return crew__name_of(
		parker->is_thread ? NULL : crew__container(parker, struct crew__fiber, parker));
}

void crew__queue_fini(const struct crew_lot_queue *queue, const char *sentence)
{
	const struct crew__wait *wait = queue->first;
	char list[256] = "";
	size_t used = 0;

	if (!wait)
		return;
	for (; wait && used < sizeof(list); wait = wait->next)
		used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", used ? ", " : "",
					 name_of_wait(wait));
	crew__fail(sentence, list, CREW_HERE);
}

void crew__lot_fini(struct crew_lot *lot, const char *sentence)
{
	crew__lot_enter(lot);
	crew__queue_fini(&lot->private_.queue, sentence);
	crew__lot_leave(lot);
}

/* ---- the public face --------------------------------------------------------------- */

void crew_lot_lock(struct crew_lot *lot)
{
	crew__lot_enter(lot);
}

void crew_lot_unlock(struct crew_lot *lot)
{
	crew__lot_leave(lot);
}

int crew_lot_wait(struct crew_lot *lot, crew_lot_fn *pass, void *arg, const char *reason)
{
	struct crew__caller caller = crew__caller();
	int rc = crew__caller_check(&caller);
	struct crew__wait wait;

	if (rc)
		return rc;
	crew__wait_prepare(&wait, (uint64_t)(uintptr_t)arg, true);
	crew__lot_enter(lot);
	if (pass && pass(arg)) {
		crew__lot_leave(lot);
		crew__wait_drop(&wait);
		return 0;
	}
	if (crew__lot_wait(lot, &lot->private_.queue, &wait, reason))
		return 0;
	crew__lot_leave(lot);
	return CREW_ECANCELED;
}

bool crew_lot_first(struct crew_lot *lot, void **arg)
{
	const struct crew__wait *first = crew__queue_first(&lot->private_.queue);

	if (first && arg)
		*arg = (void *)(uintptr_t)first->what;
	return first != NULL;
}

bool crew_lot_wake(struct crew_lot *lot)
{
	struct crew__wait *first = lot->private_.queue.first;

	return first && crew__lot_end(lot, first, 0);
}

size_t crew_lot_wake_all(struct crew_lot *lot)
{
	return crew__lot_end_all(lot, &lot->private_.queue, 0);
}

void crew_lot_read_stats(const struct crew_lot *lot, struct crew_lot_stats *stats)
{
	struct crew_lot *locked = (struct crew_lot *)(uintptr_t)lot;
	struct crew_lot_stats now = { .size = sizeof(now) };

	crew__lot_enter(locked);
	now.waiting = crew__queue_count(&lot->private_.queue);
	crew__lot_leave(locked);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_lot_fini(struct crew_lot *lot)
{
	crew__lot_fini(lot, "a lot is given up while somebody waits in it");
}
