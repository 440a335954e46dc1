/* SPDX-License-Identifier: MIT */
/*
 * select.c - one of several. A select is a waiter with a wait for each case: the one word of
 * its parker decides which of them is granted.
 *
 * LIFE
 *	1. It locks the lots of all cases, in the order of their addresses, and looks for one
 *	   that can be done: then that is all.
 *	2. Else it puts a wait for each case in its queue, all with the same waiter, and parks;
 *	   the hook unlocks the lots.
 *	3. Whoever ends one of the waits has granted the parker; the others are over (T4).
 *	4. It goes on, finds the wait that was ended (wait.ended), and takes the others out of
 *	   their queues, lot by lot.
 *
 * INVARIANTS
 *	E1  One case is done: in step 1 under all locks, while nobody can reach the select; or
 *	    by the one who has granted the parker, who alone writes what came of it.
 *	E2  Two selects that face each other: one holds a lock that the other wants. The first
 *	    parks, and the second finds its waits; the second has none that could be found.
 *	E3  The hook walks the cases, and the select may go on as soon as the first lot is
 *	    unlocked. It passes the locks of all lots, but the one it was granted in, before
 *	    it leaves, so not before the hook has unlocked the last of them; and the hook looks
 *	    at nothing behind that, nor again at the cases of a lot that it has unlocked.
 *
 * ORDERS
 *	All under the lots' locks; which wait was ended is passed with the grant (park.word).
 *
 * REJECTED
 *	Claiming both sides in two phases: needed only where the counterpart's frame is not
 *	held still by a lock, as here it is. One lock for all selects: they would stand in
 *	line behind each other.
 *
 * GUARDED BY tests/model/select.c, tests/api/select.c.
 */
#include "sync/select.h"

#include "base/random.h"

#include "crew/time.h"

static const struct crew__selectable *kind_of(const struct crew_case *one)
{
	switch (one->kind) {
	case CREW_CASE_SEND:
		return &crew__selectable_send;
	case CREW_CASE_RECEIVE:
		return &crew__selectable_receive;
	case CREW_CASE_EVENT:
		return &crew__selectable_event;
	case CREW_CASE_SUBSCRIBER:
		return &crew__selectable_subscriber;
	case CREW_CASE_TASK:
		return &crew__selectable_task;
	case CREW_CASE_OFF:
		break;
	}
	return NULL;
}

/* ---- the order of looking ------------------------------------------------------------ */

static void shuffle(struct crew_case *cases, size_t count)
{
	static struct crew_word turns CREW__STATE;
	struct crew__worker *worker = crew__self();
	uint64_t own = worker ? 0 : crew__add_relaxed(&turns, 1);
	uint64_t *state = worker ? &worker->random : &own;

	for (size_t i = 0; i < count; i++) {
		size_t j = crew__random_below(state, (uint32_t)i + 1);

		crew__case_of(&cases[i])->shuffled = crew__case_of(&cases[j])->shuffled;
		crew__case_of(&cases[j])->shuffled = i;
	}
}

/* ---- all lots ------------------------------------------------------------------------- */

/* Into the list by the addresses of the lots. */
static void insert_case(struct crew_case **at, struct crew_case *one)
{
	struct crew_lot *lot = crew__case_of(one)->lot;

	while (*at && (uintptr_t)crew__case_of(*at)->lot < (uintptr_t)lot)
		at = &crew__case_of(*at)->next;
	crew__case_of(one)->next = *at;
	*at = one;
}

/* The first case of the next lot. */
static struct crew_case *behind_lot(struct crew_case *one)
{
	const struct crew_lot *lot = crew__case_of(one)->lot;

	while (one && crew__case_of(one)->lot == lot)
		one = crew__case_of(one)->next;
	return one;
}

static void enter_all(struct crew_case *first)
{
	for (struct crew_case *one = first; one; one = behind_lot(one))
		crew__lot_enter(crew__case_of(one)->lot);
}

static void leave_all(void *first)
{
	struct crew_case *next;

	for (struct crew_case *one = first; one; one = next) {
		struct crew_lot *lot = crew__case_of(one)->lot;

		next = behind_lot(one); /* E3 */
		crew__lot_leave(lot);
	}
}

/* ---- the cases ------------------------------------------------------------------------- */

/* How many are on; *first is the list of those that have a lot. */
static int begin_cases(struct crew_case *cases, size_t count, struct crew_case **first)
{
	int on = 0;

	*first = NULL;
	if (count > INT32_MAX)
		return CREW_EINVAL;
	for (size_t i = 0; i < count; i++) {
		const struct crew__selectable *kind = kind_of(&cases[i]);

		if (!kind && cases[i].kind != CREW_CASE_OFF)
			return CREW_EINVAL;
		if (!kind)
			continue;
		on++;
		crew__case_of(&cases[i])->deal.item = cases[i].item;
		crew__case_of(&cases[i])->deal.wait.rc = CREW_ECLOSED;
		crew__case_of(&cases[i])->lot = kind->begin(&cases[i]);
		if (crew__case_of(&cases[i])->lot)
			insert_case(first, &cases[i]);
	}
	return on;
}

static enum crew__try try_case(struct crew_case *one, struct crew__aside *aside)
{
	return crew__case_of(one)->lot ? kind_of(one)->try(one, aside) : CREW__TRY_DONE;
}

/* pre: all lots are locked. *which is the one that is done, or needs a chunk. */
static enum crew__try try_all(struct crew_case *cases, size_t count, bool shuffled, size_t *which,
			      struct crew__aside *aside)
{
	for (size_t i = 0; i < count; i++) {
		enum crew__try result;

		*which = shuffled ? crew__case_of(&cases[i])->shuffled : i;
		if (cases[*which].kind == CREW_CASE_OFF)
			continue;
		result = try_case(&cases[*which], aside);
		if (result != CREW__TRY_WAIT)
			return result;
	}
	return CREW__TRY_WAIT;
}

/* All but `done` (or NULL) are out. pre: the lot, of `one` and those behind it, is locked. */
static void give_up(struct crew_case *one, const struct crew_case *done)
{
	const struct crew_case *end = behind_lot(one);

	for (; one != end; one = crew__case_of(one)->next) {
		struct crew__wait *wait = &crew__case_of(one)->deal.wait;

		if (one == done)
			continue;
		if (wait->queue)
			crew__queue_remove(wait);
		if (kind_of(one)->give_up)
			kind_of(one)->give_up(one);
	}
}

/* Step 1. If it has to wait, all lots stay locked. */
static enum crew__try do_at_once(struct crew_case *cases, size_t count, bool shuffled,
				 struct crew_case *first, size_t *which)
{
	struct crew__aside aside;
	enum crew__try result;

	crew__aside_init(&aside);
	for (;;) {
		enter_all(first);
		result = try_all(cases, count, shuffled, which, &aside);
		if (result == CREW__TRY_WAIT)
			return result;
		for (struct crew_case *one = first; one; one = behind_lot(one))
			give_up(one, &cases[*which]);
		leave_all(first);
		if (result == CREW__TRY_DONE)
			break;
		if (crew__aside_grow(&aside))
			return crew__deal_done(&crew__case_of(&cases[*which])->deal, CREW_ENOMEM);
	}
	crew__aside_settle(&aside);
	return result;
}

/* Steps 2 to 4. NULL: it was cancelled. pre: all lots are locked. */
static struct crew_case *wait_for_one(struct crew_case *first, struct crew__waiter *waiter)
{
	struct crew_case *done = NULL;
	struct crew_case *one;

	for (one = first; one; one = crew__case_of(one)->next) {
		struct crew__wait *wait = &crew__case_of(one)->deal.wait;

		wait->waiter = *waiter;
		crew__queue_append(kind_of(one)->queue(one), wait);
	}
	if (crew__park(waiter, leave_all, first, CREW_NEVER, "select"))
		for (done = first; !crew__case_of(done)->deal.wait.ended;)
			done = crew__case_of(done)->next;
	for (one = first; one; one = behind_lot(one)) {
		struct crew_lot *lot = crew__case_of(one)->lot;

		/* nothing of it is left in there (and E3: the hook has passed) */
		if (one == done && behind_lot(one) == crew__case_of(one)->next)
			continue;
		crew__lot_enter(lot);
		give_up(one, done);
		crew__lot_leave(lot);
	}
	return done;
}

/* ---- the face --------------------------------------------------------------------------- */

static int is_done(struct crew_case *cases, size_t which)
{
	cases[which].rc = crew__case_of(&cases[which])->deal.wait.rc;
	return (int)which;
}

static void want_all(struct crew_case *first)
{
	for (struct crew_case *one = first; one; one = crew__case_of(one)->next)
		if (kind_of(one)->want)
			kind_of(one)->want(one);
}

static void begin_waits(struct crew_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		crew__case_of(&cases[i])->deal.wait.queue = NULL;
		crew__case_of(&cases[i])->deal.wait.ended = false;
	}
}

int crew_select_nowait(struct crew_case cases[], size_t count, enum crew_select_order order)
{
	struct crew_case *first;
	size_t which;
	int on = begin_cases(cases, count, &first);

	if (on < 0 || order > CREW_IN_ORDER)
		return CREW_EINVAL;
	begin_waits(cases, count);
	if (order == CREW_FAIR)
		shuffle(cases, count);
	if (do_at_once(cases, count, order == CREW_FAIR, first, &which) == CREW__TRY_DONE)
		return is_done(cases, which);
	for (struct crew_case *one = first; one; one = behind_lot(one))
		give_up(one, NULL);
	leave_all(first);
	return CREW_EWOULDBLOCK;
}

int crew_select_one(struct crew_case cases[], size_t count, enum crew_select_order order)
{
	struct crew__caller caller = crew__caller();
	struct crew__waiter waiter;
	struct crew_case *first;
	size_t which;
	int on = begin_cases(cases, count, &first);
	int rc;

	if (on < 0 || order > CREW_IN_ORDER)
		return CREW_EINVAL;
	rc = crew__caller_check(&caller);
	if (rc)
		return rc;
	if (on == 0)
		return crew_sleep(CREW_NEVER);
	want_all(first);
	begin_waits(cases, count);
	if (order == CREW_FAIR)
		shuffle(cases, count);
	crew__waiter_init(&waiter, true);
	if (do_at_once(cases, count, order == CREW_FAIR, first, &which) == CREW__TRY_DONE) {
		crew__waiter_fini(&waiter);
		return is_done(cases, which);
	}
	first = wait_for_one(first, &waiter);
	return first ? is_done(cases, (size_t)(first - cases)) : CREW_ECANCELED;
}
