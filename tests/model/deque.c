/* SPDX-License-Identifier: MIT */
/*
 * model/deque.c - the deque (src/exec/deque.h) with one owner and one or two
 * thieves, at four slots: every item is taken once, by whatever interleaving.
 *
 * The owner follows a script: + pushes, - pops. Thieves try a few times, as
 * steal_tasks() in src/exec/idle.c does. What is left at the end the owner takes.
 */
#include "exec/deque.h"
#include "sim/sim.h"

#include "support/test.h"

#include <stdio.h>
#include <string.h>

#define ITEMS_MAX   16
#define THIEVES_MAX 3

struct deque_model {
	const char *script;
	unsigned thieves;
	unsigned tries;
	uint32_t start; /* of bottom and split: 32-bit arithmetic must wrap */
	bool fences;
	bool siblings; /* all of one group: thieves take several */
	/* of one run */
	struct crew__deque deque;
	unsigned pushed;
	unsigned written[ITEMS_MAX]; /* by plain stores before the push: the deque orders them */
	unsigned taken[ITEMS_MAX];
	struct crew_word numbers;
};

static int task(void *arg)
{
	(void)arg;
	return 0;
}

static const char sites[ITEMS_MAX] = "";

static struct crew__slot slot_of(const struct deque_model *m, unsigned item)
{
	return (struct crew__slot){ .fn = task,
				    .arg = (void *)(uintptr_t)item,
				    .group = m->siblings ? 16 : item * 16,
				    .site = &sites[item] };
}

static void take(struct deque_model *m, const struct crew__slot *slot)
{
	uintptr_t item = (uintptr_t)slot->arg;

	crew__sim_check(item < ITEMS_MAX && m->written[item] == item + 1,
			"an item was taken that was never pushed");
	crew__sim_check(slot->fn == task && slot->group == slot_of(m, (unsigned)item).group &&
				slot->site == &sites[item],
			"a slot was torn");
	crew__sim_check(m->taken[item]++ == 0, "an item was taken twice");
}

static void thief(void *opaque)
{
	struct deque_model *m = opaque;
	uint32_t number = (uint32_t)crew__add_relaxed(&m->numbers, 1) + 1;

	for (unsigned i = 0; i < m->tries; i++) {
		struct crew__slot slots[CREW__STEAL_BATCH];
		uint32_t count = CREW__STEAL_BATCH;
		uint64_t mark;

		switch (crew__deque_steal(&m->deque, slots, &count, number, &mark)) {
		case CREW__DEQUE_TAKEN:
			crew__sim_check(count == 1 || m->siblings, "no siblings were taken");
			for (uint32_t k = 0; k < count; k++)
				take(m, &slots[k]);
			break;
		case CREW__DEQUE_MARKED:
			if (crew__deque_answered(&m->deque, mark))
				break;
			crew__port_membarrier();
			crew__deque_expose(&m->deque, mark);
			break;
		case CREW__DEQUE_EMPTY:
		case CREW__DEQUE_RETRY:
		case CREW__DEQUE_BUSY:
			break;
		}
	}
}

static void push(struct deque_model *m)
{
	unsigned item = m->pushed++;
	struct crew__slot slot = slot_of(m, item);

	m->written[item] = item + 1;
	if (!crew__deque_push(&m->deque, &slot))
		take(m, &slot); /* full: it would go to the inject queue */
}

static bool pop(struct deque_model *m)
{
	struct crew__slot slot;

	if (!crew__deque_pop(&m->deque, &slot))
		return false;
	take(m, &slot);
	return true;
}

static void deque_main(void *opaque)
{
	struct deque_model *m = opaque;
	uint64_t threads[THIEVES_MAX];

	memset(m->taken, 0, sizeof(m->taken));
	memset(m->written, 0, sizeof(m->written));
	m->pushed = 0;
	crew__init_word(&m->numbers, 0);
	crew__sim_check(crew__deque_init(&m->deque, m->fences), "no memory");
	m->deque.bottom.value = m->start;
	m->deque.word.value = crew__deque_pack(m->start, 0, 0);
	m->deque.limit += m->start;
	for (unsigned i = 0; i < m->thieves; i++)
		crew__port_thread_start(&threads[i], thief, m, "thief");
	for (const char *c = m->script; *c; c++) {
		if (*c == '+')
			push(m);
		else
			pop(m);
	}
	for (unsigned i = 0; i < m->thieves; i++)
		crew__port_thread_join(threads[i]);
	while (pop(m))
		;
	for (unsigned i = 0; i < m->pushed; i++)
		crew__sim_check(m->taken[i] == 1, "an item was lost");
	crew__sim_check(crew__deque_count(&m->deque) == 0, "an empty deque counts something");
	crew__sim_check(!crew__deque_has_work(&m->deque), "an empty deque has work");
	crew__deque_fini(&m->deque);
}

/* D4, D5 of deque.h. */
static void deque_invariant(void *opaque)
{
	const struct deque_model *m = opaque;
	uint64_t word = m->deque.word.value;
	uint32_t top = crew__deque_split(word) - crew__deque_length(word);
	int32_t count = (int32_t)((uint32_t)m->deque.bottom.value - top);

	if (!m->deque.cells)
		return;
	crew__sim_check(!crew__deque_closer(word) || crew__deque_length(word) == 0, "D4");
	/* a pop that will find nothing stands one below for a moment */
	crew__sim_check(count >= -1 && count < (int32_t)CREW__DEQUE_SLOTS, "D5");
}

static const uint32_t starts[] = { 0, UINT32_MAX - 1, (UINT32_C(1) << 30) - 2, INT32_MAX - 1U };

static void enumerate(const char *name, struct deque_model model, unsigned bound)
{
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct crew__sim_options options = { .name = name, .invariant = deque_invariant };
		struct crew__sim_result result;

		model.start = starts[i];
		result = crew__sim_enumerate(&options, deque_main, &model, bound);
		cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
	}
}

static void seeds(const char *name, struct deque_model model, uint64_t n)
{
	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		struct crew__sim_options options = { .name = name };
		struct crew__sim_result result;

		model.start = starts[i];
		result = crew__sim_search_seeds(&options, deque_main, &model, n);
		cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
	}
}

Test(deque, one_thief_all_interleavings_with_four_interruptions, .timeout = 120)
{
	struct deque_model model = { .script = "++-+--", .thieves = 1, .tries = 3 };

	enumerate("deque_one", model, 3);
	model.script = "+-+-";
	enumerate("deque_one_item", model, 4);
	model.script = "+++--+-";
	model.tries = 4;
	enumerate("deque_one_more", model, 3);
}

Test(deque, two_thieves_all_interleavings_with_two_interruptions, .timeout = 120)
{
	struct deque_model model = { .script = "++-+-", .thieves = 2, .tries = 3 };

	enumerate("deque_two", model, 2);
	model.script = "+-+-";
	enumerate("deque_two_items", model, 3);
}

Test(deque, siblings_are_taken_several_at_a_time, .timeout = 120)
{
	struct deque_model model = { .script = "+++--+-", .tries = 4, .siblings = true };

	model.thieves = 1;
	enumerate("deque_siblings", model, 3);
	model.thieves = 2;
	model.script = "+++--++--+";
	seeds("deque_siblings_two", model, 20000);
	model.fences = true;
	seeds("deque_siblings_fences", model, 20000);
	model.script = "+++--++";
	model.tries = 2;
	enumerate("deque_siblings_fences_all", model, 2);
}

Test(deque, it_overflows_and_wraps, .timeout = 120)
{
	struct deque_model model = { .script = "+++++--++++----++-", .thieves = 2, .tries = 6 };

	seeds("deque_overflow", model, 5000);
	model.thieves = 3;
	seeds("deque_three", model, 5000);
}

Test(deque, with_fences_in_place_of_membarrier, .timeout = 120)
{
	struct deque_model model = { .script = "++-+--", .thieves = 1, .tries = 3, .fences = true };

	enumerate("deque_fences", model, 3);
	model.script = "+++++--++++----++-";
	model.thieves = 2;
	model.tries = 6;
	seeds("deque_fences_seeds", model, 5000);
}

/* D3: a closer that has read bottom stands still, while another one closes at the same
 * place. */
Test(deque, a_closer_stands_still, .timeout = 120)
{
	struct deque_model model = { .script = "+-+-+-+-", .thieves = 2, .tries = 4 };

	seeds("deque_stalled_closer", model, 10000);
}

/* D2: a thief that has read a slot stands still, while the owner takes everything back
 * and pushes as much anew, and another one publishes that. */
Test(deque, a_thief_stands_still, .timeout = 120)
{
	struct deque_model model = { .script = "++--++", .thieves = 2, .tries = 2 };
	struct crew__sim_options options = { .name = "deque_stalled_thief", .strong = true };
	struct crew__sim_result result = crew__sim_enumerate(&options, deque_main, &model, 3);

	cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
}
