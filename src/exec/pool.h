/* SPDX-License-Identifier: MIT */
/*
 * pool.h - type-stable objects of one size: records of tasks.
 *
 * Memory is taken in slabs and given back when the pool ends, not before: what
 * another thread may reach late keeps its type until the crew stops. Every
 * worker keeps a few free objects for itself; what is above that it pushes onto
 * a stack that nobody has to lock (liburcu's wfstack); whoever runs out takes
 * some from the common stock, under a lock, and the stock refills itself from
 * that stack at once. Plain threads have no cache and use the stock directly.
 *
 * An object's first words are its link while it is free.
 */
#ifndef CREW__POOL_H
#define CREW__POOL_H

#include "port/lock.h"

#include <urcu/wfstack.h>

struct crew__pool_free {
	struct cds_wfs_node node;
	struct crew__pool_free *next;
};

struct crew__pool {
	struct __cds_wfs_stack returned;
	char pad_[64 - sizeof(struct __cds_wfs_stack)];
	struct crew__lock lock;
	struct crew__pool_free *stock; /* guarded by lock, as is the rest */
	struct crew__pool_slab *slabs;
	size_t object_bytes;
	char *fresh; /* the rest of the newest slab */
	char *fresh_end;
};

/* One worker's own. Zeroed: empty. */
struct crew__pool_cache {
	struct crew__pool_free *first;
	uint32_t count;
};

/* object_bytes: a multiple of 64 */
void crew__pool_init(struct crew__pool *pool, size_t object_bytes);
void crew__pool_fini(struct crew__pool *pool);
/* cache: the calling worker's, or NULL. NULL: no memory. */
void *crew__pool_take(struct crew__pool *pool, struct crew__pool_cache *cache);
/* Visits all that were ever taken. pre: nobody else uses the pool. */
void crew__pool_each(struct crew__pool *pool, void (*visit)(void *object));
void crew__pool_give(struct crew__pool *pool, struct crew__pool_cache *cache, void *object);

#endif /* CREW__POOL_H */
