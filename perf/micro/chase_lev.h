/* SPDX-License-Identifier: MIT */
/*
 * chase_lev.h - the plain alternative to src/exec/deque.h, for comparison: the
 * deque of Chase and Lev with the orders of Lê, Pop, Cohen, Zappa Nardelli,
 * "Correct and efficient work-stealing for weak memory models" (2013). Slots of
 * 32 bytes like ours, one fixed array. The owner's pop has a full fence, push has
 * none; every item is visible to thieves at once.
 */
#ifndef CHASE_LEV_H
#define CHASE_LEV_H

#include <stdbool.h>
#include <stdint.h>

#define CHASE_LEV_SLOTS (1U << 21)

struct chase_lev_item {
	uint64_t words[4];
};

struct chase_lev {
	int64_t bottom; /* written by the owner */
	char pad_[56];
	int64_t top; /* only grows */
	char pad2_[56];
	struct chase_lev_item *items; /* CHASE_LEV_SLOTS */
};

static inline struct chase_lev_item *chase_lev_at(struct chase_lev *deque, int64_t index)
{
	return &deque->items[(uint64_t)index & (CHASE_LEV_SLOTS - 1)];
}

static inline void chase_lev_copy(struct chase_lev_item *to, const struct chase_lev_item *from)
{
	for (int i = 0; i < 4; i++)
		__atomic_store_n(&to->words[i], __atomic_load_n(&from->words[i], __ATOMIC_RELAXED),
				 __ATOMIC_RELAXED);
}

static inline bool chase_lev_push(struct chase_lev *deque, const struct chase_lev_item *item)
{
	int64_t bottom = __atomic_load_n(&deque->bottom, __ATOMIC_RELAXED);
	int64_t top = __atomic_load_n(&deque->top, __ATOMIC_ACQUIRE);

	if (bottom - top >= CHASE_LEV_SLOTS)
		return false;
	chase_lev_copy(chase_lev_at(deque, bottom), item);
	__atomic_store_n(&deque->bottom, bottom + 1, __ATOMIC_RELEASE);
	return true;
}

static inline bool chase_lev_pop(struct chase_lev *deque, struct chase_lev_item *item)
{
	int64_t bottom = __atomic_load_n(&deque->bottom, __ATOMIC_RELAXED) - 1;
	int64_t top;
	bool mine = true;

	__atomic_store_n(&deque->bottom, bottom, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	top = __atomic_load_n(&deque->top, __ATOMIC_RELAXED);
	if (top < bottom) {
		chase_lev_copy(item, chase_lev_at(deque, bottom));
		return true;
	}
	if (top == bottom) {
		chase_lev_copy(item, chase_lev_at(deque, bottom));
		mine = __atomic_compare_exchange_n(&deque->top, &top, top + 1, false,
						   __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
	} else {
		mine = false;
	}
	__atomic_store_n(&deque->bottom, bottom + 1, __ATOMIC_RELAXED);
	return mine;
}

/* False: empty, or somebody was faster. */
static inline bool chase_lev_steal(struct chase_lev *deque, struct chase_lev_item *item)
{
	int64_t top = __atomic_load_n(&deque->top, __ATOMIC_ACQUIRE);
	int64_t bottom;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	bottom = __atomic_load_n(&deque->bottom, __ATOMIC_ACQUIRE);
	if (top >= bottom)
		return false;
	chase_lev_copy(item, chase_lev_at(deque, top));
	return __atomic_compare_exchange_n(&deque->top, &top, top + 1, false, __ATOMIC_SEQ_CST,
					   __ATOMIC_RELAXED);
}

#endif /* CHASE_LEV_H */
