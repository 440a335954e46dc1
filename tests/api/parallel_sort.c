/* SPDX-License-Identifier: MIT */
/*
 * parallel_sort.c - sorts and merges: of any length, any type, any order that there was
 * before; equal items stay in order where that is promised; none is lost when cancelled.
 */
#include "api/parallel.h"

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define SIZE 5000

CREW_SORT(sort_ints, int, CREW_LESS)
CREW_SORT(sort_doubles, double, CREW_LESS)

/* Equal keys are told apart by their number. */
struct item {
	int key;
	int number;
	char rest[13];
};

static inline bool item_less(const struct item *a, const struct item *b)
{
	return a->key < b->key;
}
CREW_SORT(sort_items, struct item, item_less)

static int compare_items(const void *a, const void *b, void *arg)
{
	(void)arg;
	return ((const struct item *)a)->key - ((const struct item *)b)->key;
}

static int compare_numbers(const void *a, const void *b, void *arg)
{
	(void)arg;
	return memcmp(a, b, 1) ? memcmp(a, b, 1) : 0;
}

/* ---- orders that there are ---- */

enum order {
	RANDOM,
	FEW_KEYS,
	SORTED,
	REVERSED,
	SAWTEETH,
	MISLEADING, /* where a key is looked for lie the least ones */
	ORDERS
};

static int key_of(enum order order, size_t i, size_t count, uint64_t *random)
{
	switch (order) {
	case RANDOM:
		return (int)(crew__random(random) >> 33);
	case FEW_KEYS:
		return (int)crew__random_below(random, 5);
	case SORTED:
		return (int)i;
	case REVERSED:
		return (int)(count - i);
	case MISLEADING:
		if (count > 9 && (i % (count / 8) == 0 || i % (count / 9) == 0))
			return -(int)i;
		return (int)(crew__random(random) >> 33);
	default:
		return (int)(i % 100);
	}
}

static struct item items[SIZE];
static bool seen[SIZE];

/* No order at all. The macro shadows no name of the file, as `items` (-Wshadow). */
static inline bool random_less(const struct item *a, const struct item *b)
{
	uint64_t seed = (uint64_t)((uintptr_t)a * 31 + (uintptr_t)b + (uintptr_t)b->number);

	return crew__random_below(&seed, 2);
}
CREW_SORT(sort_at_random, struct item, random_less)

static void fill_items(enum order order, size_t count, uint64_t *random)
{
	for (size_t i = 0; i < count; i++) {
		items[i] =
			(struct item){ .key = key_of(order, i, count, random), .number = (int)i };
		items[i].rest[12] = (char)i;
	}
}

/* All are there, and sorted; `stable`: in the order of before where they are equal. */
static bool is_right(size_t count, bool sorted, bool stable)
{
	bool right = true;

	memset(seen, 0, sizeof(seen));
	for (size_t i = 0; i < count; i++) {
		right &= items[i].rest[12] == (char)items[i].number && !seen[items[i].number];
		seen[items[i].number] = true;
		if (i > 0 && sorted)
			right &= items[i - 1].key <= items[i].key;
		if (i > 0 && stable && items[i - 1].key == items[i].key)
			right &= items[i - 1].number < items[i].number;
	}
	return right;
}

static int sorts(void *arg)
{
	uint64_t random = 31;

	(void)arg;
	for (int round = 0; round < 150; round++) {
		enum order order = (enum order)(round % ORDERS);
		size_t count = crew__random_below(&random, round % 3 ? SIZE : 40);
		size_t turns = round % 4 ? crew__random_below(&random, 300) : 0;
		struct crew_parallel_options options = grain(turns);

		fill_items(order, count, &random);
		CHECK(sort_items(items, count, &options) == 0 && is_right(count, true, true));
		fill_items(order, count, &random);
		CHECK(crew_sort_stable(items, count, sizeof(*items), compare_items, NULL,
				       &options) == 0);
		CHECK(is_right(count, true, true));
		fill_items(order, count, &random);
		CHECK(crew_sort(items, count, sizeof(*items), compare_items, NULL, &options) == 0);
		CHECK(is_right(count, true, false));
	}
	return 0;
}

Test(parallel_sort, as_wanted_and_stable, .timeout = 120)
{
	in_tasks(sorts, NULL);
}

/* ---- types ---- */

#define CHECK_TYPE(type, sort)                                                                     \
	do {                                                                                       \
		static type numbers[SIZE];                                                         \
                                                                                                   \
		for (size_t i = 0; i < SIZE; i++)                                                  \
			numbers[i] = (type)(int64_t)crew__random(&random);                         \
		CHECK(sort(numbers, SIZE, NULL) == 0);                                             \
		for (size_t i = 1; i < SIZE; i++)                                                  \
			CHECK(numbers[i - 1] <= numbers[i]);                                       \
	} while (0)

static int types(void *arg)
{
	static char bytes[SIZE * 8];
	uint64_t random = 32;

	(void)arg;
	CHECK_TYPE(int, sort_ints);
	CHECK_TYPE(double, sort_doubles);
	/* each way of moving items */
	for (size_t size = 1; size <= 4096; size += size < 20 ? 1 : size < 100 ? 13 : size - 52)
		for (int stable = 0; stable < 2; stable++) {
			size_t count = SIZE / size > 40 ? SIZE / size : sizeof(bytes) / size;

			for (size_t i = 0; i < count * size; i++)
				bytes[i] = (char)crew__random(&random);
			CHECK((stable ? crew_sort_stable :
					crew_sort)(bytes, count, size, compare_numbers, NULL,
						   CREW_PARALLEL(.grain = 3 + count / 50)) == 0);
			for (size_t i = 1; i < count; i++)
				CHECK(compare_numbers(bytes + (i - 1) * size, bytes + i * size,
						      NULL) <= 0);
		}
	return 0;
}

Test(parallel_sort, types_of_any_size)
{
	in_tasks(types, NULL);
}

/* ---- merge ---- */

static int merges(void *arg)
{
	static struct item merged[SIZE];
	uint64_t random = 33;

	(void)arg;
	for (int round = 0; round < 200; round++) {
		size_t a_count = crew__random_below(&random, round % 3 ? SIZE / 2 : 10);
		size_t b_count = crew__random_below(&random, round % 5 ? SIZE / 2 : 10);
		size_t count = a_count + b_count;
		struct crew_parallel_options options = grain(crew__random_below(&random, 300));
		struct crew_merge merge = { items, a_count, items + a_count, b_count, merged };

		fill_items(round % 2 ? FEW_KEYS : RANDOM, count, &random);
		CHECK(sort_items(items, a_count, NULL) == 0);
		CHECK(sort_items(items + a_count, b_count, NULL) == 0);
		CHECK((round & 4 ? sort_items_merge(&merge, &options) :
				   crew_merge_sorted(&merge, sizeof(*items), compare_items, NULL,
						     &options)) == 0);
		memcpy(items, merged, count * sizeof(*items));
		CHECK(is_right(count, true, true));
	}
	return 0;
}

Test(parallel_sort, merges)
{
	in_tasks(merges, NULL);
}

/* ---- what goes wrong ---- */

static int compare_until(const void *a, const void *b, void *arg)
{
	burn((struct fuse *)arg);
	return compare_items(a, b, NULL);
}

static int cancelled_sorts(void *arg)
{
	uint64_t random = 34;

	(void)arg;
	for (int round = 0; round < 60; round++) {
		struct fuse patience = { .left = { 1 + crew__random_below(&random, 40000) } };
		int rc;

		crew_scope_open(&patience.scope, NULL);
		fill_items(RANDOM, SIZE, &random);
		rc = (round & 1 ? crew_sort_stable : crew_sort)(items, SIZE, sizeof(*items),
								compare_until, &patience,
								CREW_PARALLEL(.grain = 20));
		CHECK(crew_scope_close(&patience.scope, rc) == 0);
		CHECK(rc == CREW_ECANCELED);
		CHECK(is_right(SIZE, false, false));
	}
	return 0;
}

Test(parallel_sort, a_cancelled_sort_loses_nothing)
{
	in_tasks(cancelled_sorts, NULL);
}

static int compare_and_count(const void *a, const void *b, void *arg)
{
	(void)a;
	(void)b;
	burn((struct fuse *)arg);
	return -1;
}

static int compare_ints(const void *a, const void *b, void *arg)
{
	int x = *(const int *)a;
	int y = *(const int *)b;

	burn((struct fuse *)arg);
	return x < y ? -1 : x > y;
}

/* Divisions and heaps of many items are not gone through when it is cancelled. */
static int long_sorts(void *arg)
{
	static int numbers[200000];
	size_t count = sizeof(numbers) / sizeof(*numbers);

	for (uint64_t patience = 1; patience < 8 * count; patience += count) {
		struct fuse all = { .left = { patience } };
		int rc;

		for (size_t i = 0; i < count; i++)
			numbers[i] = (int)(i % 2 ? i : count - i);
		crew_scope_open(&all.scope, NULL);
		rc = crew_sort(numbers, count, sizeof(*numbers),
			       arg ? compare_ints : compare_and_count, &all, NULL);
		crew_scope_close(&all.scope, 0);
		CHECK(rc == CREW_ECANCELED);
		/* each worker may have begun a piece of a thousand */
		CHECK(all.late.value < 40000 * crew_worker_count(NULL));
	}
	return 0;
}

Test(parallel_sort, a_long_division_is_cancelled_in_the_middle, .timeout = 60)
{
	in_tasks(long_sorts, NULL);
	in_tasks(long_sorts, &items);
}

/* ---- comparisons that are none ---- */

static int compare_at_random(const void *a, const void *b, void *arg)
{
	struct crew_word *random = arg;
	uint64_t seed = crew__add_relaxed(random, 1);

	(void)*(const volatile int *)a; /* there is something to be read */
	(void)*(const volatile int *)b;
	return (int)crew__random_below(&seed, 3) - 1;
}

static int always_less(const void *a, const void *b, void *arg)
{
	(void)a;
	(void)b;
	(void)arg;
	return -1;
}

static int always_greater(const void *a, const void *b, void *arg)
{
	(void)a;
	(void)b;
	(void)arg;
	return 1;
}

/* Sorts with it, and merges; an array that ends where it ends (ASan). */
static int sort_senselessly(crew_compare_fn *compare, size_t count, size_t turns)
{
	struct crew_parallel_options options = grain(turns);
	struct crew_word random = { count };
	struct item *copy = malloc(count * sizeof(*copy));
	struct item *merged = malloc(count * sizeof(*copy));
	struct crew_merge merge = { copy, count / 3, copy + count / 3, count - count / 3, merged };
	bool right = copy && merged;

	for (int which = 0; right && which < 5; which++) {
		memcpy(copy, items, count * sizeof(*copy));
		if (which == 0)
			crew_sort(copy, count, sizeof(*copy), compare, &random, &options);
		else if (which == 1)
			crew_sort_stable(copy, count, sizeof(*copy), compare, &random, &options);
		else if (which == 2)
			sort_at_random(copy, count, &options);
		else if (which == 3)
			crew_merge_sorted(&merge, sizeof(*copy), compare, &random, &options);
		else
			sort_at_random_merge(&merge, &options);
		memcpy(items, which > 2 ? merged : copy, count * sizeof(*copy));
		right = is_right(count, false, false);
	}
	free(copy);
	free(merged);
	return right;
}

static int senseless(void *arg)
{
	static crew_compare_fn *const compares[] = { compare_at_random, always_less,
						     always_greater };
	uint64_t random = 36;

	(void)arg;
	for (int round = 0; round < 90; round++) {
		size_t count = 1 + crew__random_below(&random, round % 3 ? 60 : SIZE - 1);

		fill_items(RANDOM, count, &random);
		CHECK(sort_senselessly(compares[round % 3], count,
				       round % 2 ? crew__random_below(&random, 100) : 0));
	}
	return 0;
}

Test(parallel_sort, a_comparison_without_sense_loses_nothing, .timeout = 120)
{
	in_tasks(senseless, NULL);
}

static int bad(void *arg)
{
	struct crew_merge merge = { items, 1, items + 1, 1, NULL };
	struct crew_sorter none = { 0 };
	uint64_t random = 35;
	int rc;

	(void)arg;
	CHECK(crew_sort(items, 1, 4, NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_sort(items, 1, 0, compare_items, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_sort_stable(items, 1, 4, NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_sort_stable(items, 1, 0, compare_items, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_sort_with(items, 1, &none, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_sort_with(items, 1, NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_merge_sorted(NULL, 4, compare_items, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_merge_sorted(&merge, 4, NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_sort(NULL, 0, 4, compare_items, NULL, NULL) == 0);
	CHECK(crew_sort_stable(NULL, 0, 4, compare_items, NULL, NULL) == 0);
	fill_items(RANDOM, SIZE, &random);
	crew__alloc_fail_after(1);
	rc = sort_items(items, SIZE, NULL);
	crew__alloc_fail_after(0);
	CHECK(rc == CREW_ENOMEM && items[0].number == 0);
	CHECK(sort_items(items, SIZE_MAX / sizeof(*items) + 2, NULL) == CREW_ENOMEM);
	CHECK(items[0].number == 0);
	return 0;
}

Test(parallel_sort, bad_arguments_and_no_memory_have_codes)
{
	in_tasks(bad, NULL);
}
