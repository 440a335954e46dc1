/* SPDX-License-Identifier: MIT */
/* The deque with real threads: every item is taken once. tests/model/deque.c enumerates
 * the interleavings of small cases; here it is the processor that orders. */
#include "support/test.h"

#include "exec/deque.h"
#include "port/port.h"

#include <pthread.h>

#define ITEMS	200000
#define THIEVES 3

static struct crew__deque deque;
static struct crew_word taken[ITEMS];
static struct crew_word owner_is_done;

static struct crew__slot item(uintptr_t number)
{
	return (struct crew__slot){ .arg = (void *)number,
				    .group = number / 32 * 64, /* siblings */
				    .site = (const char *)number };
}

static void take(const struct crew__slot *slot)
{
	uintptr_t number = (uintptr_t)slot->arg;

	/* words of two items mixed: impossible */
	if (slot->group != number / 32 * 64 || (uintptr_t)slot->site != number)
		number = 0;
	crew__add_relaxed(&taken[number], 1);
}

static void *thief(void *arg)
{
	uint32_t number = (uint32_t)(uintptr_t)arg;

	for (;;) {
		bool last = crew__load_acquire(&owner_is_done);
		struct crew__slot slots[CREW__STEAL_BATCH];
		uint32_t count = CREW__STEAL_BATCH;
		uint64_t mark;

		switch (crew__deque_steal(&deque, slots, &count, number, &mark)) {
		case CREW__DEQUE_TAKEN:
			while (count > 0)
				take(&slots[--count]);
			break;
		case CREW__DEQUE_MARKED:
			for (int i = 0; i < 50 && !crew__deque_answered(&deque, mark); i++)
				crew__spin_hint();
			if (deque.fences)
				crew__fence_seq_cst();
			else
				crew__port_membarrier();
			crew__deque_expose(&deque, mark);
			break;
		case CREW__DEQUE_EMPTY:
			if (last)
				return NULL;
			break;
		case CREW__DEQUE_BUSY:
		case CREW__DEQUE_RETRY:
			break;
		}
	}
}

static void rob(bool fences)
{
	pthread_t thieves[THIEVES];
	struct crew__slot slot;
	uintptr_t next = 0;

	memset(taken, 0, sizeof(taken));
	crew__store_relaxed(&owner_is_done, 0);
	cr_assert(crew__deque_init(&deque, fences));
	for (uintptr_t i = 0; i < THIEVES; i++)
		pthread_create(&thieves[i], NULL, thief, (void *)(i + 1));
	while (next < ITEMS) {
		for (int burst = (int)(next % 7) + 1; burst > 0 && next < ITEMS; burst--) {
			struct crew__slot new = item(next);

			if (!crew__deque_push(&deque, &new))
				break; /* full: TINY */
			next++;
		}
		for (int burst = (int)(next % 5); burst > 0; burst--)
			if (crew__deque_pop(&deque, &slot))
				take(&slot);
	}
	while (crew__deque_pop(&deque, &slot))
		take(&slot);
	crew__store_release(&owner_is_done, 1);
	for (int i = 0; i < THIEVES; i++)
		pthread_join(thieves[i], NULL);
	for (int i = 0; i < ITEMS; i++)
		cr_assert_eq(crew__load_relaxed(&taken[i]), (uint64_t)1, "item %d: %d times", i,
			     (int)crew__load_relaxed(&taken[i]));
	crew__deque_fini(&deque);
}

Test(deque, three_thieves_and_the_owner_take_every_item_once, .timeout = 60)
{
	if (crew__port_has_membarrier())
		rob(false);
}

Test(deque, the_same_without_membarrier, .timeout = 60)
{
	rob(true);
}

Test(deque, the_owner_takes_the_newest_and_a_thief_the_oldest)
{
	struct crew__slot slot = item(0);
	uint32_t count = 1;
	uint64_t mark;

	cr_assert(crew__deque_init(&deque, false));
	for (uintptr_t i = 1; i <= 3; i++) {
		struct crew__slot new = item(i);

		cr_assert(crew__deque_push(&deque, &new));
	}
	cr_assert(crew__deque_pop(&deque, &slot));
	cr_assert_eq((uintptr_t)slot.arg, (uintptr_t)3);
	/* nothing is public: the thief asks, and then helps itself */
	cr_assert_eq((int)crew__deque_steal(&deque, &slot, &count, 1, &mark),
		     (int)CREW__DEQUE_MARKED);
	crew__deque_expose(&deque, mark);
	cr_assert_eq((int)crew__deque_steal(&deque, &slot, &count, 1, &mark),
		     (int)CREW__DEQUE_TAKEN);
	cr_assert_eq((uintptr_t)slot.arg, (uintptr_t)1);
	cr_assert(crew__deque_pop(&deque, &slot));
	cr_assert_eq((uintptr_t)slot.arg, (uintptr_t)2);
	cr_assert_not(crew__deque_pop(&deque, &slot));
	crew__deque_fini(&deque);
}

/* Takes what three items leave to a thief that may have as many as it likes. */
static uint32_t steal_from(bool fences, const uintptr_t groups[3])
{
	struct crew__slot slots[3];
	uint32_t count = 3;
	uint64_t mark;

	cr_assert(crew__deque_init(&deque, fences));
	for (int i = 0; i < 3; i++) {
		struct crew__slot new = { .group = groups[i] };

		cr_assert(crew__deque_push(&deque, &new));
	}
	while (crew__deque_steal(&deque, slots, &count, 1, &mark) == CREW__DEQUE_MARKED)
		crew__deque_expose(&deque, mark);
	crew__deque_fini(&deque);
	return count;
}

Test(deque, a_thief_takes_half_of_the_siblings)
{
	const uintptr_t siblings[3] = { 64, 64, 64 };
	const uintptr_t strangers[3] = { 64, 128, 64 };
	const uintptr_t forks[3] = { 64 | CREW__SLOT_FORK, 64 | CREW__SLOT_FORK, 64 };

	cr_assert_eq(steal_from(false, siblings), (uint32_t)2);
	cr_assert_eq(steal_from(false, strangers), (uint32_t)1);
	cr_assert_eq(steal_from(false, forks), (uint32_t)1);
	cr_assert_eq(steal_from(true, siblings), (uint32_t)1);
}

Test(deque, it_is_full_one_below_its_slots)
{
	struct crew__slot slot = item(5);
	uint32_t count = 0;

	cr_assert(crew__deque_init(&deque, false));
	while (crew__deque_push(&deque, &slot))
		count++;
	cr_assert_eq(count, CREW__DEQUE_SLOTS - 1);
	cr_assert(crew__deque_pop(&deque, &slot));
	cr_assert(crew__deque_push(&deque, &slot));
	cr_assert_not(crew__deque_push(&deque, &slot));
	crew__deque_fini(&deque);
}
