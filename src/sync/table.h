/* SPDX-License-Identifier: MIT */
/*
 * table.h - what is found by a key: who has borrowed, who holds a key's lock, a call that is
 * under way. Whoever uses it guards it, with a lot's lock, and owns the entries.
 *
 * Lists of entries, by hash. Zeroed storage is an empty table: a few entries are in one list
 * and need no memory; more make an array of lists, twice as long each time, which is given
 * back when the table is empty. When there is no memory for it the lists get longer.
 *
 * WHO CHOOSES THE KEYS can make no long lists: the hash is SipHash-1-3 (Aumasson and
 * Bernstein, "SipHash: a fast short-input PRF", 2012) with 128 random bits for each process.
 *
 * REJECTED
 *	xxHash with a seed: faster for keys of kilobytes, but there are keys that collide
 *	under every seed. In a lane of XXH64 the seed is added before the multiplications, and
 *	the highest bit passes through each of them as it is, so the difference of one piece
 *	is taken back by the next one. liburcu's table: for readers without locks;
 *	here every look-up changes its entry.
 *
 * GUARDED BY tests/unit/sync/table.c, tests/model/keyed_lock.c, tests/model/limiter.c.
 */
#ifndef CREW__TABLE_H
#define CREW__TABLE_H

#include "crew/lot.h"

/* Lies in what is found. */
struct crew__entry {
	struct crew__entry *next;
	uint64_t hash;
	const void *key; /* stays there, and as it is */
	size_t bytes;
};

/* The same for one process; no lock is needed. */
uint64_t crew__table_hash(const void *key, size_t bytes);
/* SipHash-1-3 of it. */
uint64_t crew__siphash(const uint64_t seed[2], const void *key, size_t bytes);

static inline void crew__entry_init(struct crew__entry *entry, const void *key, size_t bytes)
{
	entry->hash = crew__table_hash(key, bytes);
	entry->key = key;
	entry->bytes = bytes;
}

/* The entry with the key of `like`, or NULL. */
struct crew__entry *crew__table_find(const struct crew_lot_table *table,
				     const struct crew__entry *like);
/* pre: none with its key is in. */
void crew__table_add(struct crew_lot_table *table, struct crew__entry *entry);
/* pre: it is in. */
void crew__table_remove(struct crew_lot_table *table, struct crew__entry *entry);
/* The first for NULL, the one behind `entry`, or NULL. */
struct crew__entry *crew__table_next(const struct crew_lot_table *table,
				     const struct crew__entry *entry);

#endif /* CREW__TABLE_H */
