/* SPDX-License-Identifier: MIT */
/*
 * limiter.c - units that are borrowed, by name, over a lot (lot.h) and a table of borrowers
 * (table.h). There is no fast way around the lot: who has borrowed must be found again.
 *
 * WORDS
 *	borrower	one who has, or waits; in the table, under its name
 *	own name	of a task, or a plain thread: hold.h, what a holder is
 *	turn		who is first of those that want no more than the total
 *
 * INVARIANTS
 *	L1  `borrowed` is the sum of what those have who `has`; it is above the total only
 *	    after that was lowered.
 *	L2  While the lot is unlocked what whose turn it is wants does not fit, unless the one
 *	    before was cancelled and is on its way out: it serves those behind when it leaves.
 *	L3  In the table there is one of each name. One who was cancelled, and is on its way
 *	    out, makes room for the next of its name.
 *	L4  What is borrowed in the own name of a task is in the task's list (hold.h), so the
 *	    task's end gives it back.
 *
 * GUARDED BY tests/model/limiter.c, tests/api/limiter.c.
 */
#include "sync/hold.h"
#include "sync/table.h"

#include "base/alloc.h"

#include "crew/limiter.h"

struct borrower {
	struct crew__entry entry;
	uint64_t name[2]; /* what the entry's key is: who, and whether it is its own name */
	struct crew_limiter *limiter;
	struct crew__wait *wait; /* NULL: none, or it was granted */
	uint64_t weight;
	bool has;
	bool listed;
	struct crew_lock hold; /* L4 */
};

/* ---- with the lot locked ------------------------------------------------------------ */

static bool weight_fits(const struct crew_limiter *limiter, uint64_t weight)
{
	uint64_t total = limiter->private_.total;

	return weight <= total && limiter->private_.borrowed <= total - weight;
}

static struct borrower *borrower_of(const struct crew__wait *wait)
{
	return (struct borrower *)(uintptr_t)wait->what;
}

/* Whose turn is it? Or NULL. */
static struct crew__wait *limiter_turn(struct crew_limiter *limiter)
{
	struct crew__wait *wait = crew__queue_first(&limiter->private_.lot.private_.queue);

	while (wait && borrower_of(wait)->weight > limiter->private_.total)
		wait = crew__queue_after(wait);
	return wait;
}

static void lend(struct borrower *borrower)
{
	borrower->limiter->private_.borrowed += borrower->weight;
	borrower->has = true;
	borrower->wait = NULL;
}

/* All whose turn it is, and that fit. */
static void lend_in_line(struct crew_limiter *limiter)
{
	struct crew__wait *wait;

	while ((wait = limiter_turn(limiter)) && weight_fits(limiter, borrower_of(wait)->weight)) {
		struct borrower *borrower = borrower_of(wait);

		if (crew__lot_end(&limiter->private_.lot, wait, 0))
			lend(borrower);
	}
}

static void list_borrower(struct borrower *borrower)
{
	crew__table_add(&borrower->limiter->private_.borrowers, &borrower->entry);
	borrower->listed = true;
}

static void unlist_borrower(struct borrower *borrower)
{
	crew__table_remove(&borrower->limiter->private_.borrowers, &borrower->entry);
	borrower->listed = false;
}

/* Who has, or waits, under this name; or NULL. */
static struct borrower *find_borrower(struct crew_limiter *limiter, const struct crew__entry *like)
{
	struct crew__entry *entry = crew__table_find(&limiter->private_.borrowers, like);
	struct borrower *borrower;

	if (!entry)
		return NULL;
	borrower = crew__container(entry, struct borrower, entry);
	if (borrower->has || !crew__waiter_over(&borrower->wait->waiter))
		return borrower;
	unlist_borrower(borrower); /* L3 */
	return NULL;
}

static void give_token_back(struct borrower *borrower)
{
	borrower->limiter->private_.borrowed -= borrower->weight;
	unlist_borrower(borrower);
	lend_in_line(borrower->limiter);
}

/* ---- acquire ---------------------------------------------------------------------------- */

/* The task ends. */
static void borrower_ends(struct crew_lock *hold, const char *by)
{
	struct borrower *borrower = crew__container(hold, struct borrower, hold);
	struct crew_limiter *limiter = borrower->limiter;

	crew__lot_enter(&limiter->private_.lot);
	limiter->private_.left++;
	limiter->private_.left_by = by;
	give_token_back(borrower);
	crew__lot_leave(&limiter->private_.lot);
	crew__free(borrower);
}

static void name_borrower(struct borrower *borrower, const struct crew__caller *caller,
			  const void *who)
{
	borrower->name[0] = who ? (uint64_t)(uintptr_t)who : crew__hold_self(caller);
	borrower->name[1] = !who;
	crew__entry_init(&borrower->entry, borrower->name, sizeof(borrower->name));
}

/* pre: the lot is locked. */
static int try_to_lend(struct crew_limiter *limiter, struct borrower *borrower)
{
	if (find_borrower(limiter, &borrower->entry))
		return CREW_EDEADLK;
	if (limiter_turn(limiter) || !weight_fits(limiter, borrower->weight))
		return CREW_EWOULDBLOCK;
	list_borrower(borrower);
	lend(borrower);
	return 0;
}

static int wait_for_loan(struct crew_limiter *limiter, struct borrower *borrower)
{
	struct crew_lot *lot = &limiter->private_.lot;
	struct crew__wait wait;
	int rc;

	crew__wait_prepare(&wait, (uint64_t)(uintptr_t)borrower, true);
	crew__lot_enter(lot);
	rc = try_to_lend(limiter, borrower);
	if (rc != CREW_EWOULDBLOCK) {
		crew__lot_leave(lot);
		crew__wait_drop(&wait);
		return rc;
	}
	borrower->wait = &wait;
	list_borrower(borrower);
	if (crew__lot_wait(lot, &lot->private_.queue, &wait, "limiter"))
		return 0; /* and perhaps given back already, by somebody else */
	if (borrower->listed)
		unlist_borrower(borrower);
	lend_in_line(limiter);
	crew__lot_leave(lot);
	return CREW_ECANCELED;
}

static int borrow(struct crew_limiter *limiter, const void *who, uint64_t weight, bool wait)
{
	struct crew__caller caller = crew__caller();
	int check = wait ? crew__caller_check(&caller) : 0;
	struct borrower *borrower;
	int rc;

	if (!weight)
		return CREW_EINVAL;
	borrower = crew__alloc(sizeof(*borrower));
	if (!borrower)
		return CREW_ENOMEM;
	name_borrower(borrower, &caller, who);
	borrower->limiter = limiter;
	borrower->weight = weight;
	borrower->hold.private_.left = borrower_ends;
	crew__lot_enter(&limiter->private_.lot);
	rc = find_borrower(limiter, &borrower->entry) ? CREW_EDEADLK : check;
	if (rc == 0)
		rc = try_to_lend(limiter, borrower);
	crew__lot_leave(&limiter->private_.lot);
	if (rc == CREW_EWOULDBLOCK && wait)
		rc = wait_for_loan(limiter, borrower);
	if (rc)
		crew__free(borrower);
	else if (!who)
		crew__hold_begin(&borrower->hold, caller.fiber); /* L4 */
	return rc;
}

int crew_limiter_acquire(struct crew_limiter *limiter)
{
	return borrow(limiter, NULL, 1, true);
}

int crew_limiter_acquire_nowait(struct crew_limiter *limiter)
{
	return borrow(limiter, NULL, 1, false);
}

int crew_limiter_acquire_for(struct crew_limiter *limiter, const void *borrower, uint64_t weight)
{
	return borrow(limiter, borrower, weight, true);
}

int crew_limiter_acquire_for_nowait(struct crew_limiter *limiter, const void *borrower,
				    uint64_t weight)
{
	return borrow(limiter, borrower, weight, false);
}

/* ---- release ------------------------------------------------------------------------------ */

int crew_limiter_release_for(struct crew_limiter *limiter, const void *who)
{
	struct crew__caller caller = crew__caller();
	struct borrower *borrower;
	struct borrower like;

	name_borrower(&like, &caller, who);
	crew__lot_enter(&limiter->private_.lot);
	borrower = find_borrower(limiter, &like.entry);
	if (!borrower || !borrower->has) {
		crew__lot_leave(&limiter->private_.lot);
		return CREW_EPERM;
	}
	if (!who)
		crew__hold_end(&borrower->hold, caller.fiber);
	give_token_back(borrower);
	crew__lot_leave(&limiter->private_.lot); /* LAST TOUCH */
	crew__free(borrower);
	return 0;
}

int crew_limiter_release(struct crew_limiter *limiter)
{
	return crew_limiter_release_for(limiter, NULL);
}

void crew_limiter_set_total(struct crew_limiter *limiter, uint64_t total)
{
	crew__lot_enter(&limiter->private_.lot);
	limiter->private_.total = total;
	lend_in_line(limiter);
	crew__lot_leave(&limiter->private_.lot);
}

/* ---- the rest of the face -------------------------------------------------------------------- */

void crew_limiter_init(struct crew_limiter *limiter, uint64_t total)
{
	*limiter = (struct crew_limiter)CREW_LIMITER_INIT(total);
}

void crew_limiter_read_stats(const struct crew_limiter *limiter, struct crew_limiter_stats *stats)
{
	struct crew_limiter *locked = (struct crew_limiter *)(uintptr_t)limiter;
	struct crew_limiter_stats now = { .size = sizeof(now) };

	crew__lot_enter(&locked->private_.lot);
	now.waiting = crew__queue_count(&limiter->private_.lot.private_.queue);
	now.borrowed = limiter->private_.borrowed;
	now.total = limiter->private_.total;
	now.available = now.total > now.borrowed ? now.total - now.borrowed : 0;
	now.left = limiter->private_.left;
	now.left_by = limiter->private_.left_by;
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_limiter_fini(struct crew_limiter *limiter)
{
	crew__lot_enter(&limiter->private_.lot);
	crew__queue_fini(&limiter->private_.lot.private_.queue,
			 "a limiter is given up while somebody waits for it");
	crew__require(limiter->private_.borrowed == 0,
		      "a limiter is given up while something is borrowed; release it first", NULL);
	crew__lot_leave(&limiter->private_.lot);
}
