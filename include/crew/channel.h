/* SPDX-License-Identifier: MIT */
/*
 * crew/channel.h - items that go from those who send to those who receive.
 *
 * A channel has two kinds of ends. Whoever has a sender sends, whoever has a receiver
 * receives; each may be used by many at once, and cloned for somebody who shall close it
 * on its own. With its last sender closed a channel ends when all it holds was received;
 * without receivers nothing can be sent any more.
 *
 *	int count(void *arg)
 *	{
 *		struct crew_sender *numbers = (struct crew_sender *)arg;
 *		int rc = 0;
 *
 *		for (int i = 1; i <= 10 && rc == 0; i++)
 *			rc = crew_send(numbers, &i);
 *		crew_sender_close(numbers);
 *		return rc;
 *	}
 *
 *	int sum_up(int *sum)
 *	{
 *		struct crew_channel channel;
 *		struct crew_sender sender;
 *		struct crew_receiver receiver;
 *		struct crew_group group;
 *		int number;
 *		int rc = crew_channel_init(&channel, &sender, &receiver, sizeof(int),
 *					   CREW_CHANNEL(.capacity = 4));
 *
 *		if (rc)
 *			return rc;
 *		*sum = 0;
 *		crew_group_open(&group, NULL);
 *		crew_group_spawn(&group, count, &sender);
 *		while ((rc = crew_receive(&receiver, &number)) == 0)
 *			*sum += number;
 *		crew_receiver_close(&receiver);
 *		return crew_group_close(&group, rc == CREW_EEND ? 0 : rc);
 *	}
 *
 * Whose is an item? A send that returns 0 has given it away: it is received once, or
 * dropped, and then `.item_free` was called with it. With any other code nothing has
 * happened, and it is still the caller's. A receive that was cancelled has taken nothing.
 *
 * The line. First come, first served, on both sides: an item that is sent while somebody
 * waits goes to the first in line, from hand to hand, and a place that becomes free to the
 * first who waits to send.
 *
 * Kinds, by their options:
 *
 *	.capacity = 0			a send waits until it is received
 *	.capacity = n			so many items are kept; then a send waits
 *	.capacity = CREW_UNBOUNDED	as many as there is memory for; a send never waits
 *	.overflow = CREW_DROP_OLDEST	a send never waits; with capacity 1: only the latest
 *	.overflow = CREW_DROP_NEWEST	a send never waits, but may be for nothing
 *	.capacity = 1, crew_send_last()	one answer, to somebody who may not be waiting yet
 *
 * Who closes what is told to whom:
 *
 *	a sender that was closed	CREW_ECLOSED, for good; who waits with it, too
 *	a receiver that was closed	the same
 *	the last sender			receive: CREW_EEND, or what crew_sender_fail() said,
 *					when nothing is left
 *	the last receiver		send: CREW_EBROKEN; what the channel holds is dropped
 *
 * What the calls cost:
 *
 *	send, receive		the lot's lock, two copies of the item; to or from somebody
 *				who waits one copy, a compare-exchange, and it is made ready
 *	that have to wait	two switches besides; no memory
 *	unbounded		an allocation for each 4 KiB
 *	close			the lot's lock, and for each that waits on it, or for it,
 *				a compare-exchange, and it is made ready
 *
 * See also: crew/select.h (one of several), crew/broadcast.h (an item for everybody),
 * crew/lot.h (what it is made of).
 */
#ifndef CREW_CHANNEL_H
#define CREW_CHANNEL_H

#include "crew/base.h"
#include "crew/lot.h"

CREW_BEGIN

#define CREW_UNBOUNDED SIZE_MAX

/* The most bytes of an item; what is larger goes by its address. */
#define CREW_ITEM_MAX 256

/* What a send does when there is no place. */
enum crew_overflow {
	CREW_OVERFLOW_WAIT = 0,
	CREW_DROP_OLDEST, /* of those that the channel holds */
	CREW_DROP_NEWEST, /* that is, the one that is sent */
};

struct crew_channel_options {
	size_t size;	 /* set by CREW_CHANNEL() */
	size_t capacity; /* items that it holds; 0: none; CREW_UNBOUNDED */
	enum crew_overflow overflow;
	/* Called with an item that was given away and that nobody will receive, by whoever
	 * drops it, without a lock. It is gone when this returns. NULL: nothing to do */
	void (*item_free)(void *item);
};

#define CREW_CHANNEL(...) CREW_OPTIONS_(crew_channel_options, __VA_ARGS__)

/* No field is for callers. */
struct crew_channel_items {
	void *head; /* the chunk of the oldest, and its place there */
	size_t first;
	void *tail; /* where the next goes */
	size_t next;
	size_t places; /* in a chunk */
	size_t count;
	bool grows;
};

/*
 * Must not be moved or copied while it has ends. When all ends are closed, and nobody is
 * in a call on one of them, nothing is owed: its memory may be given back by whoever has
 * closed the last one, or was told so. No field is for callers.
 */
struct crew_channel {
	struct {
		struct crew_lot lot;	       /* its line: who receives */
		struct crew_lot_queue senders; /* who sends, or wants a place */
		struct crew_channel_items items;
		size_t item_bytes;
		size_t capacity;
		size_t peak;
		size_t slots; /* places that are reserved */
		uint64_t dropped;
		uint32_t sender_ends;
		uint32_t receiver_ends;
		int end; /* what receivers are told in the end */
		uint32_t overflow;
		void (*item_free)(void *item);
		void *reserved[2];
	} private_;
};

/* Zeroed storage is a closed end. Must not be moved or copied while it is open, only
 * cloned. No field is for callers. */
struct crew_sender {
	struct {
		struct crew_word channel;
		void *reserved;
	} private_;
};

struct crew_receiver {
	struct {
		struct crew_word channel;
		void *reserved;
	} private_;
};

/* A place that is reserved: an end by which one item is sent, without waiting. */
struct crew_slot {
	struct {
		struct crew_word channel;
		void *reserved;
	} private_;
};

/*
 * A channel for items of `item_bytes`, with its first sender and its first receiver. When
 * it fails both are closed.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EINVAL	no bytes, or more than CREW_ITEM_MAX; or it drops, and has no
 *				capacity, or has no limit
 *		CREW_ENOMEM
 */
CREW_API int crew_channel_init(struct crew_channel *channel, struct crew_sender *sender,
			       struct crew_receiver *receiver, size_t item_bytes,
			       const struct crew_channel_options *options);

/*
 * Sends a copy of *item. Waits at the end of the line while there is no place, or in a
 * channel without capacity until it is received; unless .overflow says otherwise. What was
 * written before is visible to whoever receives it.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0		it is given away
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited
 *		CREW_ECLOSED	this end is closed, or was while it waited
 *		CREW_EBROKEN	all receivers are closed, or were while it waited
 *		CREW_ENOMEM	of an unbounded channel
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_send(struct crew_sender *sender, const void *item);

/*
 * The same if it need not wait. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0		it is given away
 *		CREW_EWOULDBLOCK it would have to wait
 *		CREW_ECLOSED, CREW_EBROKEN, CREW_ENOMEM	as crew_send()
 */
CREW_API int crew_send_nowait(struct crew_sender *sender, const void *item);

/*
 * Sends and, if that returns 0, closes the end, in one step: whoever receives the item may
 * give back the channel's memory, if this was its last sender.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_send()
 */
CREW_API int crew_send_last(struct crew_sender *sender, const void *item);

/*
 * Receives into *item. Waits at the end of the line while there is nothing.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited
 *		CREW_ECLOSED	this end is closed, or was while it waited
 *		CREW_EEND	all senders are closed, and nothing is left
 *		any code	instead of CREW_EEND: of the first crew_sender_fail()
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_receive(struct crew_receiver *receiver, void *item);

/*
 * The same if it need not wait. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EWOULDBLOCK there is nothing
 *		CREW_ECLOSED, CREW_EEND, any code	as crew_receive()
 */
CREW_API int crew_receive_nowait(struct crew_receiver *receiver, void *item);

/* ---- ends ------------------------------------------------------------------------ */

/*
 * Another sender of the same channel, to be closed on its own.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_ECLOSED	`from` is closed, and so is `sender` then
 */
CREW_API int crew_sender_clone(struct crew_sender *sender, struct crew_sender *from);

/*
 * The same of a receiver.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_ECLOSED	`from` is closed, and so is `receiver` then
 */
CREW_API int crew_receiver_clone(struct crew_receiver *receiver, struct crew_receiver *from);

/*
 * Closes this end; once more does nothing. Whoever waits with it gets CREW_ECLOSED. With
 * the last one, whoever waits to receive is told that nothing comes any more.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_sender_close(struct crew_sender *sender);

/*
 * Closes it because of a failure: when all senders are closed and nothing is left, receivers
 * get `rc` instead of CREW_EEND; of several the first. 0 is no failure.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_sender_fail(struct crew_sender *sender, int rc);

/*
 * Closes this end; once more does nothing. Whoever waits with it gets CREW_ECLOSED. With
 * the last one, whoever waits to send gets CREW_EBROKEN, and what the channel still holds
 * is dropped before this returns.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_receiver_close(struct crew_receiver *receiver);

/* ---- a place first, then the item ------------------------------------------------- */

/*
 * Reserves a place for one item, in line with those who send. Until it is used, or given
 * back, the channel does not end. For channels whose sends wait for a place: with a
 * capacity, and CREW_OVERFLOW_WAIT.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_EINVAL	no place is waited for in this channel
 *		CREW_ECANCELED, CREW_ECLOSED, CREW_EBROKEN, CREW_EFORKED	as crew_send()
 */
CREW_API int crew_reserve(struct crew_sender *sender, struct crew_slot *slot);

/*
 * The same if there is a place. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EWOULDBLOCK there is none
 *		CREW_EINVAL, CREW_ECLOSED, CREW_EBROKEN	as crew_reserve()
 */
CREW_API int crew_reserve_nowait(struct crew_sender *sender, struct crew_slot *slot);

/*
 * Sends by a reserved place, which is used up, whatever this returns.
 *
 * Checkpoint:	none
 * Callers:	whoever has the slot
 * Returns:	0		it is given away
 *		CREW_ECLOSED	the slot was used up before
 *		CREW_EBROKEN	all receivers are closed
 */
CREW_API int crew_slot_send(struct crew_slot *slot, const void *item);

/*
 * Gives the place back; a slot that is used up stays so.
 *
 * Checkpoint:	none
 * Callers:	whoever has the slot
 */
CREW_API void crew_slot_drop(struct crew_slot *slot);

/* ---- looking ----------------------------------------------------------------------- */

struct crew_channel_stats {
	size_t size;		  /* set by the caller: sizeof(struct crew_channel_stats) */
	uint64_t waiting;	  /* on both sides: neither served nor cancelled yet */
	uint64_t waiting_senders; /* of these, who sends or wants a place */
	uint64_t items;		  /* that it holds */
	uint64_t peak;		  /* the most it ever held */
	uint64_t capacity;
	uint64_t slots;	  /* places that are reserved */
	uint64_t senders; /* that are open */
	uint64_t receivers;
	uint64_t dropped; /* because there was no place */
};

/*
 * How much does it hold, and who waits?
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_channel_read_stats(const struct crew_channel *channel,
				      struct crew_channel_stats *stats);

/*
 * For a channel whose ends are not all closed: drops what it holds, as if they were, and
 * they must not be used any more. Owed by nobody who closes the ends. Stops the program,
 * with the names of those who wait, when anybody does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_channel_fini(struct crew_channel *channel);

CREW_END

#endif /* CREW_CHANNEL_H */
