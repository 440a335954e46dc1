/* SPDX-License-Identifier: MIT */
/*
 * semaphore.c - units that are taken and given back, over a lot (lot.h).
 *
 * WORDS
 *	word	the value, twice, and CREW__WAITED
 *	count	what a wait is for: wait->what
 *	turn	who is first of those that can ever be served
 *
 * INVARIANTS
 *	S1  With somebody whose turn it is in line the word is WAITED; the value is below its
 *	    count whenever the lot is unlocked, unless who was first is cancelled and on its
 *	    way out: it looks again when it leaves.
 *	S2  What was given is in the value or was granted, whatever is cancelled meanwhile.
 *	S3  The value is not above the maximum.
 *
 * THE MAXIMUM is compared with what is left when all in line were served that fit. Only a
 * program that gives back more than was taken comes near it: then those that fit are made
 * firm first, for nobody can be served in part, and are not firm any more if it is refused.
 *
 * GUARDED BY tests/model/semaphore.c, tests/api/semaphore.c.
 */
#include "sync/lot.h"

#include "crew/semaphore.h"

static uint64_t max_of(const struct crew_semaphore *semaphore)
{
	return semaphore->private_.max ? semaphore->private_.max : CREW_SEMAPHORE_MAX;
}

/* Whose turn is it? Or NULL. pre: the lot is locked. */
static struct crew__wait *turn_of(struct crew_semaphore *semaphore)
{
	struct crew__wait *wait = crew__queue_first(&semaphore->private_.lot.private_.queue);

	while (wait && wait->what > max_of(semaphore))
		wait = crew__queue_after(wait);
	return wait;
}

/* Serves who can be served. What is left of `value`. pre: the lot is locked. */
static uint64_t serve_line(struct crew_semaphore *semaphore, uint64_t value)
{
	struct crew__wait *wait;

	while ((wait = turn_of(semaphore)) && wait->what <= value) {
		uint64_t count = wait->what;

		if (crew__lot_end(&semaphore->private_.lot, wait, 0))
			value -= count;
	}
	return value;
}

/* pre: the lot is locked, and the word is WAITED. */
static void put_value(struct crew_semaphore *semaphore, uint64_t value)
{
	/* pairs: lot.word */
	crew__store_release(&semaphore->private_.word,
			    value << 1 | (turn_of(semaphore) ? CREW__WAITED : 0));
}

/* What would be left. Those who would be served cannot be cancelled any more. pre: the lot is
 * locked. */
static uint64_t hold_line(struct crew_semaphore *semaphore, uint64_t value)
{
	struct crew__wait *wait = turn_of(semaphore);

	for (; wait; wait = crew__queue_after(wait)) {
		if (wait->what > max_of(semaphore))
			continue;
		if (wait->what > value)
			break;
		if (crew__make_firm(&wait->waiter))
			value -= wait->what;
	}
	return value;
}

/* pre: the lot is locked. Not so firm any more. */
static void let_line_go(struct crew_semaphore *semaphore)
{
	struct crew__wait *wait = turn_of(semaphore);

	for (; wait; wait = crew__queue_after(wait))
		crew__lot_let_go(&semaphore->private_.lot, wait);
}

/* ---- taking -------------------------------------------------------------------- */

static bool take_at_once(struct crew_semaphore *semaphore, uint64_t count)
{
	uint64_t word = crew__load_relaxed(&semaphore->private_.word);

	while (!(word & CREW__WAITED) && word >> 1 >= count)
		/* pairs: lot.word */
		if (crew__cas_acq_rel(&semaphore->private_.word, &word, word - (count << 1)))
			return true;
	return false;
}

/* pre: the lot is locked. 0, or CREW_EWOULDBLOCK: who gives will come through the lot, if the
 * caller wants to wait. */
static int try_take(struct crew_semaphore *semaphore, uint64_t count, bool wait)
{
	uint64_t word = crew__load_relaxed(&semaphore->private_.word);
	bool taken = turn_of(semaphore) != NULL;

	for (;;) {
		bool fits = !taken && word >> 1 >= count;
		uint64_t next = fits ? (word & ~CREW__WAITED) - (count << 1) : word | CREW__WAITED;

		if (!fits && (!wait || word == next))
			return CREW_EWOULDBLOCK;
		if (crew__cas_acq_rel(&semaphore->private_.word, &word, next)) /* pairs: lot.word */
			return fits ? 0 : CREW_EWOULDBLOCK;
	}
}

/* pre: the lot is locked. Somebody has left the line with nothing: those behind may fit. */
static void serve_behind(struct crew_semaphore *semaphore)
{
	uint64_t word = crew__load_relaxed(&semaphore->private_.word);

	if (word & CREW__WAITED)
		put_value(semaphore, serve_line(semaphore, word >> 1));
}

static __attribute__((noinline)) int take_slow(struct crew_semaphore *semaphore, uint64_t count)
{
	struct crew__caller caller = crew__caller();
	int rc = count ? crew__caller_check(&caller) : CREW_EINVAL;
	struct crew__wait wait;

	if (rc)
		return rc;
	if (take_at_once(semaphore, count))
		return 0;
	crew__wait_prepare(&wait, count, true);
	crew__lot_enter(&semaphore->private_.lot);
	rc = try_take(semaphore, count, count <= max_of(semaphore));
	if (rc == 0) {
		crew__lot_leave(&semaphore->private_.lot);
		crew__wait_drop(&wait);
		return 0;
	}
	if (crew__lot_wait(&semaphore->private_.lot, &semaphore->private_.lot.private_.queue, &wait,
			   "semaphore"))
		return 0;
	serve_behind(semaphore);
	crew__lot_leave(&semaphore->private_.lot);
	return CREW_ECANCELED;
}

int crew_semaphore_acquire(struct crew_semaphore *semaphore, uint64_t count)
{
	struct crew__worker *worker = crew__self();

	if (crew__unlikely(!worker || !count || !crew__fiber_clean(worker->fiber) ||
			   !take_at_once(semaphore, count)))
		return take_slow(semaphore, count);
	return 0;
}

int crew_semaphore_acquire_nowait(struct crew_semaphore *semaphore, uint64_t count)
{
	int rc;

	if (!count)
		return CREW_EINVAL;
	if (take_at_once(semaphore, count))
		return 0;
	if (!(crew__load_relaxed(&semaphore->private_.word) & CREW__WAITED))
		return CREW_EWOULDBLOCK;
	crew__lot_enter(&semaphore->private_.lot);
	rc = try_take(semaphore, count, false);
	crew__lot_leave(&semaphore->private_.lot);
	return rc;
}

/* ---- giving ---------------------------------------------------------------------- */

/* With somebody in line. False: there is nobody any more. */
static bool give_in_line(struct crew_semaphore *semaphore, uint64_t count, int *rc)
{
	uint64_t word;

	crew__lot_enter(&semaphore->private_.lot);
	word = crew__load_relaxed(&semaphore->private_.word);
	if (word & CREW__WAITED) {
		uint64_t value = (word >> 1) + count;

		*rc = value > max_of(semaphore) && hold_line(semaphore, value) > max_of(semaphore) ?
			      CREW_ERANGE :
			      0;
		if (*rc)
			let_line_go(semaphore);
		else
			put_value(semaphore, serve_line(semaphore, value));
	}
	crew__lot_leave(&semaphore->private_.lot);
	return word & CREW__WAITED;
}

int crew_semaphore_release(struct crew_semaphore *semaphore, uint64_t count)
{
	uint64_t word = crew__load_relaxed(&semaphore->private_.word);
	int rc = 0;

	if (!count)
		return CREW_EINVAL;
	if (count > CREW_SEMAPHORE_MAX)
		return CREW_ERANGE;
	for (;;) {
		if (crew__unlikely(word & CREW__WAITED)) {
			if (give_in_line(semaphore, count, &rc))
				return rc;
			word = crew__load_relaxed(&semaphore->private_.word);
			continue;
		}
		if ((word >> 1) + count > max_of(semaphore))
			return CREW_ERANGE;
		/* pairs: lot.word. LAST TOUCH when it succeeds */
		if (crew__cas_acq_rel(&semaphore->private_.word, &word, word + (count << 1)))
			return 0;
	}
}

/* ---- the rest of the face ------------------------------------------------------------ */

int crew_semaphore_init(struct crew_semaphore *semaphore, uint64_t value, uint64_t max)
{
	*semaphore = (struct crew_semaphore)CREW_SEMAPHORE_INIT(value, max);
	return value > max_of(semaphore) || max > CREW_SEMAPHORE_MAX ? CREW_EINVAL : 0;
}

void crew_semaphore_read_stats(const struct crew_semaphore *semaphore,
			       struct crew_semaphore_stats *stats)
{
	struct crew_semaphore *locked = (struct crew_semaphore *)(uintptr_t)semaphore;
	struct crew_semaphore_stats now = { .size = sizeof(now), .max = semaphore->private_.max };

	crew__lot_enter(&locked->private_.lot);
	now.value = crew__load_relaxed(&semaphore->private_.word) >> 1;
	now.waiting = crew__queue_count(&semaphore->private_.lot.private_.queue);
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_semaphore_fini(struct crew_semaphore *semaphore)
{
	crew__lot_fini(&semaphore->private_.lot,
		       "a semaphore is given up while somebody waits for it");
}
