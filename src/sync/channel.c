/* SPDX-License-Identifier: MIT */
/* channel.c - see channel.h. */
#include "sync/select.h"

#include <string.h>

/* ---- with the lot locked: items ---------------------------------------------------- */

/* Ends a wait that gives or takes. What it may still do, it has done. */
static bool end_deal(struct crew_channel *channel, struct crew__deal *deal)
{
	return crew__lot_end(&channel->private_.lot, &deal->wait, 0);
}

/* What a send does that has given its item away. */
static void is_sent(struct crew_channel *channel, const struct crew__deal *deal)
{
	if (deal->kind == CREW__DEAL_LAST)
		crew__channel_shut_sender(channel, deal->end, 0);
}

/* Copies it into the circle. False: there is no chunk for it. */
static bool hold_item(struct crew_channel *channel, const void *item, struct crew__aside *aside)
{
	void *place =
		crew__items_put(&channel->private_.items, channel->private_.item_bytes, aside);

	if (!place)
		return false;
	memcpy(place, item, channel->private_.item_bytes);
	if (channel->private_.peak < channel->private_.items.count)
		channel->private_.peak = channel->private_.items.count;
	return true;
}

static void take_oldest(struct crew_channel *channel, void *item, struct crew__aside *aside)
{
	size_t bytes = channel->private_.item_bytes;

	memcpy(item, crew__items_oldest(&channel->private_.items, bytes), bytes);
	crew__items_take(&channel->private_.items, aside);
}

/* There is no place: one of the items is put aside. */
static void drop_item(struct crew_channel *channel, const void *item, struct crew__aside *aside)
{
	aside->dropped = true;
	aside->item_free = channel->private_.item_free;
	channel->private_.dropped++;
	if (channel->private_.overflow == CREW_DROP_NEWEST) {
		memcpy(aside->item, item, channel->private_.item_bytes);
		return;
	}
	take_oldest(channel, aside->item, aside);
	hold_item(channel, item, aside);
}

/* To the first who waits for an item. */
static bool pass_item(struct crew_channel *channel, const void *item)
{
	struct crew__wait *wait;

	while ((wait = crew__receivers_of(channel)->first)) {
		if (end_deal(channel, crew__deal_of(wait))) {
			memcpy(crew__deal_of(wait)->item, item, channel->private_.item_bytes);
			return true;
		}
	}
	return false;
}

static bool has_place(const struct crew_channel *channel)
{
	return channel->private_.items.count + channel->private_.slots < channel->private_.capacity;
}

/* A place is free: the first who waits for one has it. C3 */
static void fill_place(struct crew_channel *channel, struct crew__aside *aside)
{
	struct crew__wait *wait;

	while ((wait = channel->private_.senders.first) && has_place(channel)) {
		const struct crew__deal *deal = crew__deal_of(wait);

		if (!end_deal(channel, crew__deal_of(wait)))
			continue;
		if (deal->kind == CREW__DEAL_PLACE)
			channel->private_.slots++;
		else
			hold_item(channel, deal->item, aside);
		is_sent(channel, deal);
	}
}

enum crew__try crew__channel_try_send(struct crew_channel *channel, struct crew__deal *deal,
				      struct crew__aside *aside)
{
	if (!crew__load_relaxed(deal->end))
		return crew__deal_done(deal, CREW_ECLOSED);
	if (!channel->private_.receiver_ends)
		return crew__deal_done(deal, CREW_EBROKEN);
	if (!pass_item(channel, deal->item)) {
		if (has_place(channel)) {
			if (!hold_item(channel, deal->item, aside))
				return CREW__TRY_NO_CHUNK;
		} else if (channel->private_.overflow == CREW_OVERFLOW_WAIT) {
			return CREW__TRY_WAIT;
		} else {
			drop_item(channel, deal->item, aside);
		}
	}
	is_sent(channel, deal);
	return crew__deal_done(deal, 0);
}

static enum crew__try try_reserve(struct crew_channel *channel, struct crew__deal *deal,
				  struct crew__aside *aside)
{
	(void)aside;
	if (!crew__load_relaxed(deal->end))
		return crew__deal_done(deal, CREW_ECLOSED);
	if (!channel->private_.receiver_ends)
		return crew__deal_done(deal, CREW_EBROKEN);
	if (!has_place(channel))
		return CREW__TRY_WAIT;
	channel->private_.slots++;
	return crew__deal_done(deal, 0);
}

/* From the first who waits to send an item: past those who want a place, as none is needed. */
static bool take_from_sender(struct crew_channel *channel, void *item)
{
	struct crew__wait *next;

	for (struct crew__wait *wait = channel->private_.senders.first; wait; wait = next) {
		struct crew__deal *deal = crew__deal_of(wait);

		next = wait->next;
		if (deal->kind == CREW__DEAL_PLACE || !end_deal(channel, deal))
			continue;
		memcpy(item, deal->item, channel->private_.item_bytes);
		is_sent(channel, deal);
		return true;
	}
	return false;
}

enum crew__try crew__channel_try_receive(struct crew_channel *channel, struct crew__deal *deal,
					 struct crew__aside *aside)
{
	if (!crew__load_relaxed(deal->end))
		return crew__deal_done(deal, CREW_ECLOSED);
	if (channel->private_.items.count) {
		take_oldest(channel, deal->item, aside);
		fill_place(channel, aside);
	} else if (!take_from_sender(channel, deal->item)) {
		return crew__channel_has_ended(channel) ?
			       crew__deal_done(deal, channel->private_.end) :
			       CREW__TRY_WAIT;
	}
	return crew__deal_done(deal, 0);
}

/* ---- deals --------------------------------------------------------------------------- */

typedef enum crew__try try_fn(struct crew_channel *, struct crew__deal *, struct crew__aside *);

/* If it has to wait, the lot stays locked. */
static inline enum crew__try try_deal(struct crew_channel *channel, struct crew__deal *deal,
				      try_fn *try)
{
	struct crew__aside aside;
	enum crew__try result;

	crew__aside_init(&aside);
	for (;;) {
		crew__lot_enter(&channel->private_.lot);
		result = try(channel, deal, &aside);
		if (result == CREW__TRY_WAIT)
			return result;
		crew__lot_leave(&channel->private_.lot);
		if (result == CREW__TRY_DONE)
			break;
		if (crew__aside_grow(&aside))
			return crew__deal_done(deal, CREW_ENOMEM);
	}
	crew__aside_settle(&aside);
	return result;
}

static inline int deal_nowait(struct crew__deal *deal, try_fn *try)
{
	struct crew_channel *channel = crew__channel_of(deal->end);

	if (!channel)
		return CREW_ECLOSED;
	if (try_deal(channel, deal, try) == CREW__TRY_DONE)
		return deal->wait.rc;
	crew__lot_leave(&channel->private_.lot);
	return CREW_EWOULDBLOCK;
}

/* The lot is locked. A task that is a member of its scope has its wait at hand; else that is
 * prepared without the lock (lot.h), and then it looks again. */
static inline bool is_to_wait(struct crew_channel *channel, struct crew__deal *deal, try_fn *try,
			      const struct crew__caller *caller)
{
	bool at_hand = caller->worker && caller->fiber->scope == caller->fiber->parker.scope;

	if (!at_hand)
		crew__lot_leave(&channel->private_.lot);
	crew__wait_prepare(&deal->wait, 0, true);
	if (at_hand || try_deal(channel, deal, try) == CREW__TRY_WAIT)
		return true;
	crew__wait_drop(&deal->wait);
	return false;
}

static inline int make_deal(struct crew__deal *deal, try_fn *try, const char *reason)
{
	struct crew_channel *channel = crew__channel_of(deal->end);
	struct crew__caller caller = crew__caller();
	int rc = channel ? 0 : CREW_ECLOSED;

	if (rc == 0 && !(caller.worker && crew__fiber_clean(caller.fiber)))
		rc = crew__caller_check(&caller);
	if (rc)
		return rc;
	if (try_deal(channel, deal, try) == CREW__TRY_DONE ||
	    !is_to_wait(channel, deal, try, &caller))
		return deal->wait.rc;
	if (crew__lot_wait(&channel->private_.lot,
			   try == crew__channel_try_receive ? crew__receivers_of(channel) :
							      &channel->private_.senders,
			   &deal->wait, reason))
		return deal->wait.rc;
	crew__lot_leave(&channel->private_.lot);
	return CREW_ECANCELED;
}

static struct crew__deal sending(struct crew_sender *sender, const void *item,
				 enum crew__deal_kind kind)
{
	return (struct crew__deal){ .end = &sender->private_.channel,
				    .item = (void *)(uintptr_t)item,
				    .kind = kind };
}

int crew_send(struct crew_sender *sender, const void *item)
{
	struct crew__deal deal = sending(sender, item, CREW__DEAL_ITEM);

	return make_deal(&deal, crew__channel_try_send, "channel, to send");
}

int crew_send_last(struct crew_sender *sender, const void *item)
{
	struct crew__deal deal = sending(sender, item, CREW__DEAL_LAST);

	return make_deal(&deal, crew__channel_try_send, "channel, to send the last");
}

int crew_send_nowait(struct crew_sender *sender, const void *item)
{
	struct crew__deal deal = sending(sender, item, CREW__DEAL_ITEM);

	return deal_nowait(&deal, crew__channel_try_send);
}

int crew_receive(struct crew_receiver *receiver, void *item)
{
	struct crew__deal deal = { .end = &receiver->private_.channel, .item = item };

	return make_deal(&deal, crew__channel_try_receive, "channel, to receive");
}

int crew_receive_nowait(struct crew_receiver *receiver, void *item)
{
	struct crew__deal deal = { .end = &receiver->private_.channel, .item = item };

	return deal_nowait(&deal, crew__channel_try_receive);
}

/* ---- slots ----------------------------------------------------------------------------- */

/* 0, or why no place can be reserved in any case: misuse comes before cancellation. */
static int check_places(const struct crew_channel *channel)
{
	if (!channel)
		return CREW_ECLOSED;
	return !channel->private_.capacity || channel->private_.capacity == CREW_UNBOUNDED ||
			       channel->private_.overflow != CREW_OVERFLOW_WAIT ?
		       CREW_EINVAL :
		       0;
}

/* The channel cannot go meanwhile: the slot counts in it already. */
static int open_slot(struct crew_slot *slot, struct crew_channel *channel, int rc)
{
	crew__open_end(&slot->private_.channel, rc == 0 ? channel : NULL);
	return rc;
}

int crew_reserve(struct crew_sender *sender, struct crew_slot *slot)
{
	struct crew_channel *channel = crew__channel_of(&sender->private_.channel);
	struct crew__deal deal = sending(sender, NULL, CREW__DEAL_PLACE);
	int rc = check_places(channel);

	if (rc == 0)
		rc = make_deal(&deal, try_reserve, "channel, for a place");
	return open_slot(slot, channel, rc);
}

int crew_reserve_nowait(struct crew_sender *sender, struct crew_slot *slot)
{
	struct crew_channel *channel = crew__channel_of(&sender->private_.channel);
	struct crew__deal deal = sending(sender, NULL, CREW__DEAL_PLACE);
	int rc = check_places(channel);

	if (rc == 0)
		rc = deal_nowait(&deal, try_reserve);
	return open_slot(slot, channel, rc);
}

/* Its place is free. The item, if there is one, comes first. */
static int use_slot(struct crew_slot *slot, const void *item)
{
	struct crew_channel *channel = crew__channel_of(&slot->private_.channel);
	struct crew__aside aside;
	int rc = 0;

	if (!channel)
		return CREW_ECLOSED;
	crew__aside_init(&aside);
	crew__lot_enter(&channel->private_.lot);
	channel->private_.slots--;
	crew__shut_end(&slot->private_.channel);
	if (!channel->private_.receiver_ends)
		rc = CREW_EBROKEN;
	else if (item && !pass_item(channel, item))
		hold_item(channel, item, &aside);
	fill_place(channel, &aside);
	crew__channel_tell_receivers(channel);
	crew__lot_leave(&channel->private_.lot);
	crew__aside_settle(&aside);
	return rc;
}

int crew_slot_send(struct crew_slot *slot, const void *item)
{
	return use_slot(slot, item);
}

void crew_slot_drop(struct crew_slot *slot)
{
	use_slot(slot, NULL);
}

/* ---- as a case of a select ----------------------------------------------------------- */

static struct crew_lot *channel_begin(struct crew_case *one)
{
	struct crew__deal *deal = &crew__case_of(one)->deal;
	struct crew_channel *channel;

	/* (both kinds of ends begin with that word) */
	deal->end = (struct crew_word *)one->on;
	deal->kind = CREW__DEAL_ITEM;
	channel = crew__channel_of(deal->end);
	return channel ? &channel->private_.lot : NULL;
}

/* The channel of a case, also when its end is closed meanwhile. */
static struct crew_channel *channel_of_case(struct crew_case *one)
{
	return crew__container(crew__case_of(one)->lot, struct crew_channel, private_.lot);
}

static enum crew__try send_case(struct crew_case *one, struct crew__aside *aside)
{
	return crew__channel_try_send(channel_of_case(one), &crew__case_of(one)->deal, aside);
}

static struct crew_lot_queue *senders_of_case(struct crew_case *one)
{
	return &channel_of_case(one)->private_.senders;
}

static enum crew__try receive_case(struct crew_case *one, struct crew__aside *aside)
{
	return crew__channel_try_receive(channel_of_case(one), &crew__case_of(one)->deal, aside);
}

static struct crew_lot_queue *receivers_of_case(struct crew_case *one)
{
	return crew__receivers_of(channel_of_case(one));
}

const struct crew__selectable crew__selectable_send = { channel_begin, send_case, senders_of_case,
							NULL, NULL };
const struct crew__selectable crew__selectable_receive = { channel_begin, receive_case,
							   receivers_of_case, NULL, NULL };
