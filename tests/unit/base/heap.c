/* SPDX-License-Identifier: MIT */
/* The timer heap against the simplest model: an array that is searched. */
#include "support/test.h"

#include "base/heap.h"
#include "base/random.h"

#define NODES 300

static crew_time first_of(const struct crew__heap_node *nodes, const bool *in)
{
	crew_time first = CREW_NEVER;

	for (int i = 0; i < NODES; i++)
		if (in[i] && nodes[i].when < first)
			first = nodes[i].when;
	return first;
}

Test(heap, it_agrees_with_a_searched_array_over_random_operations, .timeout = 60)
{
	static struct crew__heap_node nodes[NODES];
	static bool in[NODES];
	struct crew__heap heap = { .root = NULL };
	uint64_t random = 7;
	size_t size = 0;

	for (int step = 0; step < 20000; step++) {
		uint32_t i = crew__random_below(&random, NODES);
		struct crew__heap_node *first = crew__heap_first(&heap);

		if (!in[i]) {
			/* few moments: many are equal */
			crew__heap_insert(&heap, &nodes[i], crew__random_below(&random, 50));
			in[i] = true;
			size++;
		} else if (step % 3) {
			crew__heap_remove(&heap, &nodes[i]);
			in[i] = false;
			size--;
		} else {
			cr_assert_eq(first->when, first_of(nodes, in));
			crew__heap_remove(&heap, first);
			in[first - nodes] = false;
			size--;
		}
		cr_assert_eq(heap.size, size);
		cr_assert(step % 97 || crew__heap_is_valid(&heap), "step %d", step);
		cr_assert_eq(crew__heap_contains(&heap, &nodes[i]), in[i]);
	}
}

Test(heap, a_million_sorted_inserts_and_removals_do_not_recurse, .timeout = 60)
{
	static struct crew__heap_node nodes[1000000];
	struct crew__heap heap = { .root = NULL };

	for (int i = 0; i < 1000000; i++)
		crew__heap_insert(&heap, &nodes[i], i);
	for (int i = 0; i < 1000000; i++) {
		cr_assert_eq(crew__heap_first(&heap), &nodes[i]);
		crew__heap_remove(&heap, &nodes[i]);
	}
	cr_assert_eq(heap.size, (size_t)0);
}
