/* SPDX-License-Identifier: MIT */
/*
 * crew/rwlock.h - many who read, or one who writes.
 *
 * Readers share it, a writer has it for itself. All stand in one line: who comes behind a
 * writer that waits, waits too, so neither readers nor writers are kept out by the others.
 *
 *	struct prices {
 *		struct crew_rwlock lock;
 *		int of[100];
 *	};
 *
 *	int look_up(struct prices *prices, int what, int *price)
 *	{
 *		int rc = crew_rwlock_acquire_read(&prices->lock);
 *
 *		if (rc)
 *			return rc;
 *		*price = prices->of[what];
 *		return crew_rwlock_release_read(&prices->lock);
 *	}
 *
 *	int raise(struct prices *prices, int what)
 *	{
 *		int rc = crew_rwlock_acquire_write(&prices->lock);
 *
 *		if (rc)
 *			return rc;
 *		prices->of[what]++;
 *		return crew_rwlock_release_write(&prices->lock);
 *	}
 *
 * Whose it is. A writer's is the task's, or plain thread's, that has acquired it, as with a
 * lock: who comes again gets CREW_EDEADLK, and a task that ends with it breaks it. Readers
 * are only counted: anybody may release for them. So nobody notices a reader that reads
 * again behind a writer who waits, or that wants to write: they wait for themselves. A writer
 * that goes on as a reader does so by crew_rwlock_downgrade(): nobody writes in between.
 *
 * What the calls cost:
 *
 *	acquire, release	the lot's lock
 *	acquire that waits	the same, two switches; no memory
 *	release to waiters	for each that is served a compare-exchange, and it is made ready
 *
 * Reads that take less than a lock costs are no faster with it: crew/lock.h is smaller.
 *
 * See also: crew/lock.h, crew/lot.h (what it is made of).
 */
#ifndef CREW_RWLOCK_H
#define CREW_RWLOCK_H

#include "crew/base.h"
#include "crew/lock.h"
#include "crew/lot.h"

CREW_BEGIN

/*
 * Zeroed storage is a free one. It must not be moved or copied while it is held. When nobody
 * holds it or waits for it nothing is owed; its memory may be given back by the last one
 * to release it. No field is for callers.
 */
struct crew_rwlock {
	struct {
		uint64_t readers;
		uint64_t writer; /* who it is */
		struct crew_lot lot;
		struct crew_lock hold; /* in the list of a task that writes */
	} private_;
};

/* clang-format off */
#define CREW_RWLOCK_INIT { { 0, 0, CREW_LOT_INIT, CREW_LOCK_INIT } }
/* clang-format on */

/*
 * Becomes a reader; waits at the end of the line while somebody writes, or others wait. What
 * the writers before have written is visible.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited
 *		CREW_EDEADLK	the caller writes
 *		CREW_EOWNERDEAD	it is broken, or broke meanwhile
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_rwlock_acquire_read(struct crew_rwlock *lock);

/*
 * Becomes a reader if nobody writes and nobody waits. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_EWOULDBLOCK it would have to wait
 *		CREW_EDEADLK	the caller writes
 *		CREW_EOWNERDEAD	it is broken
 */
CREW_API int crew_rwlock_acquire_read_nowait(struct crew_rwlock *lock);

/*
 * Becomes the writer; waits at the end of the line while others read or write. What those
 * before have written is visible, and what readers have read is done with.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited
 *		CREW_EDEADLK	the caller writes already
 *		CREW_EOWNERDEAD	it is broken, or broke meanwhile
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_rwlock_acquire_write(struct crew_rwlock *lock);

/*
 * Becomes the writer if nobody reads or writes. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_EWOULDBLOCK it would have to wait
 *		CREW_EDEADLK	the caller writes already
 *		CREW_EOWNERDEAD	it is broken
 */
CREW_API int crew_rwlock_acquire_write_nowait(struct crew_rwlock *lock);

/*
 * One reader less. The last one hands it to the first in line.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EPERM	nobody reads
 */
CREW_API int crew_rwlock_release_read(struct crew_rwlock *lock);

/*
 * Hands it to the first in line: a writer, or all readers up to the next writer.
 *
 * Checkpoint:	none
 * Callers:	the writer
 * Returns:	0
 *		CREW_EPERM	the caller does not write
 */
CREW_API int crew_rwlock_release_write(struct crew_rwlock *lock);

/*
 * The writer becomes a reader, and so do those first in line, up to the next writer.
 *
 * Checkpoint:	none
 * Callers:	the writer
 * Returns:	0		it is to be released by crew_rwlock_release_read()
 *		CREW_EPERM	the caller does not write
 */
CREW_API int crew_rwlock_downgrade(struct crew_rwlock *lock);

struct crew_rwlock_stats {
	size_t size;	  /* set by the caller: sizeof(struct crew_rwlock_stats) */
	uint64_t waiting; /* neither served nor cancelled yet */
	uint64_t readers;
	const char *writer; /* a task's name or where it was spawned, or "a plain thread"; of a
			     * broken one, who broke it; NULL: nobody */
	bool broken;
};

/*
 * Who has it, and how many wait.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_rwlock_read_stats(const struct crew_rwlock *lock,
				     struct crew_rwlock_stats *stats);

/*
 * Owed by nobody; stops the program, with the names of those who wait, when anybody
 * does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_rwlock_fini(struct crew_rwlock *lock);

CREW_END

#endif /* CREW_RWLOCK_H */
