/* SPDX-License-Identifier: MIT */
/*
 * once.c - a call that is made until it succeeds, over a lot (lot.h). The word is 0, who makes
 * the call (hold.h: what a holder is), with CREW__WAITED if somebody waits, or ONCE_DONE.
 *
 * INVARIANTS
 *	O1  One makes the call: who has put itself into the word, or was put there by the one
 *	    before, which failed.
 *	O2  ONCE_DONE stays.
 *
 * GUARDED BY tests/model/once.c, tests/api/once.c.
 */
#include "sync/hold.h"

#include "crew/once.h"

#define ONCE_DONE UINT64_C(4)
#define OUR_TURN  1 /* what a wait returns: the caller makes the call */

/* With somebody in line, or who was. Whoever may free it waits for this call to return. */
static __attribute__((noinline)) void settle_in_line(struct crew_once *once, bool done)
{
	struct crew_lot *lot = &once->private_.lot;
	uint64_t word = done ? ONCE_DONE : 0;
	struct crew__wait *heir;

	crew__lot_enter(lot);
	if (done)
		crew__lot_end_all(lot, &lot->private_.queue, 0);
	while (!word && (heir = crew__queue_first(&lot->private_.queue)))
		if (crew__lot_end(lot, heir, OUR_TURN))
			word = heir->what | (lot->private_.queue.first ? CREW__WAITED : 0);
	crew__store_release(&once->private_.word, word); /* pairs: lot.word */
	crew__lot_leave(lot);
}

static void settle(struct crew_once *once, uint64_t self, bool done)
{
	uint64_t word = self;

	/* pairs: lot.word */
	if (!crew__cas_acq_rel(&once->private_.word, &word, done ? ONCE_DONE : 0))
		settle_in_line(once, done);
}

/* pre: the lot is locked. 0: done; OUR_TURN; or CREW_EWOULDBLOCK: who makes the call will come
 * through the lot. */
static int claim(struct crew_once *once, uint64_t self)
{
	uint64_t word = crew__load_acquire(&once->private_.word); /* pairs: lot.word */

	while (word != ONCE_DONE) {
		uint64_t next = word ? word | CREW__WAITED : self;

		/* pairs: lot.word */
		if (word == next || crew__cas_acq_rel(&once->private_.word, &word, next))
			return word ? CREW_EWOULDBLOCK : OUR_TURN;
	}
	return 0;
}

/* 0: done; OUR_TURN; CREW_ECANCELED. */
static int begin_once(struct crew_once *once, uint64_t self)
{
	struct crew_lot *lot = &once->private_.lot;
	struct crew__wait wait;
	uint64_t word = 0;
	int rc;

	if (crew__cas_acq_rel(&once->private_.word, &word, self)) /* pairs: lot.word */
		return OUR_TURN;
	crew__wait_prepare(&wait, self, true);
	crew__lot_enter(lot);
	rc = claim(once, self);
	if (rc != CREW_EWOULDBLOCK) {
		crew__lot_leave(lot);
		crew__wait_drop(&wait);
		return rc;
	}
	if (crew__lot_wait(lot, &lot->private_.queue, &wait, "once"))
		return wait.rc;
	crew__lot_leave(lot);
	return CREW_ECANCELED;
}

int crew_once_do(struct crew_once *once, crew_task_fn *fn, void *arg)
{
	struct crew__caller caller = crew__caller();
	uint64_t self = crew__hold_self(&caller);
	int rc;

	if (!fn)
		return CREW_EINVAL;
	if ((crew__load_relaxed(&once->private_.word) & ~CREW__WAITED) == self)
		return CREW_EDEADLK;
	rc = crew__caller_check(&caller);
	if (rc || crew_once_is_done(once))
		return rc;
	rc = begin_once(once, self);
	if (rc != OUR_TURN)
		return rc;
	rc = fn(arg);
	settle(once, self, rc == 0);
	return rc;
}

bool crew_once_is_done(const struct crew_once *once)
{
	return crew__load_acquire(&once->private_.word) == ONCE_DONE; /* pairs: lot.word */
}

void crew_once_read_stats(const struct crew_once *once, struct crew_once_stats *stats)
{
	struct crew_once *locked = (struct crew_once *)(uintptr_t)once;
	struct crew_once_stats now = { .size = sizeof(now) };
	uint64_t word;

	crew__lot_enter(&locked->private_.lot);
	word = crew__load_relaxed(&once->private_.word);
	now.waiting = crew__queue_count(&once->private_.lot.private_.queue);
	now.done = word == ONCE_DONE;
	now.running = word && !now.done;
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_once_fini(struct crew_once *once)
{
	crew__lot_fini(&once->private_.lot, "a once is given up while somebody waits for it");
}
