/* SPDX-License-Identifier: MIT */
/*
 * rwlock.c - many readers or one writer, over a lot (lot.h). There is no fast way around the
 * lot: it would be one word that all readers change, as the lot's lock is.
 *
 * WORDS
 *	writer	who writes (hold.h: what a holder is), 0, or CREW__HOLD_BROKEN
 *	hold	what is in the list of a task that writes: its end breaks the lock
 *	READS	in wait->what: it wants to read. Else it is who wants to write.
 *
 * INVARIANTS
 *	W1  There are readers, or a writer, or neither.
 *	W2  While the lot is unlocked the first in line cannot be served, unless the one before
 *	    was cancelled and is on its way out: it serves those behind when it leaves. So who
 *	    comes while somebody is in line gets behind it.
 *	W3  `writer` says who writes from the moment of the grant. The task puts the hold into
 *	    its list when it goes on (H2).
 *
 * GUARDED BY tests/model/rwlock.c, tests/api/rwlock.c.
 */
#include "sync/hold.h"

#include "crew/rwlock.h"

#define READS UINT64_C(0)

/* ---- with the lot locked ------------------------------------------------------------ */

static bool rwlock_fits(const struct crew_rwlock *lock, uint64_t what)
{
	return !lock->private_.writer && (what == READS || !lock->private_.readers);
}

static void rwlock_take(struct crew_rwlock *lock, uint64_t what)
{
	if (what == READS)
		lock->private_.readers++;
	else
		lock->private_.writer = what;
}

static void rwlock_serve(struct crew_rwlock *lock)
{
	struct crew__wait *first;

	while ((first = crew__queue_first(&lock->private_.lot.private_.queue)) &&
	       rwlock_fits(lock, first->what)) {
		uint64_t what = first->what;

		if (crew__lot_end(&lock->private_.lot, first, 0))
			rwlock_take(lock, what);
	}
}

/* 0, or why not. */
static int rwlock_try(struct crew_rwlock *lock, uint64_t what, uint64_t self)
{
	if (lock->private_.writer == CREW__HOLD_BROKEN)
		return CREW_EOWNERDEAD;
	if (lock->private_.writer == self)
		return CREW_EDEADLK;
	if (crew__queue_first(&lock->private_.lot.private_.queue) || !rwlock_fits(lock, what))
		return CREW_EWOULDBLOCK;
	rwlock_take(lock, what);
	return 0;
}

/* ---- acquire ---------------------------------------------------------------------------- */

static int rwlock_wait(struct crew_rwlock *lock, uint64_t what, uint64_t self)
{
	struct crew_lot *lot = &lock->private_.lot;
	struct crew__wait wait;
	int rc;

	crew__wait_prepare(&wait, what, true);
	crew__lot_enter(lot);
	rc = rwlock_try(lock, what, self);
	if (rc != CREW_EWOULDBLOCK) {
		crew__lot_leave(lot);
		crew__wait_drop(&wait);
		return rc;
	}
	if (crew__lot_wait(lot, &lot->private_.queue, &wait,
			   what == READS ? "rwlock, to read" : "rwlock, to write"))
		return wait.rc;
	rwlock_serve(lock);
	crew__lot_leave(lot);
	return CREW_ECANCELED;
}

/* The task that writes ends. */
static void break_rwlock(struct crew_lock *hold, const char *by)
{
	struct crew_rwlock *lock = crew__container(hold, struct crew_rwlock, private_.hold);
	struct crew_lot *lot = &lock->private_.lot;

	crew__lot_enter(lot);
	hold->private_.name = by;
	lock->private_.writer = CREW__HOLD_BROKEN;
	crew__lot_end_all(lot, &lot->private_.queue, CREW_EOWNERDEAD);
	crew__lot_leave(lot);
}

static int rwlock_acquire(struct crew_rwlock *lock, bool writes, bool wait)
{
	struct crew__caller caller = crew__caller();
	uint64_t self = crew__hold_self(&caller);
	uint64_t what = writes ? self : READS;
	int check = wait ? crew__caller_check(&caller) : 0;
	int rc;

	crew__lot_enter(&lock->private_.lot);
	if (check && lock->private_.writer != self)
		rc = check;
	else
		rc = rwlock_try(lock, what, self);
	crew__lot_leave(&lock->private_.lot);
	if (rc == CREW_EWOULDBLOCK && wait)
		rc = rwlock_wait(lock, what, self);
	if (rc == 0 && writes) {
		lock->private_.hold.private_.left = break_rwlock;
		crew__hold_begin(&lock->private_.hold, caller.fiber);
	}
	return rc;
}

int crew_rwlock_acquire_read(struct crew_rwlock *lock)
{
	return rwlock_acquire(lock, false, true);
}

int crew_rwlock_acquire_read_nowait(struct crew_rwlock *lock)
{
	return rwlock_acquire(lock, false, false);
}

int crew_rwlock_acquire_write(struct crew_rwlock *lock)
{
	return rwlock_acquire(lock, true, true);
}

int crew_rwlock_acquire_write_nowait(struct crew_rwlock *lock)
{
	return rwlock_acquire(lock, true, false);
}

/* ---- release ------------------------------------------------------------------------------ */

int crew_rwlock_release_read(struct crew_rwlock *lock)
{
	int rc = CREW_EPERM;

	crew__lot_enter(&lock->private_.lot);
	if (lock->private_.readers) {
		lock->private_.readers--;
		rwlock_serve(lock);
		rc = 0;
	}
	crew__lot_leave(&lock->private_.lot); /* LAST TOUCH */
	return rc;
}

/* Writes no more, and is one of so many readers. */
static int end_writing(struct crew_rwlock *lock, uint64_t readers)
{
	struct crew__caller caller = crew__caller();
	int rc = CREW_EPERM;

	crew__lot_enter(&lock->private_.lot);
	if (lock->private_.writer == crew__hold_self(&caller)) {
		crew__hold_end(&lock->private_.hold, caller.fiber);
		lock->private_.writer = 0;
		lock->private_.readers = readers;
		rwlock_serve(lock);
		rc = 0;
	}
	crew__lot_leave(&lock->private_.lot); /* LAST TOUCH */
	return rc;
}

int crew_rwlock_release_write(struct crew_rwlock *lock)
{
	return end_writing(lock, 0);
}

int crew_rwlock_downgrade(struct crew_rwlock *lock)
{
	return end_writing(lock, 1);
}

/* ---- the rest of the face -------------------------------------------------------------------- */

void crew_rwlock_read_stats(const struct crew_rwlock *lock, struct crew_rwlock_stats *stats)
{
	struct crew_rwlock *locked = (struct crew_rwlock *)(uintptr_t)lock;
	struct crew_rwlock_stats now = { .size = sizeof(now) };
	uint64_t writer;

	crew__lot_enter(&locked->private_.lot);
	writer = lock->private_.writer;
	now.waiting = crew__queue_count(&lock->private_.lot.private_.queue);
	now.readers = lock->private_.readers;
	now.broken = writer == CREW__HOLD_BROKEN;
	if (now.broken)
		now.writer = lock->private_.hold.private_.name;
	else if (writer)
		now.writer = crew__name_of(crew__hold_is_task(writer) ?
						   (struct crew__fiber *)(uintptr_t)writer :
						   NULL);
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_rwlock_fini(struct crew_rwlock *lock)
{
	crew__lot_fini(&lock->private_.lot, "an rwlock is given up while somebody waits for it");
}
