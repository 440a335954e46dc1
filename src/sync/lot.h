/* SPDX-License-Identifier: MIT */
/*
 * lot.h - what everything in sync/ waits in: a lock, a line of waits, and those that were
 * woken and are made ready when it is unlocked. Over crew__park() (park.h), which knows no
 * line.
 *
 * WORDS
 *	wait	one wait, in one queue or in none. It lies in the waiting frame, which is in
 *		the cache of who goes on there; among many that one sets free, in the
 *		fiber's header (park.h).
 *	queue	waits in the order in which they came. A lot has one; what needs more of
 *		them (a condition has its own in its lock's lot) keeps them itself.
 *	end	take a wait out of its queue and grant it, with the code that it returns.
 *	over	granted or cancelled.
 *	WAITED	the bit in a primitive's word that sends everybody through the lot.
 *
 * LIFE OF A WAIT
 *	1. The caller looks whether it is cancelled, and prepares the wait (no lock held).
 *	2. It locks the lot and looks whether it must wait. If not: crew__wait_drop().
 *	3. crew__lot_wait() appends the wait and parks; the hook unlocks the lot.
 *	4. Somebody ends it: true. Or it was cancelled: it locks the lot and takes itself
 *	   out, if nobody has: false, the lot still locked, to put right what follows from
 *	   its leaving.
 *
 * INVARIANTS
 *	T1  Queues, waits in them, and the list of the woken are guarded by the lot's lock.
 *	T2  A wait in a queue stays where it is: who has it passes the lock first
 *	    (cancelled), or was taken out (granted).
 *	T3  What was ended is made ready after the lot was unlocked: whoever goes on may
 *	    free it.
 *	T4  A cancelled wait that is still in a queue is passed over: it has got nothing.
 *	T7  In a child process nobody is there who waited before the fork: whoever locks a lot
 *	    there first forgets its line. Other queues are forgotten by who keeps them.
 *
 * THE WORD OF A PRIMITIVE (lock, semaphore, event). While nobody waits one
 * compare-exchange on it is all. Who must wait sets WAITED under the lot's lock; from then
 * on the word is changed by whoever holds the lot, and by nobody else.
 *	T5  WAITED is in the word exactly while somebody waits whose turn can come, but for
 *	    the time in which the lot is locked, or one who was cancelled is on its way out.
 *	T6  Whoever gives (releases, sets) may be the last to touch the memory: the next one
 *	    may come by the fast way, go, and free it. While nobody waits the compare-exchange
 *	    is the last touch. With somebody in line, or on its way out, nobody else may free
 *	    it: that one has yet to return, and does so after the lot was unlocked. So a
 *	    giver that finds the lot without WAITED takes the fast way again.
 *
 * ORDERS
 *	lot.word	what gives, or clears WAITED, releases: compare-exchange, or store under
 *			the lot's lock. The compare-exchange that takes acquires. Who was woken
 *			sees what was before by its wait (park.word).
 *
 * REJECTED
 *	One table of lots by address: saves four words for each primitive, costs a shared
 *	line for each wait, and a bucket's lock held over many strangers. A lock-free queue: a
 *	cancelled wait must be out of it at once, in the middle.
 *
 * GUARDED BY tests/model/lot.c, tests/api/lot.c.
 */
#ifndef CREW__LOT_H
#define CREW__LOT_H

#include "base/sized.h"
#include "exec/exec.h"

#include "crew/lot.h"

/* In the word of a primitive. */
#define CREW__WAITED UINT64_C(1)

static inline struct crew__lock *crew__lot_lock(struct crew_lot *lot)
{
	return (struct crew__lock *)(void *)&lot->private_.lock;
}

/* T7. False. */
bool crew__lot_forget(struct crew_lot *lot);

/* Locks the lot. False: for the first time in a child process. */
static inline bool crew__lot_enter(struct crew_lot *lot)
{
	crew__lock_acquire(crew__lot_lock(lot));
	return crew__likely(lot->private_.forks == crew__forks) || crew__lot_forget(lot);
}

/* Unlocks, then makes the woken ready. LAST TOUCH of the lot is the unlock. */
void crew__lot_leave(struct crew_lot *lot);

static inline void crew__wait_fill(struct crew__wait *wait, const struct crew__waiter *waiter,
				   uint64_t what)
{
	wait->waiter.parker = waiter->parker; /* (not as one: it was written word by word) */
	wait->waiter.expected = waiter->expected;
	wait->queue = NULL;
	wait->what = what;
	wait->rc = 0;
	wait->ended = false;
}

/* pre: no lock is held. `interruptible`: a cancellation may end it. */
static inline void crew__wait_prepare(struct crew__wait *wait, uint64_t what, bool interruptible)
{
	struct crew__waiter waiter;

	crew__waiter_init(&waiter, interruptible);
	crew__wait_fill(wait, &waiter, what);
}

/* The same for what very many may wait for: a fiber has a wait for that, a plain thread has
 * `frame`. */
static inline struct crew__wait *crew__wait_among_many(struct crew__wait *frame, uint64_t what,
						       bool interruptible)
{
	struct crew__wait *wait = frame;
	struct crew__waiter waiter;

	crew__waiter_init(&waiter, interruptible); /* it may run hooks, which may wait */
	if (!waiter.parker->is_thread)
		wait = &crew__container(waiter.parker, struct crew__fiber, parker)->wait;
	crew__wait_fill(wait, &waiter, what);
	return wait;
}

/* There was nothing to wait for. */
static inline void crew__wait_drop(struct crew__wait *wait)
{
	crew__waiter_fini(&wait->waiter);
}

/*
 * Waits at the end of `queue`. pre: the lot is locked. True: it was ended, wait->rc says how;
 * the lot is not locked, and perhaps gone. False: cancelled; the lot is locked, the wait is in
 * no queue.
 */
bool crew__lot_wait(struct crew_lot *lot, struct crew_lot_queue *queue, struct crew__wait *wait,
		    const char *reason);
/* The same with a wait that is in its queue already. */
bool crew__lot_park(struct crew_lot *lot, struct crew__wait *wait, const char *reason);

/* pre of what follows: the lot is locked. */

void crew__queue_append(struct crew_lot_queue *queue, struct crew__wait *wait);
void crew__queue_prepend(struct crew_lot_queue *queue, struct crew__wait *wait);
void crew__queue_remove(struct crew__wait *wait);
/* The first that is not over, or NULL; those before it are taken out. */
struct crew__wait *crew__queue_first(struct crew_lot_queue *queue);
/* The one behind it that is not over, or NULL. */
struct crew__wait *crew__queue_after(const struct crew__wait *wait);
/* How many are not over. */
uint64_t crew__queue_count(const struct crew_lot_queue *queue);

/* Takes the wait out and grants it. False: it was cancelled. */
bool crew__lot_end(struct crew_lot *lot, struct crew__wait *wait, int rc);
/* Undoes crew__make_firm(), if that was done and it is not over: what has come meanwhile to
 * cancel it does so now. */
void crew__lot_let_go(struct crew_lot *lot, struct crew__wait *wait);
/* Ends all waits of the queue. How many it has ended. */
size_t crew__lot_end_all(struct crew_lot *lot, struct crew_lot_queue *queue, int rc);

/* Stops the program, with the sentence and the names of those in the queue, if any are. */
void crew__queue_fini(const struct crew_lot_queue *queue, const char *sentence);
/* The same for the queue of a lot that is not locked. */
void crew__lot_fini(struct crew_lot *lot, const char *sentence);

/* Who is it? A task's name, or where it was spawned. NULL is a plain thread. */
const char *crew__name_of(const struct crew__fiber *fiber);

#endif /* CREW__LOT_H */
