/* SPDX-License-Identifier: MIT */
/*
 * notify.c - one notice that is given or kept, over a lot (lot.h). The word is 0, KEPT, or
 * CREW__WAITED. One who finds it KEPT exchanges it for itself: whoever takes it then sees what
 * that one has written, too.
 *
 * GUARDED BY tests/model/notify.c, tests/api/notify.c.
 */
#include "sync/lot.h"

#include "crew/notify.h"

#define KEPT UINT64_C(2)

/* False: nobody is in line any more (T6). */
static bool notify_in_line(struct crew_notify *notify)
{
	struct crew_lot *lot = &notify->private_.lot;
	uint64_t word = KEPT;
	struct crew__wait *first;
	bool waited;

	crew__lot_enter(lot);
	waited = crew__load_relaxed(&notify->private_.word) & CREW__WAITED;
	if (waited) {
		while (word == KEPT && (first = crew__queue_first(&lot->private_.queue)))
			if (crew__lot_end(lot, first, 0))
				word = lot->private_.queue.first ? CREW__WAITED : 0;
		crew__store_release(&notify->private_.word, word); /* pairs: lot.word */
	}
	crew__lot_leave(lot);
	return waited;
}

void crew_notify_one(struct crew_notify *notify)
{
	uint64_t word = crew__load_relaxed(&notify->private_.word);

	for (;;) {
		if (word & CREW__WAITED) {
			if (notify_in_line(notify))
				return;
			word = crew__load_relaxed(&notify->private_.word);
			continue;
		}
		/* pairs: lot.word. LAST TOUCH when it succeeds */
		if (crew__cas_acq_rel(&notify->private_.word, &word, KEPT))
			return;
	}
}

void crew_notify_all(struct crew_notify *notify)
{
	struct crew_lot *lot = &notify->private_.lot;

	crew__lot_enter(lot);
	crew__lot_end_all(lot, &lot->private_.queue, 0);
	if (crew__load_relaxed(&notify->private_.word) & CREW__WAITED)
		crew__store_relaxed(&notify->private_.word, 0); /* it hands nothing on */
	crew__lot_leave(lot);
}

int crew_notify_take_nowait(struct crew_notify *notify)
{
	uint64_t word = KEPT;

	/* pairs: lot.word */
	return crew__cas_acq_rel(&notify->private_.word, &word, 0) ? 0 : CREW_EWOULDBLOCK;
}

/* pre: the lot is locked. Takes what is kept, or sets WAITED. */
static bool take_or_wait(struct crew_notify *notify)
{
	uint64_t word = crew__load_relaxed(&notify->private_.word);

	while (!(word & CREW__WAITED)) {
		/* pairs: lot.word */
		if (crew__cas_acq_rel(&notify->private_.word, &word, word ? 0 : CREW__WAITED))
			return word;
	}
	return false;
}

int crew_notify_take(struct crew_notify *notify)
{
	struct crew_lot *lot = &notify->private_.lot;
	struct crew__caller caller = crew__caller();
	int rc = crew__caller_check(&caller);
	struct crew__wait frame;
	struct crew__wait *wait;

	if (rc || crew_notify_take_nowait(notify) == 0)
		return rc;
	wait = crew__wait_among_many(&frame, 0, true);
	crew__lot_enter(lot);
	if (take_or_wait(notify)) {
		crew__lot_leave(lot);
		crew__wait_drop(wait);
		return 0;
	}
	if (crew__lot_wait(lot, &lot->private_.queue, wait, "notify"))
		return 0;
	if (!lot->private_.queue.first && crew__load_relaxed(&notify->private_.word) & CREW__WAITED)
		crew__store_relaxed(&notify->private_.word, 0); /* T5; the same */
	crew__lot_leave(lot);
	return CREW_ECANCELED;
}

void crew_notify_read_stats(const struct crew_notify *notify, struct crew_notify_stats *stats)
{
	struct crew_notify *locked = (struct crew_notify *)(uintptr_t)notify;
	struct crew_notify_stats now = { .size = sizeof(now) };

	crew__lot_enter(&locked->private_.lot);
	now.waiting = crew__queue_count(&notify->private_.lot.private_.queue);
	now.kept = crew__load_relaxed(&notify->private_.word) & KEPT;
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_notify_fini(struct crew_notify *notify)
{
	crew__lot_fini(&notify->private_.lot, "a notify is given up while somebody waits for it");
}
