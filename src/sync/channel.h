/* SPDX-License-Identifier: MIT */
/*
 * channel.h - what the files of channels share: deals, the circle of chunks that holds the
 * items, and what is put aside until the lot is unlocked.
 *
 * WORDS
 *	end	a sender, a receiver or a slot: a word with the channel's address. 0: closed
 *	deal	one send, receive or reservation, and its wait. Who waits to receive is in
 *		the lot's queue, who waits for a place in the channel's queue of senders.
 *	place	for one item, in the circle. There are `capacity` of them; held, reserved
 *		or free.
 *	aside	what must not be done under the lot's lock: calls of item_free, malloc, free
 *
 * INVARIANTS (whenever the lot is unlocked; who is over does not count, T4)
 *	C1  An item is in one hand: the sender's until its deal has ended with 0, then the
 *	    circle's or the receiver's. Whoever ends a wait copies the item, from frame to
 *	    circle or from frame to frame, before its owner can go on (P3).
 *	C2  Nobody waits to receive while the circle holds an item, or somebody waits who
 *	    sends one; unless both are the same select (select.c), which cannot meet itself.
 *	C3  Nobody waits for a place while one is free.
 *	C4  An end that is open counts in the channel, once; a slot in `slots`. An end is
 *	    closed by the one who stores 0 there, under the lot's lock.
 *	C5  With no sender and no slot nobody waits to receive, if nothing is held; with no
 *	    receiver nobody waits for a place, nothing is held, and there are no chunks.
 *
 * ORDERS
 *	channel.end	closing an end releases, looking whether it is open acquires: a closed
 *			end may be all that is left of its channel. All else is under the
 *			lot's lock, or passed with a grant (park.word).
 *
 * REJECTED
 *	The lot's queue for both sides, with a bit that says who is in it: with all places
 *	reserved both sides wait at a time. A lock-free ring for what is buffered: the line and the
 *	ring must change together, C2, C3, or an item passes somebody who waits. A channel
 *	that counts references and frees itself: it would need memory of its own to be
 *	opened in the caller's storage.
 *
 * GUARDED BY tests/model/channel.c, tests/model/select.c, tests/api/channel.c.
 */
#ifndef CREW__CHANNEL_H
#define CREW__CHANNEL_H

#include "sync/lot.h"

#include "crew/channel.h"

/* An unbounded channel grows by so much, with what malloc needs a page. */
#define CREW__CHUNK_BYTES 4064U

/* What comes of a try. */
enum crew__try {
	CREW__TRY_DONE,	    /* deal->wait.rc says how */
	CREW__TRY_WAIT,	    /* it must wait; nothing was put aside */
	CREW__TRY_NO_CHUNK, /* the same with one (crew__aside_grow()) will not say so */
};

enum crew__deal_kind {
	CREW__DEAL_ITEM,  /* sent or received */
	CREW__DEAL_LAST,  /* sent, and the end is closed with it */
	CREW__DEAL_PLACE, /* reserved */
};

struct crew__deal {
	struct crew__wait wait;
	struct crew_word *end;
	void *item; /* where from, or where to */
	enum crew__deal_kind kind;
};

struct crew__aside {
	void *chunk; /* to grow by; or to be freed */
	void (*item_free)(void *item);
	bool dropped; /* `item` is an item that nobody receives */
	_Alignas(16) unsigned char item[CREW_ITEM_MAX];
};

static inline void crew__aside_init(struct crew__aside *aside)
{
	aside->chunk = NULL;
	aside->dropped = false;
}

/* pre: no lock is held. */
void crew__aside_settle(struct crew__aside *aside);
/* A chunk to grow by. 0 or CREW_ENOMEM. */
int crew__aside_grow(struct crew__aside *aside);

static inline struct crew_channel *crew__channel_of(const struct crew_word *end)
{
	/* pairs: channel.end */
	return (struct crew_channel *)(uintptr_t)crew__load_acquire(end);
}

static inline void crew__open_end(struct crew_word *end, const struct crew_channel *channel)
{
	crew__store_release(end, (uint64_t)(uintptr_t)channel); /* pairs: channel.end */
}

static inline void crew__shut_end(struct crew_word *end)
{
	crew__store_release(end, 0); /* pairs: channel.end */
}

static inline enum crew__try crew__deal_done(struct crew__deal *deal, int rc)
{
	deal->wait.rc = rc;
	return CREW__TRY_DONE;
}

static inline bool crew__channel_has_ended(const struct crew_channel *channel)
{
	return !channel->private_.sender_ends && !channel->private_.slots;
}

static inline struct crew_lot_queue *crew__receivers_of(struct crew_channel *channel)
{
	return &channel->private_.lot.private_.queue;
}

static inline struct crew__deal *crew__deal_of(struct crew__wait *wait)
{
	return crew__container(wait, struct crew__deal, wait);
}

/* ---- the circle -------------------------------------------------------------------- */

/* For up to `capacity` items, or chunk by chunk. 0 or CREW_ENOMEM. */
int crew__items_init(struct crew_channel_items *items, size_t item_bytes, size_t capacity);
/* Where the next item is to be copied to, and counts it. NULL: there is no chunk for it. */
void *crew__items_put(struct crew_channel_items *items, size_t item_bytes, struct crew__aside *);
/* Where the oldest is, until take. pre: there is one. */
void *crew__items_oldest(const struct crew_channel_items *items, size_t item_bytes);
void crew__items_take(struct crew_channel_items *items, struct crew__aside *);
/* Calls item_free with all that is left, and frees the chunks. pre: no lock is held. */
void crew__items_fini(struct crew_channel_items *items, size_t item_bytes,
		      void (*item_free)(void *item));

/* ---- ends -------------------------------------------------------------------------- */

/* pre of these: the lot is locked. Who waits in the queue with this end gets CREW_ECLOSED. */
void crew__end_deals_of(struct crew_lot *lot, const struct crew_lot_queue *queue,
			const struct crew_word *end);
/* The end is closed; `rc` is told to receivers in the end. */
void crew__channel_shut_sender(struct crew_channel *channel, struct crew_word *end, int rc);
/* After a sender or a slot has gone: C5. */
void crew__channel_tell_receivers(struct crew_channel *channel);

/* ---- deals ------------------------------------------------------------------------- */

/* pre of these: the lot is locked. */
enum crew__try crew__channel_try_send(struct crew_channel *channel, struct crew__deal *deal,
				      struct crew__aside *aside);
enum crew__try crew__channel_try_receive(struct crew_channel *channel, struct crew__deal *deal,
					 struct crew__aside *aside);

#endif /* CREW__CHANNEL_H */
