/* SPDX-License-Identifier: MIT */
/*
 * latch.c - a count that goes down to 0, over a lot (lot.h). The word is what is left, twice,
 * and CREW__WAITED. What leaves something counts by a compare-exchange, also with somebody in
 * line; what leaves nothing, then, under the lot's lock, T6.
 *
 * GUARDED BY tests/model/latch.c, tests/api/latch.c.
 */
#include "sync/lot.h"

#include "crew/latch.h"

/* Counts the last ones, with somebody in line. False: it is not so any more. */
static bool end_in_line(struct crew_latch *latch, uint64_t count)
{
	struct crew_lot *lot = &latch->private_.lot;
	uint64_t word = count << 1 | CREW__WAITED;
	bool ended;

	crew__lot_enter(lot);
	ended = crew__cas_acq_rel(&latch->private_.word, &word, 0); /* pairs: lot.word */
	if (ended)
		crew__lot_end_all(lot, &lot->private_.queue, 0);
	crew__lot_leave(lot);
	return ended;
}

int crew_latch_count_down(struct crew_latch *latch, uint64_t count)
{
	uint64_t word = crew__load_relaxed(&latch->private_.word);

	if (!count)
		return CREW_EINVAL;
	for (;;) {
		if (count > word >> 1)
			return CREW_ERANGE;
		if (word == (count << 1 | CREW__WAITED)) {
			if (end_in_line(latch, count))
				return 0;
			word = crew__load_relaxed(&latch->private_.word);
			continue;
		}
		/* pairs: lot.word. LAST TOUCH when it succeeds */
		if (crew__cas_acq_rel(&latch->private_.word, &word, word - (count << 1)))
			return 0;
	}
}

bool crew_latch_is_done(const struct crew_latch *latch)
{
	return !crew__load_acquire(&latch->private_.word); /* pairs: lot.word */
}

/* pre: the lot is locked. Sets WAITED. False: nothing is left. */
static bool must_wait(struct crew_latch *latch)
{
	uint64_t word = crew__load_acquire(&latch->private_.word); /* pairs: lot.word */

	while (word)
		/* pairs: lot.word, if it fails because nothing is left */
		if (crew__cas_acq_rel(&latch->private_.word, &word, word | CREW__WAITED))
			return true;
	return false;
}

int crew_latch_wait(struct crew_latch *latch)
{
	struct crew_lot *lot = &latch->private_.lot;
	struct crew__caller caller = crew__caller();
	int rc = crew__caller_check(&caller);
	struct crew__wait frame;
	struct crew__wait *wait;

	if (rc || crew_latch_is_done(latch))
		return rc;
	wait = crew__wait_among_many(&frame, 0, true);
	crew__lot_enter(lot);
	if (!must_wait(latch)) {
		crew__lot_leave(lot);
		crew__wait_drop(wait);
		return 0;
	}
	if (crew__lot_wait(lot, &lot->private_.queue, wait, "latch"))
		return 0;
	if (!lot->private_.queue.first)
		crew__and_acq_rel(&latch->private_.word, ~CREW__WAITED); /* T5 */
	crew__lot_leave(lot);
	return CREW_ECANCELED;
}

int crew_latch_init(struct crew_latch *latch, uint64_t count)
{
	*latch = (struct crew_latch)CREW_LATCH_INIT(count);
	return count > CREW_LATCH_MAX ? CREW_EINVAL : 0;
}

void crew_latch_read_stats(const struct crew_latch *latch, struct crew_latch_stats *stats)
{
	struct crew_latch *locked = (struct crew_latch *)(uintptr_t)latch;
	struct crew_latch_stats now = { .size = sizeof(now) };

	crew__lot_enter(&locked->private_.lot);
	now.waiting = crew__queue_count(&latch->private_.lot.private_.queue);
	now.left = crew__load_relaxed(&latch->private_.word) >> 1;
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_latch_fini(struct crew_latch *latch)
{
	crew__lot_fini(&latch->private_.lot, "a latch is given up while somebody waits for it");
}
