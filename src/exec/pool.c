/* SPDX-License-Identifier: MIT */
/* pool.c - see pool.h. */
#include "exec/pool.h"

#include "base/list.h"
#include "exec/urcu.h"

#define SLAB_BYTES ((size_t)256 * 1024)

struct crew__pool_slab {
	struct crew__pool_slab *next;
};

void crew__pool_init(struct crew__pool *pool, size_t object_bytes)
{
	*pool = (struct crew__pool){ .object_bytes = object_bytes };
	__cds_wfs_init(&pool->returned);
}

void crew__pool_fini(struct crew__pool *pool)
{
	while (pool->slabs) {
		struct crew__pool_slab *slab = pool->slabs;

		pool->slabs = slab->next;
		crew__port_unmap(slab, SLAB_BYTES);
	}
}

void crew__pool_each(struct crew__pool *pool, void (*visit)(void *object))
{
	char *end = pool->fresh;

	for (struct crew__pool_slab *slab = pool->slabs; slab; slab = slab->next) {
		size_t count = (SLAB_BYTES - 64) / pool->object_bytes;

		if (slab != pool->slabs)
			end = (char *)slab + 64 + count * pool->object_bytes;
		for (char *at = (char *)slab + 64; at < end; at += pool->object_bytes)
			visit(at);
	}
}

/* pre: locked. Moves what was returned into the stock. */
static void collect_returned(struct crew__pool *pool)
{
	struct cds_wfs_head *head = __cds_wfs_pop_all(&pool->returned);
	struct cds_wfs_node *node;
	struct cds_wfs_node *after;

	crew__urcu_acquire(&pool->returned);
	if (!head)
		return;
	cds_wfs_for_each_blocking_safe (head, node, after) {
		struct crew__pool_free *object =
			crew__container(node, struct crew__pool_free, node);

		object->next = pool->stock;
		pool->stock = object;
	}
}

/* pre: locked */
static void *take_one(struct crew__pool *pool)
{
	struct crew__pool_free *object;

	if (!pool->stock)
		collect_returned(pool);
	object = pool->stock;
	if (object) {
		pool->stock = object->next;
		return object;
	}
	if (pool->fresh == pool->fresh_end) {
		struct crew__pool_slab *slab = crew__port_map(SLAB_BYTES);
		size_t count = (SLAB_BYTES - 64) / pool->object_bytes;

		if (!slab)
			return NULL;
		slab->next = pool->slabs;
		pool->slabs = slab;
		pool->fresh = (char *)slab + 64;
		pool->fresh_end = pool->fresh + count * pool->object_bytes;
	}
	object = (struct crew__pool_free *)(void *)pool->fresh;
	pool->fresh += pool->object_bytes;
	return object;
}

void *crew__pool_take(struct crew__pool *pool, struct crew__pool_cache *cache)
{
	struct crew__pool_free *object;

	if (cache && cache->first) {
		object = cache->first;
		cache->first = object->next;
		cache->count--;
		return object;
	}
	crew__lock_acquire(&pool->lock);
	object = take_one(pool);
	while (cache && object && cache->count < CREW__CACHE_RECORDS / 2) {
		struct crew__pool_free *more = take_one(pool);

		if (!more)
			break;
		more->next = cache->first;
		cache->first = more;
		cache->count++;
	}
	crew__lock_release(&pool->lock);
	return object;
}

void crew__pool_give(struct crew__pool *pool, struct crew__pool_cache *cache, void *opaque)
{
	struct crew__pool_free *object = opaque;

	if (cache && cache->count < CREW__CACHE_RECORDS) {
		object->next = cache->first;
		cache->first = object;
		cache->count++;
		return;
	}
	cds_wfs_node_init(&object->node);
	crew__urcu_release(&pool->returned);
	cds_wfs_push(&pool->returned, &object->node);
}
