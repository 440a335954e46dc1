/* SPDX-License-Identifier: MIT */
/*
 * ops_channel.h - the part of ops.h that is about channels and select.
 *
 * Every item that was given away is received once or dropped once, of those that were not
 * none; ends are used by many, cloned, closed; at the end of a round all of them.
 */
#ifndef SUPPORT_OPS_CHANNEL_H
#define SUPPORT_OPS_CHANNEL_H

#include "support/ops.h"

#define OPS_CHANNELS 4
#define OPS_ENDS     OPS_SEVERAL
#define OPS_ITEMS    16384

/* What has become of an item. */
#define OPS_GIVEN    UINT64_C(1)
#define OPS_RECEIVED UINT64_C(0x100)
#define OPS_DROPPED  UINT64_C(0x10000)

struct ops_item {
	uint32_t channel;
	uint32_t number;
	uint64_t check;
};

static struct {
	struct crew_word items;
	struct crew_word fate[OPS_ITEMS];
	struct {
		struct crew_channel channel;
		struct crew_sender sender[OPS_ENDS];
		struct crew_receiver receiver[OPS_ENDS];
		struct crew_word given; /* less what was received or dropped */
	} channel[OPS_CHANNELS];
} posts;

static inline unsigned ops_channel(struct ops_actor *a)
{
	unsigned first = (unsigned)(ops.round.seed % OPS_CHANNELS);

	return ops.several == OPS_SEVERAL ? ops_below(a, OPS_CHANNELS) :
					    (first + ops_below(a, ops.several)) % OPS_CHANNELS;
}

static inline uint64_t ops_check_of(const struct ops_item *item)
{
	return (item->channel + UINT64_C(1)) * (item->number + UINT64_C(1)) * 77;
}

static inline void ops_item_ends(const struct ops_item *item, uint64_t how)
{
	uint64_t before;

	OPS_CHECK(item->number < OPS_ITEMS && item->check == ops_check_of(item),
		  "an item has changed");
	before = crew__add_relaxed(&posts.fate[item->number], how);
	OPS_CHECK((before & ~OPS_GIVEN) == 0, "an item came twice");
	crew__add_relaxed(&posts.channel[item->channel].given, UINT64_MAX);
}

static inline void ops_item_free(void *item)
{
	ops_item_ends((const struct ops_item *)item, OPS_DROPPED);
}

static inline void ops_given(const struct ops_item *item)
{
	crew__add_relaxed(&posts.fate[item->number], OPS_GIVEN);
	crew__add_relaxed(&posts.channel[item->channel].given, 1);
}

static inline bool ops_make_item(struct ops_item *item, unsigned channel)
{
	uint64_t number = crew__add_relaxed(&posts.items, 1);

	if (number >= OPS_ITEMS)
		return false;
	*item = (struct ops_item){ .channel = channel, .number = (uint32_t)number };
	item->check = ops_check_of(item);
	return true;
}

static inline bool ops_may_send(int rc)
{
	return rc == 0 || rc == CREW_ECANCELED || rc == CREW_ECLOSED || rc == CREW_EBROKEN ||
	       rc == CREW_EWOULDBLOCK;
}

static inline bool ops_may_receive(int rc)
{
	return rc == 0 || rc == CREW_ECANCELED || rc == CREW_ECLOSED || rc == CREW_EEND ||
	       rc == CREW_EWOULDBLOCK || rc == 9;
}

/* First a place, then the item. */
static inline int ops_reserve(struct ops_actor *a, struct crew_sender *sender,
			      const struct ops_item *item)
{
	struct crew_slot slot;
	bool wait = a->bounded && ops_toss(a, 2);
	int rc = wait ? crew_reserve(sender, &slot) : crew_reserve_nowait(sender, &slot);

	OPS_CHECK(ops_may_send(rc) || rc == CREW_EINVAL, "reserve a place");
	if (rc)
		return rc;
	ops_inside(a);
	if (ops_toss(a, 4)) {
		crew_slot_drop(&slot);
		return CREW_EWOULDBLOCK;
	}
	rc = crew_slot_send(&slot, item);
	OPS_CHECK(rc == 0 || rc == CREW_EBROKEN, "send by a place");
	return rc;
}

static inline int ops_send(struct ops_actor *a)
{
	unsigned c = ops_channel(a);
	struct crew_sender *shared = &posts.channel[c].sender[ops_below(a, ops.several)];
	bool cloned = ops_toss(a, 4);
	struct crew_sender own = { 0 }, *sender = cloned ? &own : shared;
	struct ops_item item;
	int rc;

	if (!ops_make_item(&item, c))
		return 0;
	if (cloned)
		crew_sender_clone(&own, shared);
	if (ops_toss(a, 4))
		rc = ops_reserve(a, sender, &item);
	else if (!a->bounded || ops_toss(a, 4))
		rc = crew_send_nowait(sender, &item);
	else
		rc = cloned && ops_toss(a, 2) ? crew_send_last(sender, &item) :
						crew_send(sender, &item);
	OPS_CHECK(ops_may_send(rc) || rc == CREW_EINVAL, "send");
	if (rc == 0)
		ops_given(&item);
	if (cloned)
		crew_sender_close(&own);
	return ops_told(rc);
}

static inline int ops_receive(struct ops_actor *a)
{
	unsigned c = ops_channel(a);
	struct crew_receiver *shared = &posts.channel[c].receiver[ops_below(a, ops.several)];
	bool cloned = ops_toss(a, 4);
	struct crew_receiver own = { 0 }, *receiver = cloned ? &own : shared;
	struct ops_item item;
	int rc;

	if (cloned)
		crew_receiver_clone(&own, shared);
	rc = !a->bounded || ops_toss(a, 4) ? crew_receive_nowait(receiver, &item) :
					     crew_receive(receiver, &item);
	OPS_CHECK(ops_may_receive(rc), "receive");
	if (rc == 0)
		ops_item_ends(&item, OPS_RECEIVED);
	if (cloned)
		crew_receiver_close(&own);
	return ops_told(rc);
}

static inline int ops_close(struct ops_actor *a)
{
	unsigned c = ops_channel(a);
	unsigned end = ops_below(a, ops.several);

	if (!ops_toss(a, 8))
		return 0;
	if (ops_toss(a, 2))
		crew_receiver_close(&posts.channel[c].receiver[end]);
	else if (ops_toss(a, 2))
		crew_sender_close(&posts.channel[c].sender[end]);
	else
		crew_sender_fail(&posts.channel[c].sender[end], 9);
	return 0;
}

static inline int ops_select(struct ops_actor *a)
{
	unsigned from = ops_channel(a), to = ops_channel(a);
	unsigned end = ops_below(a, ops.several), event = ops_below(a, ops.several);
	bool fair = ops_toss(a, 2);
	struct ops_item sent, got;
	int which;
	struct crew_case cases[] = {
		CREW_ON_RECEIVE(&posts.channel[from].receiver[end], &got),
		CREW_ON_SEND(&posts.channel[to].sender[end], &sent),
		CREW_ON_EVENT(&ops.event[event].event),
		CREW_ON_TASK(ops.task[ops_below(a, ops.round.tasks)]),
	};

	if (!ops_make_item(&sent, to))
		return 0;
	which = !a->bounded || ops_toss(a, 4) ?
			crew_select_nowait(cases, 4, fair ? CREW_FAIR : CREW_IN_ORDER) :
			crew_select_one(cases, 4, fair ? CREW_FAIR : CREW_IN_ORDER);
	switch (which) {
	case 0:
		OPS_CHECK(ops_may_receive(cases[0].rc), "receive in a select");
		if (cases[0].rc == 0)
			ops_item_ends(&got, OPS_RECEIVED);
		return 0;
	case 1:
		OPS_CHECK(ops_may_send(cases[1].rc), "send in a select");
		if (cases[1].rc == 0)
			ops_given(&sent);
		return 0;
	case 2:
		OPS_CHECK(ops.event[event].letter == 7, "an event in a select");
		return 0;
	case 3:
		OPS_CHECK(cases[3].rc == CREW_EDEADLK ||
				  crew_task_join_nowait(cases[3].on, NULL, NULL) == 0,
			  "the end of a task in a select");
		return 0;
	default:
		OPS_CHECK(which == CREW_ECANCELED || which == CREW_EWOULDBLOCK, "select");
		return ops_told(which);
	}
}

/* The end: some close all senders, the others receive what is left, without a deadline. */
static inline void ops_close_senders(void)
{
	for (unsigned c = 0; c < OPS_CHANNELS; c++)
		for (unsigned i = 0; i < OPS_ENDS; i++)
			crew_sender_close(&posts.channel[c].sender[i]);
}

static inline void ops_receive_rest(struct ops_actor *a)
{
	unsigned c = ops_channel(a);
	struct crew_receiver *receiver = &posts.channel[c].receiver[ops_below(a, ops.several)];
	struct ops_item item;
	int rc;

	while ((rc = crew_receive(receiver, &item)) == 0)
		ops_item_ends(&item, OPS_RECEIVED);
	OPS_CHECK(ops_may_receive(rc) && rc != CREW_EWOULDBLOCK, "receive the rest");
}

static inline void ops_begin_channels(void)
{
	static const struct crew_channel_options kinds[OPS_CHANNELS] = {
		{ .capacity = 0 },
		{ .capacity = 3 },
		{ .capacity = CREW_UNBOUNDED },
		{ .capacity = 2, .overflow = CREW_DROP_OLDEST },
	};

	memset(&posts, 0, sizeof(posts));
	for (unsigned c = 0; c < OPS_CHANNELS; c++) {
		struct crew_channel_options kind = kinds[c];

		kind.size = sizeof(kind);
		kind.item_free = ops_item_free;
		OPS_CHECK(crew_channel_init(&posts.channel[c].channel, &posts.channel[c].sender[0],
					    &posts.channel[c].receiver[0], sizeof(struct ops_item),
					    &kind) == 0,
			  "a channel");
		for (unsigned i = 1; i < OPS_ENDS; i++) {
			crew_sender_clone(&posts.channel[c].sender[i], &posts.channel[c].sender[0]);
			crew_receiver_clone(&posts.channel[c].receiver[i],
					    &posts.channel[c].receiver[0]);
		}
	}
}

static inline void ops_end_channels(void)
{
	uint64_t count = crew__load_acquire(&posts.items);

	for (unsigned c = 0; c < OPS_CHANNELS; c++) {
		struct crew_channel_stats stats = { .size = sizeof(stats) };

		crew_channel_read_stats(&posts.channel[c].channel, &stats);
		OPS_CHECK(stats.waiting == 0 && stats.slots == 0, "somebody waits at a channel");
		OPS_CHECK(stats.items == crew__load_relaxed(&posts.channel[c].given),
			  "the items of a channel");
		for (unsigned i = 0; i < OPS_ENDS; i++) {
			crew_sender_close(&posts.channel[c].sender[i]);
			crew_receiver_close(&posts.channel[c].receiver[i]);
		}
		crew_channel_read_stats(&posts.channel[c].channel, &stats);
		OPS_CHECK(stats.senders == 0 && stats.receivers == 0 && stats.items == 0,
			  "a channel without ends");
	}
	for (uint64_t i = 0; i < count && i < OPS_ITEMS; i++) {
		uint64_t fate = crew__load_relaxed(&posts.fate[i]);

		OPS_CHECK(fate == 0 || fate == OPS_GIVEN + OPS_RECEIVED ||
				  fate == OPS_GIVEN + OPS_DROPPED,
			  "an item was lost");
	}
}

#endif /* SUPPORT_OPS_CHANNEL_H */
