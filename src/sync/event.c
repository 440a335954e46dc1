/* SPDX-License-Identifier: MIT */
/*
 * event.c - set once, over a lot (lot.h). The word is 0, CREW__WAITED, or SET; it is set
 * by a compare-exchange, and with somebody in line under the lot's lock, T6.
 *
 * GUARDED BY tests/model/event.c, tests/api/event.c.
 */
#include "sync/select.h"

#define SET UINT64_C(2)

/* False: there is nobody any more. */
static bool set_in_line(struct crew_event *event)
{
	struct crew_lot *lot = &event->private_.lot;
	bool waited;

	crew__lot_enter(lot);
	waited = crew__load_relaxed(&event->private_.word) & CREW__WAITED;
	if (waited) {
		crew__lot_end_all(lot, &lot->private_.queue, 0);
		crew__store_release(&event->private_.word, SET); /* pairs: lot.word */
	}
	crew__lot_leave(lot);
	return waited;
}

void crew_event_set(struct crew_event *event)
{
	uint64_t word = 0;

	/* pairs: lot.word. LAST TOUCH when it succeeds */
	while (!crew__cas_acq_rel(&event->private_.word, &word, SET)) {
		if (word & SET || set_in_line(event))
			return;
		word = 0;
	}
}

bool crew_event_is_set(const struct crew_event *event)
{
	return crew__load_acquire(&event->private_.word) & SET; /* pairs: lot.word */
}

/* pre of these: the lot is locked. Is it set? If not, who sets it comes through the lot. */
static bool event_is_waited_for(struct crew_event *event)
{
	uint64_t word = 0;

	/* (it may be waited for already) */
	crew__cas_acq_rel(&event->private_.word, &word, CREW__WAITED); /* pairs: lot.word */
	return !(word & SET);
}

/* Somebody has left the line. T5 */
static void event_is_left(struct crew_event *event)
{
	uint64_t word = CREW__WAITED;

	if (!event->private_.lot.private_.queue.first)
		crew__cas_acq_rel(&event->private_.word, &word, 0);
}

int crew_event_wait(struct crew_event *event)
{
	struct crew__caller caller = crew__caller();
	int rc = crew__caller_check(&caller);
	struct crew__wait frame;
	struct crew__wait *wait;

	if (rc || crew_event_is_set(event))
		return rc;
	wait = crew__wait_among_many(&frame, 0, true);
	crew__lot_enter(&event->private_.lot);
	if (!event_is_waited_for(event)) {
		crew__lot_leave(&event->private_.lot);
		crew__wait_drop(wait);
		return 0;
	}
	if (crew__lot_wait(&event->private_.lot, &event->private_.lot.private_.queue, wait,
			   "event"))
		return 0;
	event_is_left(event);
	crew__lot_leave(&event->private_.lot);
	return CREW_ECANCELED;
}

/* ---- as a case of a select ---------------------------------------------------------- */

static struct crew_lot *event_begin(struct crew_case *one)
{
	return &((struct crew_event *)one->on)->private_.lot;
}

static enum crew__try event_try(struct crew_case *one, struct crew__aside *aside)
{
	(void)aside;
	return event_is_waited_for(one->on) ? CREW__TRY_WAIT :
					      crew__deal_done(&crew__case_of(one)->deal, 0);
}

static struct crew_lot_queue *event_queue(struct crew_case *one)
{
	return &((struct crew_event *)one->on)->private_.lot.private_.queue;
}

static void event_give_up(struct crew_case *one)
{
	event_is_left(one->on);
}

const struct crew__selectable crew__selectable_event = { event_begin, event_try, event_queue,
							 event_give_up, NULL };

/* ---- the rest of the face ------------------------------------------------------------- */

void crew_event_read_stats(const struct crew_event *event, struct crew_event_stats *stats)
{
	struct crew_event *locked = (struct crew_event *)(uintptr_t)event;
	struct crew_event_stats now = { .size = sizeof(now) };

	crew__lot_enter(&locked->private_.lot);
	now.waiting = crew__queue_count(&event->private_.lot.private_.queue);
	now.set = crew_event_is_set(event);
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_event_fini(struct crew_event *event)
{
	crew__lot_fini(&event->private_.lot, "an event is given up while somebody waits for it");
}
