/* SPDX-License-Identifier: MIT */
/*
 * park.h - how a task or a plain thread stops running, and how it is set
 * running again. Every wait in this library ends up in crew__park().
 *
 * WORDS
 *	parker	what can wait: a fiber (a task's stack), or a plain thread. Parkers
 *		are type-stable: a late touch finds a parker, if not the same wait.
 *	waiter	one wait. Lies in the waiting frame.
 *	word	ticket and state of a parker. The ticket counts its waits.
 *	lot	what the awaited thing keeps its waiters in, and the lock over it:
 *		of a timer heap, of a group, of a queue. park.c knows only `after`.
 *	waker	makes the awaited thing true. Holds the lot's lock.
 *	canceller	interrupts the wait. Finds the parker in the tree of scopes (cancel.h);
 *		knows no frame of it and no lot.
 *
 * LIFE OF A WAIT
 *	1. The waiter is prepared: a new ticket, and if it can be interrupted the parker
 *	   becomes a member of its innermost scope. The lot is locked, the task finds that
 *	   it must wait and links its waiter.
 *	2. crew__park() switches to another fiber, with the lot still locked. That
 *	   one runs the hook before anything else:
 *	3. word = WAITING (or FIRM: cannot be interrupted); if WAITING look whether the
 *	   innermost scope is effective: resolve as CANCELLED if so; then after(arg)
 *	   unlocks the lot.
 *	4. A waker moves the word from WAITING or FIRM to GRANTED, a canceller from
 *	   WAITING to CANCELLED: one compare-exchange wins.
 *	5. The winner, and nobody else, makes the parker ready; a waker unlocks the
 *	   lot first.
 *	6. The task goes on, perhaps on another worker. When CANCELLED it locks the lot
 *	   and takes its waiter out, if it is still in.
 *
 *	                +-- waker, lot locked --> GRANTED ----+
 *	RUNNING -> WAITING                                    +-> ready -> RUNNING
 *	                +-- canceller ----------> CANCELLED --+
 *	           |  a wait can be made firm on the way: WAITING -> FIRM, and back
 *	RUNNING -> FIRM --- waker, lot locked --> GRANTED ------> ready -> RUNNING
 *
 *	A timeout is a grant by the timer (a sleep that is over) or a cancellation.
 *
 * INVARIANTS
 *	P1  Nobody can reach a waiter before the registers of its fiber are saved:
 *	    the lot is locked until step 3, and a canceller needs WAITING.
 *	P2  The word becomes GRANTED or CANCELLED once for each ticket.
 *	P3  Making a parker ready is the winner's last touch of waiter, frame and lot,
 *	    and nobody goes on before: a fiber cannot, a plain thread waits for the
 *	    signal although the word may already say that it has been granted.
 *	P4  A cancelled task that has not yet passed its lot's lock keeps the lot alive, and
 *	    its scopes: so step 3 may look and unlock even when a canceller was faster.
 *	P5  An interrupt is never lost: it is seen in step 3, or finds WAITING.
 *	P6  No lock is held across a switch but the lot's, which step 2 hands over.
 *
 * ORDERS
 *	park.word	the hook's store releases the saved registers; whoever wins the
 *			compare-exchange acquires them, and hands them on with the ready
 *			queue (pairs: ring.tail, inject.put).
 *	cancel.effective	see cancel.h.
 *
 * REJECTED
 *	A lock for each task: longer ways for each ping-pong. Publishing before the
 *	switch and letting the waker spin until the registers are saved: it then
 *	spins on a thread that the kernel may have paused. Looking at the scope after
 *	the lot is unlocked: the frame may be gone by then.
 *
 * GUARDED BY tests/model/park.c, tests/model/crew.c.
 */
#ifndef CREW__PARK_H
#define CREW__PARK_H

#include "base/atomic.h"
#include "base/list.h"

enum crew__park_state {
	CREW__RUNNING,
	CREW__WAITING,
	CREW__FIRM,
	CREW__GRANTED,
	CREW__CANCELLED,
};

#define CREW__PARK_STATE(word)	((enum crew__park_state)(7 & (word)))
#define CREW__PARK_TICKET(word) (~UINT64_C(7) & (word))

struct crew__parker {
	struct crew_word word;
	struct crew_scope *scope;   /* own: it is a member of (cancel.h) */
	struct crew__link member;   /* guarded by that scope's lock */
	struct crew__parker *woken; /* of whoever ended the wait, until it is ready */
	struct crew__word32 signal; /* plain threads sleep on it: the bits below */
	uint32_t is_thread;
};

/* look what time it is for you: a deadline has moved */
#define CREW__SIGNAL_LOOK 1U
/* your wait is over; exactly one for each wait that another side has won */
#define CREW__SIGNAL_READY 2U

struct crew_scope;
struct crew_lot_queue;

struct crew__waiter {
	struct crew__parker *parker;
	uint64_t expected; /* the word while this wait lasts */
};

/*
 * One wait in a line (sync/lot.h). Each fiber has one beside its parker, for waits among very
 * many: who wakes them goes through memory that the processor reads ahead. On the waiting
 * stacks each would be on a page of its own.
 */
struct crew__wait {
	struct crew__waiter waiter;
	struct crew_lot_queue *queue; /* that it is in, or NULL */
	struct crew__wait *next;
	struct crew__wait *prev;
	uint64_t what; /* it waits for: a count, who it is, an argument */
	int rc;	       /* what the wait returns when it is granted */
	bool ended;    /* it was granted: of the waits of a select (select.c) one is */
};

/*
 * Step 1. Gives the waiter its parker and its ticket. Cannot fail: a fiber is a
 * parker, and plain threads share a pool of them (when there is no memory for one
 * more, the thread waits for one to come back). pre: no lock is held, if interruptible.
 */
void crew__waiter_init(struct crew__waiter *waiter, bool interruptible);
/* Granted or cancelled already? pre: the lot is locked, and the parker has parked. */
static inline bool crew__waiter_over(const struct crew__waiter *waiter)
{
	return crew__load_relaxed(&waiter->parker->word) != waiter->expected;
}
/* Instead of parking, when there is nothing to wait for after all. */
void crew__waiter_fini(struct crew__waiter *waiter);

/*
 * Steps 2 to 6. `reason` is a constant, unique for each place that parks. `when`
 * is for plain threads only: at that moment the wait is granted by itself; tasks
 * use the timer. Returns false when the wait was cancelled. Ends the waiter.
 * pre: no lock is held but the lot's, which after(arg) unlocks.
 */
bool crew__park(struct crew__waiter *waiter, void (*after)(void *), void *arg, crew_time when,
		const char *reason);

/*
 * Step 4 for a waker. True: it won, and now must call crew__ready() once, after
 * it has let go of the lot. pre: the lot is locked.
 */
bool crew__grant(const struct crew__waiter *waiter, struct crew__parker **parker);
/*
 * Step 4 for a canceller. True: it won, and now must call crew__ready() once. Who is not
 * in a wait that can be interrupted is left alone.
 * pre: it is a member of an effective scope whose lock is held.
 */
bool crew__cancel_parker(struct crew__parker *parker);
/* A plain thread that waits looks at its deadlines anew. */
void crew__tell_parker(struct crew__parker *parker);
/*
 * From WAITING to FIRM: from now on only a grant ends this wait. False: a
 * canceller was faster. pre: the lot is locked.
 */
bool crew__make_firm(struct crew__waiter *waiter);
/*
 * Back to WAITING. True: it was cancelled meanwhile, and now crew__ready() must be called
 * once, after the lot is let go. pre: the lot is locked; it was made firm, and is.
 */
bool crew__make_loose(struct crew__waiter *waiter, struct crew__parker **parker);
/* Step 5. */
void crew__ready(struct crew__parker *parker);

/* How many plain threads wait without an end, and have not been told anything. *moves becomes
 * another number when one of them has waited anew. (stuck.h) */
uint32_t crew__parkers_still(uint64_t *moves);

struct crew__parked {
	const char *reason;
	uint64_t threads;
};
/* What plain threads wait for, and how many of them: the first `most` reasons. Returns how
 * many reasons are in the list. */
uint32_t crew__parkers_reasons(struct crew__parked list[], uint32_t most);

/* crew__port_fork_count(), for who asks often. */
extern uint32_t crew__forks;

/* After fork, in the child: forgets what threads that are gone held. */
void crew__park_in_child(void);
#endif /* CREW__PARK_H */
