/* SPDX-License-Identifier: MIT */
/* channel_ends.c - how channels begin and end: see channel.h. */
#include "sync/channel.h"

#include <string.h>

/* ---- with the lot locked: ends ---------------------------------------------------- */

/* After a sender or a slot has gone: C5. (Who waits, waits for nothing: C2.) */
void crew__channel_tell_receivers(struct crew_channel *channel)
{
	if (crew__channel_has_ended(channel))
		crew__lot_end_all(&channel->private_.lot, crew__receivers_of(channel),
				  channel->private_.end);
}

void crew__end_deals_of(struct crew_lot *lot, const struct crew_lot_queue *queue,
			const struct crew_word *end)
{
	struct crew__wait *next;

	for (struct crew__wait *wait = queue->first; wait; wait = next) {
		next = wait->next;
		if (crew__deal_of(wait)->end == end)
			crew__lot_end(lot, wait, CREW_ECLOSED);
	}
}

void crew__channel_shut_sender(struct crew_channel *channel, struct crew_word *end, int rc)
{
	if (channel->private_.end == CREW_EEND && rc)
		channel->private_.end = rc;
	crew__shut_end(end);
	crew__end_deals_of(&channel->private_.lot, &channel->private_.senders, end);
	channel->private_.sender_ends--;
	crew__channel_tell_receivers(channel);
}

/* ---- ends ------------------------------------------------------------------------------ */

/* Another one, counted in `ends` of its channel. */
static int clone_end(struct crew_word *end, const struct crew_word *from, bool sends)
{
	struct crew_channel *channel = crew__channel_of(from);
	bool open;

	crew__init_word(end, 0);
	if (!channel)
		return CREW_ECLOSED;
	crew__lot_enter(&channel->private_.lot);
	open = crew__load_relaxed(from) != 0;
	if (open) {
		if (sends)
			channel->private_.sender_ends++;
		else
			channel->private_.receiver_ends++;
		crew__open_end(end, channel);
	}
	crew__lot_leave(&channel->private_.lot);
	return open ? 0 : CREW_ECLOSED;
}

int crew_sender_clone(struct crew_sender *sender, struct crew_sender *from)
{
	return clone_end(&sender->private_.channel, &from->private_.channel, true);
}

int crew_receiver_clone(struct crew_receiver *receiver, struct crew_receiver *from)
{
	return clone_end(&receiver->private_.channel, &from->private_.channel, false);
}

void crew_sender_fail(struct crew_sender *sender, int rc)
{
	struct crew_channel *channel = crew__channel_of(&sender->private_.channel);

	if (!channel)
		return;
	crew__lot_enter(&channel->private_.lot);
	if (crew__load_relaxed(&sender->private_.channel))
		crew__channel_shut_sender(channel, &sender->private_.channel, rc);
	crew__lot_leave(&channel->private_.lot);
}

void crew_sender_close(struct crew_sender *sender)
{
	crew_sender_fail(sender, 0);
}

/* C5: what the channel holds is the caller's now. */
static struct crew_channel_items take_items(struct crew_channel *channel)
{
	struct crew_channel_items items = channel->private_.items;

	memset(&channel->private_.items, 0, sizeof(items));
	channel->private_.items.grows = items.grows;
	return items;
}

void crew_receiver_close(struct crew_receiver *receiver)
{
	struct crew_word *end = &receiver->private_.channel;
	struct crew_channel *channel = crew__channel_of(end);
	struct crew_channel_items items = { .count = 0 };
	void (*item_free)(void *item);
	size_t item_bytes;

	if (!channel)
		return;
	crew__lot_enter(&channel->private_.lot);
	item_free = channel->private_.item_free;
	item_bytes = channel->private_.item_bytes;
	if (crew__load_relaxed(end)) {
		crew__shut_end(end);
		crew__end_deals_of(&channel->private_.lot, crew__receivers_of(channel), end);
		if (--channel->private_.receiver_ends == 0) {
			crew__lot_end_all(&channel->private_.lot, &channel->private_.senders,
					  CREW_EBROKEN);
			items = take_items(channel);
		}
	}
	crew__lot_leave(&channel->private_.lot);
	crew__items_fini(&items, item_bytes, item_free);
}

/* ---- the rest of the face --------------------------------------------------------------- */

/* NULL: they are not known. */
static int check_channel(size_t item_bytes, const struct crew_channel_options *options)
{
	if (!options || !item_bytes || item_bytes > CREW_ITEM_MAX)
		return CREW_EINVAL;
	switch (options->overflow) {
	case CREW_OVERFLOW_WAIT:
		return 0;
	case CREW_DROP_OLDEST:
	case CREW_DROP_NEWEST:
		return options->capacity && options->capacity != CREW_UNBOUNDED ? 0 : CREW_EINVAL;
	}
	return CREW_EINVAL;
}

int crew_channel_init(struct crew_channel *channel, struct crew_sender *sender,
		      struct crew_receiver *receiver, size_t item_bytes,
		      const struct crew_channel_options *options)
{
	struct crew_channel_options room = { .size = sizeof(room) };
	int rc;

	options = options ? CREW__OPTIONS(options, &room, item_free) : &room;
	memset(channel, 0, sizeof(*channel));
	crew__init_word(&sender->private_.channel, 0);
	crew__init_word(&receiver->private_.channel, 0);
	rc = check_channel(item_bytes, options);
	if (rc == 0)
		rc = crew__items_init(&channel->private_.items, item_bytes, options->capacity);
	if (rc)
		return rc;
	channel->private_.item_bytes = item_bytes;
	channel->private_.capacity = options->capacity;
	channel->private_.overflow = options->overflow;
	channel->private_.item_free = options->item_free;
	channel->private_.end = CREW_EEND;
	channel->private_.sender_ends = channel->private_.receiver_ends = 1;
	crew__open_end(&sender->private_.channel, channel);
	crew__open_end(&receiver->private_.channel, channel);
	return 0;
}

void crew_channel_read_stats(const struct crew_channel *channel, struct crew_channel_stats *stats)
{
	struct crew_channel *locked = (struct crew_channel *)(uintptr_t)channel;
	struct crew_channel_stats now = { .size = sizeof(now) };

	crew__lot_enter(&locked->private_.lot);
	now.waiting_senders = crew__queue_count(&locked->private_.senders);
	now.waiting = now.waiting_senders + crew__queue_count(crew__receivers_of(locked));
	now.items = channel->private_.items.count;
	now.peak = channel->private_.peak;
	now.capacity = channel->private_.capacity;
	now.slots = channel->private_.slots;
	now.senders = channel->private_.sender_ends;
	now.receivers = channel->private_.receiver_ends;
	now.dropped = channel->private_.dropped;
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_channel_fini(struct crew_channel *channel)
{
	static const char sentence[] = "a channel is given up while somebody waits in it";
	struct crew_channel_items items;

	crew__lot_enter(&channel->private_.lot);
	crew__queue_fini(crew__receivers_of(channel), sentence);
	crew__queue_fini(&channel->private_.senders, sentence);
	items = take_items(channel);
	crew__lot_leave(&channel->private_.lot);
	crew__items_fini(&items, channel->private_.item_bytes, channel->private_.item_free);
}
