/* SPDX-License-Identifier: MIT */
/*
 * keyed_lock.c - tables (table.h) of locks (crew/lock.h), found by key. Keys are spread over
 * parts, each with a lot of its own, of which only the lock is used: all waiting is done in the
 * lots of the locks.
 *
 * WORDS
 *	user	who holds the key's lock, waits for it, or is about to do either
 *
 * INVARIANTS
 *	K1  An entry is in its table exactly while it has users: who looks it up becomes one
 *	    under the part's lock, and the last one to go takes it out under that lock, and
 *	    frees it.
 *	K2  A task that ended with the key stays its user, so a broken lock stays.
 *	K3  The part's lock is held while the lock's lot is entered (statistics), never the
 *	    other way.
 *
 * GUARDED BY tests/model/keyed_lock.c, tests/api/keyed_lock.c.
 */
#include "sync/lot.h"
#include "sync/table.h"

#include "base/alloc.h"

#include "crew/keyed_lock.h"
#include "crew/lock.h"

#include <string.h>

struct keyed {
	struct crew__entry entry;
	uint64_t users; /* guarded by the part */
	struct crew_lock lock;
	char key[];
};

static struct keyed *keyed_of(struct crew__entry *entry)
{
	return entry ? crew__container(entry, struct keyed, entry) : NULL;
}

#define PARTS 8

/* The low bits choose the list within the table. */
static size_t part_of(uint64_t hash)
{
	_Static_assert(sizeof(struct crew_keyed_lock) ==
			       PARTS * (sizeof(struct crew_lot) + sizeof(struct crew_lot_table)),
		       "so many parts");

	return (size_t)(hash >> 48) % PARTS;
}

static struct keyed *make_keyed(const void *key, size_t bytes)
{
	struct keyed *keyed = crew__alloc(sizeof(*keyed) + bytes);

	if (!keyed)
		return NULL;
	if (bytes)
		memcpy(keyed->key, key, bytes);
	crew__entry_init(&keyed->entry, keyed->key, bytes);
	keyed->lock.private_.name = "keyed lock";
	return keyed;
}

/* The caller becomes a user of the key, by `fresh` if nobody is. NULL: nobody is, and there is
 * no `fresh`. */
static struct keyed *use_key(struct crew_keyed_lock *lock, const struct crew__entry *like,
			     struct keyed *fresh)
{
	size_t part = part_of(like->hash);
	struct keyed *keyed;

	crew__lot_enter(&lock->private_.parts[part].lot);
	keyed = keyed_of(crew__table_find(&lock->private_.parts[part].keys, like));
	if (!keyed && fresh) {
		keyed = fresh;
		crew__table_add(&lock->private_.parts[part].keys, &keyed->entry);
	}
	if (keyed)
		keyed->users++;
	crew__lot_leave(&lock->private_.parts[part].lot);
	return keyed;
}

static void drop_key(struct crew_keyed_lock *lock, struct keyed *keyed, uint64_t users)
{
	size_t part = part_of(keyed->entry.hash);
	bool last;

	crew__lot_enter(&lock->private_.parts[part].lot);
	last = (keyed->users -= users) == 0;
	if (last)
		crew__table_remove(&lock->private_.parts[part].keys, &keyed->entry);
	crew__lot_leave(&lock->private_.parts[part].lot); /* LAST TOUCH */
	if (last)
		crew__free(keyed);
}

static int acquire_key(struct crew_keyed_lock *lock, const void *key, size_t bytes,
		       int (*acquire)(struct crew_lock *lock))
{
	struct crew__entry like;
	struct keyed *keyed;
	struct keyed *fresh;
	int rc;

	crew__entry_init(&like, key, bytes);
	keyed = use_key(lock, &like, NULL);
	if (!keyed) {
		fresh = make_keyed(key, bytes);
		if (!fresh)
			return CREW_ENOMEM;
		keyed = use_key(lock, &like, fresh);
		if (keyed != fresh)
			crew__free(fresh);
	}
	rc = acquire(&keyed->lock);
	if (rc)
		drop_key(lock, keyed, 1);
	return rc;
}

int crew_keyed_lock_acquire(struct crew_keyed_lock *lock, const void *key, size_t bytes)
{
	return acquire_key(lock, key, bytes, crew_lock_acquire);
}

int crew_keyed_lock_acquire_nowait(struct crew_keyed_lock *lock, const void *key, size_t bytes)
{
	return acquire_key(lock, key, bytes, crew_lock_acquire_nowait);
}

int crew_keyed_lock_release(struct crew_keyed_lock *lock, const void *key, size_t bytes)
{
	struct crew__entry like;
	struct keyed *keyed;
	int rc;

	crew__entry_init(&like, key, bytes);
	keyed = use_key(lock, &like, NULL); /* so that it stays, should the caller not hold it */
	if (!keyed)
		return CREW_EPERM;
	rc = crew_lock_release(&keyed->lock);
	drop_key(lock, keyed, rc ? 1 : 2);
	return rc;
}

/* ---- the rest of the face -------------------------------------------------------------------- */

static struct crew_lock_stats stats_of_key(const struct keyed *keyed)
{
	struct crew_lock_stats stats = { .size = sizeof(stats) };

	crew_lock_read_stats(&keyed->lock, &stats);
	return stats;
}

void crew_keyed_lock_read_stats(const struct crew_keyed_lock *lock,
				struct crew_keyed_lock_stats *stats)
{
	struct crew_keyed_lock *locked = (struct crew_keyed_lock *)(uintptr_t)lock;
	struct crew_keyed_lock_stats now = { .size = sizeof(now) };

	for (size_t i = 0; i < PARTS; i++) {
		const struct crew_lot_table *keys = &lock->private_.parts[i].keys;
		struct crew__entry *entry = NULL;

		crew__lot_enter(&locked->private_.parts[i].lot);
		while ((entry = crew__table_next(keys, entry))) {
			struct crew_lock_stats of_key = stats_of_key(keyed_of(entry));

			now.waiting += of_key.waiting;
			now.broken += of_key.broken;
		}
		now.keys += keys->count;
		crew__lot_leave(&locked->private_.parts[i].lot);
	}
	crew__stats_give(stats, &now, sizeof(now));
}

static void give_up_key(const struct keyed *keyed)
{
	struct crew_lock_stats of_key = stats_of_key(keyed);

	crew__queue_fini(&keyed->lock.private_.lot.private_.queue,
			 "a keyed lock is given up while somebody waits for a key of it");
	crew__require(of_key.broken,
		      "a keyed lock is given up while somebody holds a key of it; release it first",
		      of_key.owner);
}

void crew_keyed_lock_fini(struct crew_keyed_lock *lock)
{
	for (size_t i = 0; i < PARTS; i++) {
		struct crew_lot_table *keys = &lock->private_.parts[i].keys;
		struct crew__entry *entry;

		crew__lot_enter(&lock->private_.parts[i].lot);
		while ((entry = crew__table_next(keys, NULL))) {
			give_up_key(keyed_of(entry));
			crew__table_remove(keys, entry);
			crew__free(keyed_of(entry));
		}
		crew__lot_leave(&lock->private_.parts[i].lot);
	}
}
