/* SPDX-License-Identifier: MIT */
/*
 * crew/keyed_lock.h - a lock for each key, while somebody wants it.
 *
 * A key is any bytes: a name, a number, a path. Two who acquire the same key come one after the
 * other, as with crew/lock.h; different keys have nothing to do with each other. A key that
 * nobody holds or waits for is forgotten: what there is at a time is what is held.
 *
 *	static struct crew_keyed_lock users;
 *
 *	int charge(uint64_t user, int cents, int (*book)(uint64_t user, int cents))
 *	{
 *		int rc = crew_keyed_lock_acquire(&users, &user, sizeof(user));
 *
 *		if (rc)
 *			return rc;
 *		rc = book(user, cents);
 *		crew_keyed_lock_release(&users, &user, sizeof(user));
 *		return rc;
 *	}
 *
 * The key is copied. Padding inside of a struct is part of it: keys are compared by all of
 * their bytes. Whoever may choose keys cannot choose them to be slow: they are hashed with
 * a seed that no other process has (SipHash).
 *
 * Whose it is. The key's lock is the task's, or plain thread's, that has acquired it; all that
 * crew/lock.h says of owners holds for it, and who waits for whom is noticed where a
 * crew wants that (.deadlock). A task that ends while it holds a key breaks it: it stays
 * broken, and is remembered, until crew_keyed_lock_fini().
 *
 * What the calls cost, of a key of so many bytes:
 *
 *	acquire, release	its hash, the lock of an eighth of the keys for a look-up, a
 *				lock's acquire or release
 *	first one of a key	a malloc() and a free(), of 120 bytes and the key
 *	read_stats		all keys are gone through
 *
 * See also: crew/lock.h.
 */
#ifndef CREW_KEYED_LOCK_H
#define CREW_KEYED_LOCK_H

#include "crew/base.h"
#include "crew/lot.h"

CREW_BEGIN

/*
 * Zeroed storage is one without keys. It must not be moved or copied while a key is held or
 * waited for. When none is nothing is owed; its memory may be given back by whoever
 * released the last key. No field is for callers.
 */
struct crew_keyed_lock {
	struct {
		struct {
			struct crew_lot lot;
			struct crew_lot_table keys;
		} parts[8];
	} private_;
};

/*
 * Acquires the key's lock; waits at the end of its line while somebody else holds it. What
 * the one before has written while it held it is visible.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0		the caller holds it
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited: not held
 *		CREW_EDEADLK	the caller holds it already; or would close a circle, as with
 *				crew_lock_acquire()
 *		CREW_EOWNERDEAD	it is broken, or broke meanwhile: not held
 *		CREW_ENOMEM	no memory
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_keyed_lock_acquire(struct crew_keyed_lock *lock, const void *key, size_t bytes);

/*
 * Acquires the key's lock if nobody holds it or waits for it. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 * Returns:	0		the caller holds it
 *		CREW_EWOULDBLOCK somebody else does
 *		CREW_EDEADLK	the caller holds it already
 *		CREW_EOWNERDEAD	it is broken
 *		CREW_ENOMEM	no memory
 */
CREW_API int crew_keyed_lock_acquire_nowait(struct crew_keyed_lock *lock, const void *key,
					    size_t bytes);

/*
 * Releases the key's lock, or hands it to the first who waits for it.
 *
 * Checkpoint:	none
 * Callers:	whoever holds it
 * Returns:	0
 *		CREW_EPERM	the caller does not hold it
 */
CREW_API int crew_keyed_lock_release(struct crew_keyed_lock *lock, const void *key, size_t bytes);

struct crew_keyed_lock_stats {
	size_t size;	  /* set by the caller: sizeof(struct crew_keyed_lock_stats) */
	uint64_t waiting; /* for any key, neither handed it nor cancelled yet */
	uint64_t keys;	  /* that are held, waited for, or broken */
	uint64_t broken;  /* of these */
};

/*
 * How many keys there are, and how many wait.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_keyed_lock_read_stats(const struct crew_keyed_lock *lock,
					 struct crew_keyed_lock_stats *stats);

/*
 * Forgets broken keys: owed only when there are any. Stops the program, with the names of
 * those who wait for a key, or with that of who holds one, when anybody does.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_keyed_lock_fini(struct crew_keyed_lock *lock);

CREW_END

#endif /* CREW_KEYED_LOCK_H */
