/* SPDX-License-Identifier: MIT */
/*
 * ops.h - random operations on all that can be waited for, by tasks and plain threads at a
 * time: locks, semaphores, conditions, events, notices, latches, barriers, once; channels and
 * select are in ops_channel.h; rwlocks, limiters, keyed locks and guards in ops_more.h;
 * broadcasts, rates, tickers and flights in ops_shared.h; cancelling and rounds in ops_run.h.
 * They are run by stress/sync.c (real threads) and model/sync_mix.c (the simulated world).
 *
 * A round: so many actors, tasks and threads, begin together and do so many steps each. A step
 * is an operation, most often in a scope with a deadline of 0 to 100 us, which others may
 * cancel. Inside of some operations, with a lock or units held, there is another one; some are
 * done by a child that is cancelled. What an actor does is made from the seed and its number.
 *
 * What must hold, whoever is cancelled: one at a time holds a lock; units are never more than
 * there were; what was written before a set, a count, a success is visible behind it; a barrier
 * lets all of a round go on or none; who is told of a cancellation is cancelled. When all have
 * ended: nobody waits, everything was counted, all units are back. A wake-up that is lost
 * leaves somebody waiting for ever: who waits without a deadline waits for what must come.
 *
 * Whoever includes this defines OPS_CHECK(condition, message).
 */
#ifndef SUPPORT_OPS_H
#define SUPPORT_OPS_H

#include "crew.h"

#include "base/atomic.h"
#include "base/random.h"

#include <string.h>

#define OPS_ACTORS  68
#define OPS_DEPTH   2 /* operations inside of one */
#define OPS_SEVERAL 3 /* of everything else */
#define OPS_LOCKS   (OPS_SEVERAL + 1)
#define OPS_BOXES   2 /* the first locks have one each */
#define OPS_PARTIES 3

struct ops_round {
	uint64_t seed;
	unsigned tasks;
	unsigned threads;
	unsigned steps; /* of each */
	bool swarm;	/* only a few kinds of operations, on fewer things: they meet more often */
};

struct ops_actor {
	uint64_t random;
	unsigned depth;
	unsigned first_lock; /* that may be acquired: those before are held by it, or around it */
	bool bounded;	     /* something ends its waits */
};

static struct {
	struct crew *crew;
	struct ops_round round;
	unsigned actors;
	unsigned several; /* of OPS_SEVERAL and the like, these are used */
	struct crew_task *task[OPS_ACTORS];
	struct crew_barrier begin;
	struct crew_word firsts;
	struct crew_word done; /* operations */
	/* of somebody's scope, for who cancels it */
	struct crew_word ref[OPS_SEVERAL];

	struct {
		struct crew_lock lock; /* every other one is barging */
		unsigned inside;       /* plain memory, as all that is not a word */
		uint64_t turns;
		struct crew_word acquired;
	} lock[OPS_LOCKS];
	struct {
		struct crew_condition filled;
		unsigned items;
		struct crew_word put;
		struct crew_word taken;
	} box[OPS_BOXES];
	struct {
		struct crew_semaphore semaphore;
		uint64_t units;
		struct crew_word held;
	} store[OPS_SEVERAL];
	struct {
		struct crew_event event;
		struct crew_word setter;
		struct crew_word seen;
		uint64_t letter;
	} event[OPS_SEVERAL];
	struct {
		struct crew_notify notify;
		struct crew_word letters;
	} inbox;
	struct {
		struct crew_notify notify;
		bool held;
	} token; /* a notice that is passed on */
	struct {
		struct crew_latch latch;
		bool counted[OPS_ACTORS];
	} latch;
	struct {
		struct crew_barrier barrier;
		struct crew_word passed;
		struct crew_word lasts;
	} barrier[OPS_SEVERAL];
	struct {
		struct crew_once once;
		bool running;
		uint64_t done;
	} once[OPS_SEVERAL];
} ops;

static inline uint32_t ops_below(struct ops_actor *a, uint32_t bound)
{
	return crew__random_below(&a->random, bound);
}

static inline bool ops_toss(struct ops_actor *a, uint32_t one_in)
{
	return ops_below(a, one_in) == 0;
}

static inline int ops_told(int rc)
{
	return rc == CREW_ECANCELED ? rc : 0;
}

static inline void ops_any(struct ops_actor *a);

/* In the middle of something. */
static inline void ops_inside(struct ops_actor *a)
{
	if (ops_toss(a, 3))
		crew_yield();
	else if (a->depth < OPS_DEPTH && ops_toss(a, 4))
		ops_any(a);
}

/* ---- locks, conditions -------------------------------------------------------------- */

static inline void ops_lock_begins(unsigned i)
{
	OPS_CHECK(ops.lock[i].inside++ == 0, "two hold a lock");
}

static inline void ops_lock_ends(unsigned i)
{
	OPS_CHECK(--ops.lock[i].inside == 0, "two held a lock");
}

static inline int ops_acquire(struct ops_actor *a, unsigned i)
{
	bool nowait = ops_toss(a, 4);
	int rc = nowait ? crew_lock_acquire_nowait(&ops.lock[i].lock) :
			  crew_lock_acquire(&ops.lock[i].lock);

	OPS_CHECK(rc == 0 || rc == (nowait ? CREW_EWOULDBLOCK : CREW_ECANCELED), "acquire a lock");
	if (rc == 0)
		ops_lock_begins(i);
	return rc;
}

static inline void ops_release(unsigned i)
{
	ops_lock_ends(i);
	OPS_CHECK(crew_lock_release(&ops.lock[i].lock) == 0, "release a lock");
}

/* One, and inside perhaps others behind it. */
static inline int ops_lock(struct ops_actor *a)
{
	unsigned first = a->first_lock, i;
	int rc;

	if (first > ops.several)
		return 0;
	i = first + ops_below(a, ops.several + 1 - first);
	rc = ops_acquire(a, i);
	if (rc)
		return rc;
	ops.lock[i].turns++;
	crew__add_relaxed(&ops.lock[i].acquired, 1);
	a->first_lock = i + 1;
	ops_inside(a);
	a->first_lock = first;
	ops_release(i);
	return 0;
}

static inline bool ops_is_filled(void *arg)
{
	return *(unsigned *)arg > 0;
}

/* For everybody who takes one there will be one. */
static inline void ops_put(struct ops_actor *a, unsigned i)
{
	struct crew_scope scope;

	crew_scope_open(&scope, CREW_SCOPE(.shield = true));
	OPS_CHECK(crew_lock_acquire(&ops.lock[i].lock) == 0, "acquire behind a shield");
	ops_lock_begins(i);
	ops.box[i].items++;
	OPS_CHECK((ops_toss(a, 8) ? crew_condition_notify_all(&ops.box[i].filled) :
				    crew_condition_notify(&ops.box[i].filled, 1)) == 0,
		  "notify");
	ops_release(i);
	crew_scope_close(&scope, 0);
	crew__add_relaxed(&ops.box[i].put, 1);
}

static inline int ops_take(struct ops_actor *a, unsigned i)
{
	struct crew_condition *filled = &ops.box[i].filled;
	bool until = ops_toss(a, 4);
	int rc = crew_lock_acquire(&ops.lock[i].lock);

	if (rc)
		return rc;
	ops_lock_begins(i);
	while (rc == 0 && ops.box[i].items == 0) {
		ops_lock_ends(i);
		rc = until ? crew_condition_wait_for(filled, ops_is_filled, &ops.box[i].items) :
			     crew_condition_wait(filled);
		ops_lock_begins(i);
		OPS_CHECK(rc == 0 || rc == CREW_ECANCELED, "wait for a condition");
		OPS_CHECK(rc || !until || ops.box[i].items, "waited for nothing");
	}
	ops.box[i].items -= rc == 0;
	ops_release(i);
	crew__add_relaxed(&ops.box[i].taken, rc == 0);
	return rc;
}

/* Takes one and puts it back. */
static inline int ops_condition(struct ops_actor *a)
{
	unsigned i = ops_below(a, ops.several < OPS_BOXES ? ops.several : OPS_BOXES);
	int rc;

	if (a->first_lock || !a->bounded)
		return 0;
	rc = ops_take(a, i);
	if (rc)
		return rc;
	ops_inside(a);
	ops_put(a, i);
	return 0;
}

/* ---- semaphores --------------------------------------------------------------------- */

static inline int ops_semaphore(struct ops_actor *a)
{
	unsigned i = ops_below(a, ops.several);
	struct crew_semaphore *semaphore = &ops.store[i].semaphore;
	uint64_t count = 1 + ops_below(a, (uint32_t)ops.store[i].units);
	bool nowait = ops_toss(a, 4);
	int rc = nowait ? crew_semaphore_acquire_nowait(semaphore, count) :
			  crew_semaphore_acquire(semaphore, count);

	OPS_CHECK(rc == 0 || rc == (nowait ? CREW_EWOULDBLOCK : CREW_ECANCELED), "acquire units");
	if (rc)
		return rc;
	OPS_CHECK(crew__add_relaxed(&ops.store[i].held, count) + count <= ops.store[i].units,
		  "more units are held than there are");
	ops_inside(a);
	crew__add_relaxed(&ops.store[i].held, -count);
	OPS_CHECK(crew_semaphore_release(semaphore, count) == 0, "release units");
	return 0;
}

/* ---- what happens ------------------------------------------------------------------- */

static inline int ops_event(struct ops_actor *a)
{
	unsigned i = ops_below(a, ops.several);
	bool seen = crew__load_acquire(&ops.event[i].seen);
	struct crew_event *event = &ops.event[i].event;
	int rc;

	OPS_CHECK(!seen || crew_event_is_set(event), "an event was set and is not");
	if (ops_toss(a, 16) && !crew__exchange_acq_rel(&ops.event[i].setter, 1)) {
		ops.event[i].letter = 7;
		crew_event_set(event);
	}
	if (!a->bounded)
		return 0;
	rc = crew_event_wait(event);
	OPS_CHECK(rc == 0 || rc == CREW_ECANCELED, "wait for an event");
	if (rc == 0) {
		OPS_CHECK(ops.event[i].letter == 7, "what was written before a set is not there");
		crew__store_release(&ops.event[i].seen, 1);
	}
	return rc;
}

static inline int ops_take_notice(struct ops_actor *a, struct crew_notify *notify, bool comes)
{
	bool nowait = !(comes || a->bounded) || ops_toss(a, 4);
	int rc = nowait ? crew_notify_take_nowait(notify) : crew_notify_take(notify);

	OPS_CHECK(rc == 0 || rc == (nowait ? CREW_EWOULDBLOCK : CREW_ECANCELED), "take a notice");
	return rc;
}

static inline int ops_notify(struct ops_actor *a)
{
	int rc;

	if (ops_toss(a, 2)) {
		crew__add_acq_rel(&ops.inbox.letters, 1);
		crew_notify_one(&ops.inbox.notify);
		return 0;
	}
	rc = ops_take_notice(a, &ops.inbox.notify, false);
	if (rc == 0)
		crew__exchange_acq_rel(&ops.inbox.letters, 0);
	return rc;
}

static inline int ops_token(struct ops_actor *a)
{
	int rc = ops_take_notice(a, &ops.token.notify, true);

	if (rc)
		return rc;
	OPS_CHECK(!ops.token.held, "two have one notice");
	ops.token.held = true;
	ops_inside(a);
	ops.token.held = false;
	crew_notify_one(&ops.token.notify);
	return 0;
}

static inline int ops_latch(struct ops_actor *a)
{
	int rc;

	if (!a->bounded)
		return 0;
	rc = crew_latch_wait(&ops.latch.latch);
	OPS_CHECK(rc == 0 || rc == CREW_ECANCELED, "wait for a latch");
	for (unsigned i = 0; rc == 0 && i < ops.actors; i++)
		OPS_CHECK(ops.latch.counted[i], "a latch opened too early");
	return rc;
}

static inline int ops_barrier(struct ops_actor *a)
{
	unsigned i = ops_below(a, ops.several);
	bool last = false;
	int rc;

	if (!a->bounded)
		return 0;
	rc = crew_barrier_wait(&ops.barrier[i].barrier, &last);
	OPS_CHECK(rc == 0 || rc == CREW_ECANCELED || rc == CREW_EBROKEN, "wait at a barrier");
	OPS_CHECK(rc == 0 || !last, "last, and did not pass");
	crew__add_relaxed(&ops.barrier[i].passed, rc == 0);
	crew__add_relaxed(&ops.barrier[i].lasts, last);
	return rc == CREW_EBROKEN ? 0 : rc;
}

struct ops_try {
	struct ops_actor *actor;
	unsigned i;
};

static inline int ops_try_once(void *arg)
{
	struct ops_try *try = (struct ops_try *)arg;
	unsigned i = try->i;
	int rc;

	OPS_CHECK(!ops.once[i].running, "two do it at a time");
	OPS_CHECK(!ops.once[i].done, "it is done twice");
	ops.once[i].running = true;
	rc = ops_toss(try->actor, 2) ? crew_sleep(CREW_US(ops_below(try->actor, 30))) : 0;
	ops.once[i].running = false;
	if (rc == 0 && ops_toss(try->actor, 2))
		rc = 7;
	ops.once[i].done = rc == 0;
	return rc;
}

static inline int ops_once(struct ops_actor *a)
{
	struct ops_try try = { a, ops_below(a, ops.several) };
	int rc = crew_once_do(&ops.once[try.i].once, ops_try_once, &try);

	OPS_CHECK(rc == 0 || rc == 7 || rc == CREW_ECANCELED, "do it once");
	OPS_CHECK(rc || (ops.once[try.i].done && crew_once_is_done(&ops.once[try.i].once)),
		  "it is not done");
	return rc == 7 ? 0 : rc;
}

#endif /* SUPPORT_OPS_H */
