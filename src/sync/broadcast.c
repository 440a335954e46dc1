/* SPDX-License-Identifier: MIT */
/*
 * broadcast.c - items for everybody, over a lot (lot.h).
 *
 * WORDS
 *	number		items are counted from 0 on; number n lies in place n % capacity
 *	position	of a subscriber: the number that it receives next
 *	needed		no position is below; moved up when a sender finds no place
 *
 * INVARIANTS (whenever the lot is unlocked; who is over does not count)
 *	W1  position <= next, of each subscriber that is open; these are the list.
 *	W2  Who waits with a subscriber waits for the item `next`.
 *	W3  A sender waits only while `next - capacity` is somebody's position.
 *	W4  What is closed has nobody in its lines.
 *
 * The deals of channels (channel.h) serve here as well: deal.end is the subscriber's word.
 *
 * GUARDED BY tests/model/broadcast.c, tests/api/broadcast.c.
 */
#include "sync/select.h"

#include "base/alloc.h"

#include "crew/broadcast.h"

#include <string.h>

static struct crew_broadcast *broadcast_of(const struct crew_word *end)
{
	/* pairs: channel.end */
	return (struct crew_broadcast *)(uintptr_t)crew__load_acquire(end);
}

static struct crew_subscriber *subscriber_of(struct crew_word *end)
{
	return crew__container(end, struct crew_subscriber, private_.broadcast);
}

static void *place_of(const struct crew_broadcast *broadcast, uint64_t number)
{
	return broadcast->private_.items +
	       number % broadcast->private_.capacity * broadcast->private_.item_bytes;
}

/* ---- with the lot locked -------------------------------------------------------------- */

static bool has_room(struct crew_broadcast *broadcast)
{
	const struct crew_subscriber *one;

	if (broadcast->private_.overflow == CREW_DROP_OLDEST ||
	    broadcast->private_.next - broadcast->private_.needed < broadcast->private_.capacity)
		return true;
	broadcast->private_.needed = broadcast->private_.next;
	for (one = broadcast->private_.subscribers; one; one = one->private_.next)
		if (one->private_.position < broadcast->private_.needed)
			broadcast->private_.needed = one->private_.position;
	return broadcast->private_.next - broadcast->private_.needed < broadcast->private_.capacity;
}

/* To those who wait, and kept for the others. */
static void put_item(struct crew_broadcast *broadcast, const void *item)
{
	uint64_t number = broadcast->private_.next++;
	struct crew__wait *next;

	memcpy(place_of(broadcast, number), item, broadcast->private_.item_bytes);
	for (struct crew__wait *wait = broadcast->private_.lot.private_.queue.first; wait;
	     wait = next) {
		const struct crew__deal *deal = crew__deal_of(wait);
		struct crew_subscriber *one = subscriber_of(deal->end);

		next = wait->next;
		if (one->private_.position == number &&
		    crew__lot_end(&broadcast->private_.lot, wait, 0)) {
			one->private_.position++;
			memcpy(deal->item, item, broadcast->private_.item_bytes);
		}
	}
}

/* Somebody is further: those who wait to send may be. W3 */
static void let_senders_in(struct crew_broadcast *broadcast)
{
	struct crew__wait *wait;

	while ((wait = crew__queue_first(&broadcast->private_.senders)) && has_room(broadcast)) {
		const struct crew__deal *deal = crew__deal_of(wait);

		if (crew__lot_end(&broadcast->private_.lot, wait, 0))
			put_item(broadcast, deal->item);
	}
}

static enum crew__try try_to_send(struct crew_broadcast *broadcast, struct crew__deal *deal)
{
	if (broadcast->private_.closed)
		return crew__deal_done(deal, CREW_ECLOSED);
	if (!has_room(broadcast))
		return CREW__TRY_WAIT;
	put_item(broadcast, deal->item);
	return crew__deal_done(deal, 0);
}

static enum crew__try try_to_receive(struct crew_broadcast *broadcast, struct crew__deal *deal)
{
	struct crew_subscriber *one = subscriber_of(deal->end);
	uint64_t behind = broadcast->private_.next - one->private_.position;

	if (!crew__load_relaxed(deal->end))
		return crew__deal_done(deal, CREW_ECLOSED);
	if (!behind)
		return broadcast->private_.closed ? crew__deal_done(deal, CREW_EEND) :
						    CREW__TRY_WAIT;
	if (behind > broadcast->private_.capacity) {
		behind -= broadcast->private_.capacity;
		one->private_.missed += behind;
		one->private_.position += behind;
	}
	memcpy(deal->item, place_of(broadcast, one->private_.position++),
	       broadcast->private_.item_bytes);
	let_senders_in(broadcast);
	return crew__deal_done(deal, 0);
}

/* ---- deals ------------------------------------------------------------------------------ */

typedef enum crew__try try_either(struct crew_broadcast *, struct crew__deal *);

static int try_broadcast(struct crew_broadcast *broadcast, struct crew__deal *deal, try_either *try)
{
	enum crew__try result;

	crew__lot_enter(&broadcast->private_.lot);
	result = try(broadcast, deal);
	crew__lot_leave(&broadcast->private_.lot);
	return result == CREW__TRY_WAIT ? CREW_EWOULDBLOCK : deal->wait.rc;
}

static int wait_in_broadcast(struct crew_broadcast *broadcast, struct crew__deal *deal,
			     try_either *try, struct crew_lot_queue *queue, const char *reason)
{
	struct crew_lot *lot = &broadcast->private_.lot;
	struct crew__caller caller = crew__caller();
	int rc = crew__caller_check(&caller);

	if (rc)
		return rc;
	crew__wait_prepare(&deal->wait, 0, true);
	crew__lot_enter(lot);
	if (try(broadcast, deal) == CREW__TRY_DONE) {
		crew__lot_leave(lot);
		crew__wait_drop(&deal->wait);
		return deal->wait.rc;
	}
	if (crew__lot_wait(lot, queue, &deal->wait, reason))
		return deal->wait.rc;
	crew__lot_leave(lot);
	return CREW_ECANCELED;
}

int crew_broadcast_send(struct crew_broadcast *broadcast, const void *item)
{
	struct crew__deal deal = { .item = (void *)(uintptr_t)item };

	return wait_in_broadcast(broadcast, &deal, try_to_send, &broadcast->private_.senders,
				 "broadcast, to send");
}

int crew_broadcast_send_nowait(struct crew_broadcast *broadcast, const void *item)
{
	struct crew__deal deal = { .item = (void *)(uintptr_t)item };

	return try_broadcast(broadcast, &deal, try_to_send);
}

int crew_subscriber_receive(struct crew_subscriber *subscriber, void *item)
{
	struct crew__deal deal = { .end = &subscriber->private_.broadcast, .item = item };
	struct crew_broadcast *broadcast = broadcast_of(deal.end);

	if (!broadcast)
		return CREW_ECLOSED;
	return wait_in_broadcast(broadcast, &deal, try_to_receive,
				 &broadcast->private_.lot.private_.queue, "broadcast, to receive");
}

int crew_subscriber_receive_nowait(struct crew_subscriber *subscriber, void *item)
{
	struct crew__deal deal = { .end = &subscriber->private_.broadcast, .item = item };
	struct crew_broadcast *broadcast = broadcast_of(deal.end);

	return broadcast ? try_broadcast(broadcast, &deal, try_to_receive) : CREW_ECLOSED;
}

/* ---- subscribers ---------------------------------------------------------------------- */

void crew_subscriber_open(struct crew_subscriber *subscriber, struct crew_broadcast *broadcast,
			  enum crew_from from)
{
	struct crew_subscriber *first;
	uint64_t next, kept;

	memset(subscriber, 0, sizeof(*subscriber));
	crew__lot_enter(&broadcast->private_.lot);
	first = broadcast->private_.subscribers;
	next = broadcast->private_.next;
	kept = next < broadcast->private_.capacity ? next : broadcast->private_.capacity;
	subscriber->private_.position = from == CREW_FROM_KEPT ? next - kept : next;
	if (subscriber->private_.position < broadcast->private_.needed)
		broadcast->private_.needed = subscriber->private_.position;
	subscriber->private_.next = first;
	if (first)
		first->private_.prev = subscriber;
	broadcast->private_.subscribers = subscriber;
	broadcast->private_.count++;
	/* pairs: channel.end */
	crew__store_release(&subscriber->private_.broadcast, (uint64_t)(uintptr_t)broadcast);
	crew__lot_leave(&broadcast->private_.lot);
}

/* pre: the lot is locked. */
static void unsubscribe(struct crew_broadcast *broadcast, struct crew_subscriber *one)
{
	struct crew_lot *lot = &broadcast->private_.lot;

	crew__shut_end(&one->private_.broadcast);
	crew__end_deals_of(lot, &lot->private_.queue, &one->private_.broadcast);
	if (one->private_.prev)
		one->private_.prev->private_.next = one->private_.next;
	else
		broadcast->private_.subscribers = one->private_.next;
	if (one->private_.next)
		one->private_.next->private_.prev = one->private_.prev;
	broadcast->private_.count--;
	let_senders_in(broadcast);
}

void crew_subscriber_close(struct crew_subscriber *subscriber)
{
	struct crew_broadcast *broadcast = broadcast_of(&subscriber->private_.broadcast);

	if (!broadcast)
		return;
	crew__lot_enter(&broadcast->private_.lot);
	if (crew__load_relaxed(&subscriber->private_.broadcast))
		unsubscribe(broadcast, subscriber);
	crew__lot_leave(&broadcast->private_.lot);
}

uint64_t crew_subscriber_missed(struct crew_subscriber *subscriber)
{
	return subscriber->private_.missed;
}

/* ---- the rest of the face ----------------------------------------------------------------- */

int crew_broadcast_init(struct crew_broadcast *broadcast, size_t item_bytes,
			const struct crew_broadcast_options *options)
{
	struct crew_broadcast_options room = { .size = sizeof(room) };
	size_t capacity;

	options = options ? CREW__OPTIONS(options, &room, reserved) : &room;
	memset(broadcast, 0, sizeof(*broadcast));
	broadcast->private_.closed = true;
	if (!options || !item_bytes || item_bytes > CREW_ITEM_MAX ||
	    (options->overflow != CREW_OVERFLOW_WAIT && options->overflow != CREW_DROP_OLDEST))
		return CREW_EINVAL;
	capacity = options->capacity ? options->capacity : 1;
	if (capacity > PTRDIFF_MAX / item_bytes)
		return CREW_ENOMEM;
	broadcast->private_.items = crew__alloc(capacity * item_bytes);
	if (!broadcast->private_.items)
		return CREW_ENOMEM;
	broadcast->private_.item_bytes = item_bytes;
	broadcast->private_.capacity = capacity;
	broadcast->private_.overflow = options->overflow;
	broadcast->private_.closed = false;
	return 0;
}

int crew_broadcast_read_latest(const struct crew_broadcast *broadcast, void *item)
{
	struct crew_broadcast *locked = (struct crew_broadcast *)(uintptr_t)broadcast;
	uint64_t next;

	crew__lot_enter(&locked->private_.lot);
	next = broadcast->private_.next;
	if (next)
		memcpy(item, place_of(broadcast, next - 1), broadcast->private_.item_bytes);
	crew__lot_leave(&locked->private_.lot);
	return next ? 0 : CREW_EEMPTY;
}

void crew_broadcast_close(struct crew_broadcast *broadcast)
{
	struct crew_lot *lot = &broadcast->private_.lot;

	crew__lot_enter(lot);
	broadcast->private_.closed = true;
	crew__lot_end_all(lot, &broadcast->private_.senders, CREW_ECLOSED);
	crew__lot_end_all(lot, &lot->private_.queue, CREW_EEND);
	crew__lot_leave(lot);
}

void crew_broadcast_read_stats(const struct crew_broadcast *broadcast,
			       struct crew_broadcast_stats *stats)
{
	struct crew_broadcast *locked = (struct crew_broadcast *)(uintptr_t)broadcast;
	struct crew_broadcast_stats now = { .size = sizeof(now) };

	crew__lot_enter(&locked->private_.lot);
	now.waiting_senders = crew__queue_count(&broadcast->private_.senders);
	now.waiting =
		now.waiting_senders + crew__queue_count(&broadcast->private_.lot.private_.queue);
	now.sent = broadcast->private_.next;
	now.subscribers = broadcast->private_.count;
	now.capacity = broadcast->private_.capacity;
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_broadcast_fini(struct crew_broadcast *broadcast)
{
	static const char sentence[] = "a broadcast is given up while somebody waits in it";

	crew__lot_enter(&broadcast->private_.lot);
	crew__queue_fini(&broadcast->private_.lot.private_.queue, sentence);
	crew__queue_fini(&broadcast->private_.senders, sentence);
	crew__free(broadcast->private_.items);
	broadcast->private_.items = NULL;
	broadcast->private_.closed = true;
	crew__lot_leave(&broadcast->private_.lot);
}

/* ---- as a case of a select ------------------------------------------------------------------ */

static struct crew_lot *subscriber_begin(struct crew_case *one)
{
	struct crew_broadcast *broadcast;

	crew__case_of(one)->deal.end = &((struct crew_subscriber *)one->on)->private_.broadcast;
	broadcast = broadcast_of(crew__case_of(one)->deal.end);
	return broadcast ? &broadcast->private_.lot : NULL;
}

static enum crew__try subscriber_try(struct crew_case *one, struct crew__aside *aside)
{
	struct crew_lot *lot = crew__case_of(one)->lot;

	(void)aside;
	return try_to_receive(crew__container(lot, struct crew_broadcast, private_.lot),
			      &crew__case_of(one)->deal);
}

static struct crew_lot_queue *subscriber_queue(struct crew_case *one)
{
	return &crew__case_of(one)->lot->private_.queue;
}

const struct crew__selectable crew__selectable_subscriber = { subscriber_begin, subscriber_try,
							      subscriber_queue, NULL, NULL };
