/* SPDX-License-Identifier: MIT */
/*
 * crew/broadcast.h - items that go to everybody who has subscribed.
 *
 * Each subscriber receives every item that is sent while it is open, in order. The last
 * `capacity` items are kept; of a subscriber that is further behind the options say what
 * becomes: senders wait for it, or it misses the oldest ones and can see how many.
 *
 *	int follow(struct crew_broadcast *prices)
 *	{
 *		struct crew_subscriber mine;
 *		double price;
 *		int rc;
 *
 *		crew_subscriber_open(&mine, prices, CREW_FROM_KEPT);
 *		while ((rc = crew_subscriber_receive(&mine, &price)) == 0)
 *			printf("%g, %d missed\n", price, (int)crew_subscriber_missed(&mine));
 *		crew_subscriber_close(&mine);
 *		return rc == CREW_EEND ? 0 : rc;
 *	}
 *
 * Kinds, by their options:
 *
 *	.overflow = CREW_OVERFLOW_WAIT	nobody misses anything; the slowest holds up senders
 *	.overflow = CREW_DROP_OLDEST	a send never waits
 *	.capacity = 1, CREW_DROP_OLDEST	one value that changes: who subscribes CREW_FROM_KEPT
 *					gets it as it is, then waits for the next
 *
 * Items are copied to each that receives them, so they should not own anything.
 *
 * What the calls cost, with n subscribers:
 *
 *	send			the lot's lock, two copies; for each that waits one more, a
 *				compare-exchange, and it is made ready; where senders wait,
 *				a walk over the n for each `capacity` items
 *	receive			the lot's lock, a copy; if it waits two switches, no memory;
 *				if somebody waits to send, a walk over the n
 *
 * See also: crew/channel.h (each item to one), crew/select.h.
 */
#ifndef CREW_BROADCAST_H
#define CREW_BROADCAST_H

#include "crew/base.h"
#include "crew/channel.h"
#include "crew/lot.h"

CREW_BEGIN

struct crew_broadcast_options {
	size_t size;		     /* set by CREW_BROADCAST() */
	size_t capacity;	     /* items that are kept; 0: one */
	enum crew_overflow overflow; /* CREW_OVERFLOW_WAIT or CREW_DROP_OLDEST */
	uint32_t reserved;
};

#define CREW_BROADCAST(...) CREW_OPTIONS_(crew_broadcast_options, __VA_ARGS__)

/* Must not be moved or copied. crew_broadcast_fini() is owed. No field is for callers. */
struct crew_broadcast {
	struct {
		struct crew_lot lot; /* its line: who receives */
		struct crew_lot_queue senders;
		void *subscribers; /* the first one */
		unsigned char *items;
		size_t item_bytes;
		size_t capacity;
		uint64_t next;	 /* the number of the next item */
		uint64_t needed; /* no subscriber has yet to receive one before that */
		uint64_t count;	 /* of subscribers */
		uint32_t overflow;
		bool closed;
		void *reserved[2];
	} private_;
};

/* Zeroed storage is closed. Must not be moved or copied while it is open. No field is for
 * callers. */
struct crew_subscriber {
	struct {
		struct crew_word broadcast;
		struct crew_subscriber *next;
		struct crew_subscriber *prev;
		uint64_t position; /* the number of the next item that it receives */
		uint64_t missed;
		void *reserved;
	} private_;
};

/*
 * A broadcast of items of `item_bytes`, without subscribers.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EINVAL	no bytes, or more than CREW_ITEM_MAX; another overflow
 *		CREW_ENOMEM
 */
CREW_API int crew_broadcast_init(struct crew_broadcast *broadcast, size_t item_bytes,
				 const struct crew_broadcast_options *options);

/*
 * Sends a copy of *item to all. Where senders wait: until all subscribers have received the
 * item that must go for it. What was written before is visible to whoever receives it.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited: nothing sent
 *		CREW_ECLOSED	it is closed, or was while this waited: nothing sent
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_broadcast_send(struct crew_broadcast *broadcast, const void *item);

/*
 * The same if it need not wait. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EWOULDBLOCK it would have to wait
 *		CREW_ECLOSED	it is closed
 */
CREW_API int crew_broadcast_send_nowait(struct crew_broadcast *broadcast, const void *item);

/*
 * The latest item that was sent.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EEMPTY	none was
 */
CREW_API int crew_broadcast_read_latest(const struct crew_broadcast *broadcast, void *item);

/*
 * Nothing more is sent. Subscribers still receive what they have not yet; who waits is told.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_broadcast_close(struct crew_broadcast *broadcast);

/* Where a subscriber begins. */
enum crew_from {
	CREW_FROM_NOW = 0, /* with the next item that is sent */
	CREW_FROM_KEPT,	   /* with the oldest that is kept */
};

/*
 * Another subscriber.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_subscriber_open(struct crew_subscriber *subscriber,
				   struct crew_broadcast *broadcast, enum crew_from from);

/*
 * Receives the next item. Waits at the end of the line until there is one. Several may wait
 * with one subscriber: each item goes to one of them.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited
 *		CREW_ECLOSED	this subscriber is closed, or was while it waited
 *		CREW_EEND	the broadcast is closed, and all was received
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_subscriber_receive(struct crew_subscriber *subscriber, void *item);

/*
 * The same if it need not wait. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EWOULDBLOCK there is nothing new
 *		CREW_ECLOSED, CREW_EEND	as crew_subscriber_receive()
 */
CREW_API int crew_subscriber_receive_nowait(struct crew_subscriber *subscriber, void *item);

/*
 * How many items it was too slow for, up to the one that it received last.
 *
 * Checkpoint:	none
 * Callers:	who receives with it
 * Returns:	their number
 */
CREW_API uint64_t crew_subscriber_missed(struct crew_subscriber *subscriber);

/*
 * Closes it; once more does nothing. Whoever waits with it gets CREW_ECLOSED; senders that
 * waited for it go on.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_subscriber_close(struct crew_subscriber *subscriber);

struct crew_broadcast_stats {
	size_t size;		  /* set by the caller: sizeof(struct crew_broadcast_stats) */
	uint64_t waiting;	  /* on both sides: neither served nor cancelled yet */
	uint64_t waiting_senders; /* of these */
	uint64_t sent;
	uint64_t subscribers;
	uint64_t capacity;
};

/*
 * How many were sent, and who waits?
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_broadcast_read_stats(const struct crew_broadcast *broadcast,
					struct crew_broadcast_stats *stats);

/*
 * Frees what it keeps; its subscribers are closed before. Stops the program, with the names
 * of those who wait, when anybody does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_broadcast_fini(struct crew_broadcast *broadcast);

CREW_END

#endif /* CREW_BROADCAST_H */
