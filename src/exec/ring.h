/* SPDX-License-Identifier: MIT */
/*
 * ring.h - the fibers that are ready to go on, of one worker: first in, first
 * out. The owner puts in, anybody takes out. Bounded; what does not fit goes to
 * the inject queue.
 *
 * INVARIANTS
 *	Q1  head <= tail <= head + slots, both only grow (64 bits: no wrap-around).
 *	Q2  A fiber is taken by the one compare-exchange that moves head past it: a
 *	    reader whose slot was overwritten meanwhile finds head moved.
 *
 * ORDERS
 *	ring.tail	the owner's store releases the slot and the fiber's saved
 *			registers; the taker's load acquires them.
 *	ring.head	the taker's exchange releases; the owner's load in push
 *			acquires, so that a slot is not written before it was read.
 */
#ifndef CREW__RING_H
#define CREW__RING_H

#include "base/atomic.h"
#include "base/config.h"

struct crew__fiber;

struct crew__ring {
	struct crew_word tail; /* the owner's */
	char pad_[56];
	struct crew_word head;
	struct crew_word slots[CREW__RING_SLOTS];
} __attribute__((aligned(64)));

#define CREW__RING_MASK (CREW__RING_SLOTS - 1)

/* Owner. False: full. */
static inline bool crew__ring_push(struct crew__ring *ring, struct crew__fiber *fiber)
{
	uint64_t tail = crew__own(&ring->tail);

	/* pairs: ring.head */
	if (tail - crew__load_acquire(&ring->head) >= CREW__RING_SLOTS)
		return false;
	crew__store_relaxed(&ring->slots[tail & CREW__RING_MASK], (uint64_t)(uintptr_t)fiber);
	crew__store_release(&ring->tail, tail + 1); /* pairs: ring.tail */
	return true;
}

/* Anybody. NULL: empty. */
static inline struct crew__fiber *crew__ring_pop(struct crew__ring *ring)
{
	uint64_t head = crew__load_acquire(&ring->head);

	for (;;) {
		uint64_t tail = crew__load_acquire(&ring->tail); /* pairs: ring.tail */
		uint64_t fiber;

		if (head >= tail)
			return NULL;
		fiber = crew__load_relaxed(&ring->slots[head & CREW__RING_MASK]);
		if (crew__cas_acq_rel(&ring->head, &head, head + 1)) /* pairs: ring.head */
			return (struct crew__fiber *)(uintptr_t)fiber;
	}
}

/* The owner: the fiber that so many go before; somebody else may have it by now. NULL: none. */
static inline const struct crew__fiber *crew__ring_ahead(const struct crew__ring *ring, int64_t n)
{
	uint64_t at = crew__load_relaxed(&ring->head) + (uint64_t)n;

	if ((int64_t)(crew__own(&ring->tail) - at) <= 0)
		return NULL;
	return (const struct crew__fiber *)(uintptr_t)crew__load_relaxed(
		&ring->slots[at & CREW__RING_MASK]);
}

/* How many, roughly. */
static inline uint32_t crew__ring_count(const struct crew__ring *ring)
{
	uint64_t head = crew__load_acquire(&ring->head);
	uint64_t tail = crew__load_acquire(&ring->tail);

	return tail > head ? (uint32_t)(tail - head) : 0;
}

#endif /* CREW__RING_H */
