/* SPDX-License-Identifier: MIT */
/*
 * ops_more.h - the part of ops.h that is about rwlocks, limiters, keyed locks and guards.
 *
 * Who does one inside of another of its own may be told CREW_EDEADLK, or wait for itself until
 * its deadline.
 */
#ifndef SUPPORT_OPS_MORE_H
#define SUPPORT_OPS_MORE_H

#include "support/ops.h"

#define OPS_TOTAL 3

static struct {
	struct {
		struct crew_rwlock lock;
		struct crew_word readers;
		bool writing;
		uint64_t turns;
		struct crew_word written;
	} page;
	struct {
		struct crew_limiter limiter;
		struct crew_word borrowed;
	} loan;
	struct {
		struct crew_keyed_lock lock;
		bool inside[OPS_SEVERAL];
	} keys;
	struct {
		struct crew_guard guard;
		bool inside;
	} stream;
} more;

static inline bool ops_may_acquire(const struct ops_actor *a, int rc, bool nowait)
{
	return rc == 0 || rc == (nowait ? CREW_EWOULDBLOCK : CREW_ECANCELED) ||
	       (rc == CREW_EDEADLK && a->depth > 1);
}

static inline void ops_reads(struct ops_actor *a)
{
	crew__add_relaxed(&more.page.readers, 1);
	OPS_CHECK(!more.page.writing, "somebody reads what is written");
	ops_inside(a);
	crew__add_relaxed(&more.page.readers, UINT64_MAX);
	OPS_CHECK(crew_rwlock_release_read(&more.page.lock) == 0, "release, read");
}

static inline int ops_rwlock(struct ops_actor *a)
{
	struct crew_rwlock *lock = &more.page.lock;
	bool writes = ops_toss(a, 2);
	bool nowait = ops_toss(a, 4);
	int rc = writes ? nowait ? crew_rwlock_acquire_write_nowait(lock) :
				   crew_rwlock_acquire_write(lock) :
		 nowait ? crew_rwlock_acquire_read_nowait(lock) :
			  crew_rwlock_acquire_read(lock);

	OPS_CHECK(ops_may_acquire(a, rc, nowait), "acquire a rwlock");
	if (rc)
		return ops_told(rc);
	if (!writes) {
		ops_reads(a);
		return 0;
	}
	OPS_CHECK(!more.page.writing && !crew__load_relaxed(&more.page.readers),
		  "a writer is not alone");
	more.page.writing = true;
	more.page.turns++;
	crew__add_relaxed(&more.page.written, 1);
	ops_inside(a);
	more.page.writing = false;
	if (ops_toss(a, 2)) {
		OPS_CHECK(crew_rwlock_downgrade(lock) == 0, "downgrade");
		ops_reads(a);
	} else {
		OPS_CHECK(crew_rwlock_release_write(lock) == 0, "release, written");
	}
	return 0;
}

static inline int ops_limiter(struct ops_actor *a)
{
	struct crew_limiter *limiter = &more.loan.limiter;
	uint64_t units = 1 + ops_below(a, OPS_TOTAL);
	bool own = ops_toss(a, 2);
	bool nowait = !a->bounded || ops_toss(a, 4);
	int rc;

	if (ops_toss(a, 8))
		crew_limiter_set_total(limiter, ops_below(a, OPS_TOTAL + 1));
	if (own)
		units = 1;
	rc = own ? nowait ? crew_limiter_acquire_nowait(limiter) : crew_limiter_acquire(limiter) :
	     nowait ? crew_limiter_acquire_for_nowait(limiter, &rc, units) :
		      crew_limiter_acquire_for(limiter, &rc, units);
	OPS_CHECK(ops_may_acquire(a, rc, nowait), "borrow");
	if (rc)
		return ops_told(rc);
	OPS_CHECK(crew__add_relaxed(&more.loan.borrowed, units) + units <= OPS_TOTAL,
		  "more is borrowed than there is");
	ops_inside(a);
	crew__add_relaxed(&more.loan.borrowed, -units);
	OPS_CHECK((own ? crew_limiter_release(limiter) : crew_limiter_release_for(limiter, &rc)) ==
			  0,
		  "give back");
	return 0;
}

static inline int ops_keyed_lock(struct ops_actor *a)
{
	uint64_t key = ops_below(a, ops.several);
	bool nowait = ops_toss(a, 4);
	int rc = nowait ? crew_keyed_lock_acquire_nowait(&more.keys.lock, &key, sizeof(key)) :
			  crew_keyed_lock_acquire(&more.keys.lock, &key, sizeof(key));

	OPS_CHECK(ops_may_acquire(a, rc, nowait), "acquire a key");
	if (rc)
		return ops_told(rc);
	OPS_CHECK(!more.keys.inside[key], "two hold a key");
	more.keys.inside[key] = true;
	ops_inside(a);
	more.keys.inside[key] = false;
	OPS_CHECK(crew_keyed_lock_release(&more.keys.lock, &key, sizeof(key)) == 0,
		  "release a key");
	return 0;
}

static inline int ops_guard(struct ops_actor *a)
{
	int rc = crew_guard_enter(&more.stream.guard);

	OPS_CHECK(rc == 0 || rc == CREW_EBUSY, "enter");
	if (rc)
		return 0;
	OPS_CHECK(!more.stream.inside, "two are inside of a guard");
	more.stream.inside = true;
	ops_inside(a);
	more.stream.inside = false;
	OPS_CHECK(crew_guard_leave(&more.stream.guard) == 0, "leave");
	return 0;
}

static inline void ops_begin_more(void)
{
	memset(&more, 0, sizeof(more));
	crew_limiter_init(&more.loan.limiter, OPS_TOTAL);
}

static inline void ops_end_more(void)
{
	struct crew_rwlock_stats page = { .size = sizeof(page) };
	struct crew_limiter_stats loan = { .size = sizeof(loan) };
	struct crew_keyed_lock_stats keys = { .size = sizeof(keys) };

	crew_rwlock_read_stats(&more.page.lock, &page);
	OPS_CHECK(!page.waiting && !page.readers && !page.writer && !page.broken,
		  "a rwlock is held");
	OPS_CHECK(more.page.turns == crew__load_relaxed(&more.page.written),
		  "turns of a rwlock are missing");
	crew_rwlock_fini(&more.page.lock);
	crew_limiter_set_total(&more.loan.limiter, OPS_TOTAL);
	crew_limiter_read_stats(&more.loan.limiter, &loan);
	OPS_CHECK(!loan.waiting && !loan.borrowed && loan.available == OPS_TOTAL && !loan.left,
		  "something is borrowed");
	crew_limiter_fini(&more.loan.limiter);
	crew_keyed_lock_read_stats(&more.keys.lock, &keys);
	OPS_CHECK(!keys.waiting && !keys.keys && !keys.broken, "a key is not forgotten");
	crew_keyed_lock_fini(&more.keys.lock);
	crew_guard_fini(&more.stream.guard);
}

#endif /* SUPPORT_OPS_MORE_H */
