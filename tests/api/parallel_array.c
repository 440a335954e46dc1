/* SPDX-License-Identifier: MIT */
/* parallel_array.c - find, choose, divide in two, running sums: as a simple loop does it. */
#include "api/parallel.h"

#include "base/alloc.h"

#include <string.h>

#define SIZE 3000

static bool is_less(const void *item, void *arg)
{
	return *(const int *)item < *(int *)arg;
}

/* ---- find ---- */

static int find(void *arg)
{
	static int items[SIZE];
	uint64_t random = 21;
	size_t found;

	(void)arg;
	for (int round = 0; round < 300; round++) {
		size_t count = crew__random_below(&random, SIZE);
		struct crew_parallel_options options = grain(crew__random_below(&random, 40));
		int limit = (int)crew__random_below(&random, 100);
		size_t first = 0;

		for (size_t i = 0; i < count; i++)
			items[i] = (int)crew__random_below(&random, 10000);
		while (first < count && items[first] >= limit)
			first++;
		CHECK(crew_find_first(items, count, sizeof(int), is_less, &limit, &found,
				      &options) == 0);
		CHECK(found == first);
	}
	CHECK(crew_find_first(items, 1, 4, NULL, NULL, &found, NULL) == CREW_EINVAL);
	CHECK(crew_find_first(items, 1, 4, is_less, NULL, NULL, NULL) == CREW_EINVAL);
	return 0;
}

Test(parallel_array, the_first_that_passes_is_found)
{
	in_tasks(find, NULL);
}

struct asked {
	const char *items;
	size_t first;
	struct crew_word behind;
};

static bool is_the_one(const void *item, void *arg)
{
	struct asked *asked = arg;
	size_t index = (size_t)((const char *)item - asked->items);

	if (index > asked->first)
		crew__add_relaxed(&asked->behind, 1);
	return index >= asked->first;
}

static int find_alone(void *arg)
{
	static const char items[SIZE];
	struct asked asked = { .items = items, .first = 1000 };
	size_t found;

	(void)arg;
	CHECK(crew_find_first(items, SIZE, 1, is_the_one, &asked, &found,
			      CREW_PARALLEL(.grain = 4)) == 0);
	CHECK(found == 1000 && asked.behind.value == 0);
	return 0;
}

Test(parallel_array, what_is_behind_is_not_asked)
{
	run_with(1, find_alone, NULL);
}

/* ---- choose ---- */

struct item {
	int value;
	char rest[9];
};

static int choose(void *arg)
{
	static struct item from[SIZE];
	static struct item chosen[SIZE];
	static struct item divided[SIZE];
	static struct item right[SIZE];
	uint64_t random = 22;
	size_t copied;

	(void)arg;
	for (int round = 0; round < 200; round++) {
		size_t count = crew__random_below(&random, SIZE);
		struct crew_parallel_options options = grain(crew__random_below(&random, 40));
		int limit = (int)crew__random_below(&random, 1200) - 100;
		size_t passed = 0;
		size_t all = 0;

		memset(from, 0, sizeof(from));
		for (size_t i = 0; i < count; i++) {
			from[i].value = (int)crew__random_below(&random, 1000);
			from[i].rest[i % 9] = (char)i;
		}
		for (int pass = 1; pass >= 0; pass--)
			for (size_t i = 0; i < count; i++)
				if ((from[i].value < limit) == pass) {
					right[all++] = from[i];
					passed += (size_t)pass;
				}
		memset(chosen, 'x', sizeof(chosen));
		CHECK(crew_copy_if(from, count, sizeof(*from), chosen, &copied, is_less, &limit,
				   &options) == 0);
		CHECK(copied == passed);
		CHECK(memcmp(chosen, right, passed * sizeof(*right)) == 0);
		CHECK(passed == SIZE || chosen[passed].rest[0] == 'x');
		CHECK(crew_partition(from, count, sizeof(*from), divided, &copied, is_less, &limit,
				     &options) == 0);
		CHECK(copied == passed);
		CHECK(memcmp(divided, right, count * sizeof(*right)) == 0);
	}
	CHECK(crew_copy_if(from, 1, 4, chosen, &copied, NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_copy_if(from, 1, 4, chosen, NULL, is_less, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_partition(from, 1, 4, chosen, &copied, NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_partition(from, 1, 4, chosen, NULL, is_less, NULL, NULL) == CREW_EINVAL);
	return 0;
}

Test(parallel_array, copy_if_and_partition_keep_the_order)
{
	in_tasks(choose, NULL);
}

/* Says something else each time. */
static bool is_moody(const void *item, void *arg)
{
	uint64_t seed = crew__add_relaxed(arg, 1);

	(void)item;
	return crew__random_below(&seed, 2);
}

/* All that passes the first time, or the second: the arrays end where they end. */
static bool passes_later(const void *item, void *arg)
{
	struct asked *asked = arg;

	(void)item;
	return crew__add_relaxed(&asked->behind, 1) >= asked->first;
}

static bool passes_first(const void *item, void *arg)
{
	return !passes_later(item, arg);
}

static int changes_its_mind(void *arg)
{
	static crew_test_fn *const tests[] = { is_moody, passes_later, passes_first };
	static struct item from[SIZE];
	static struct item to[SIZE + 1];

	(void)arg;
	for (int round = 0; round < 60; round++) {
		size_t count = (size_t)(round * 31 % 97);
		struct crew_parallel_options options = grain((size_t)round % 7);
		struct asked asked = { .first = count };
		struct crew_word moods = { (uint64_t)round };
		void *mind = round % 3 ? (void *)&asked : (void *)&moods;
		size_t passed = SIZE_MAX;

		memset(to, 'x', sizeof(to));
		if (round & 1)
			CHECK(crew_partition(from, count, sizeof(*from), to, &passed,
					     tests[round % 3], mind, &options) == 0);
		else
			CHECK(crew_copy_if(from, count, sizeof(*from), to, &passed,
					   tests[round % 3], mind, &options) == 0);
		CHECK(passed <= count);
		CHECK(to[round & 1 ? count : passed].rest[0] == 'x');
	}
	return 0;
}

Test(parallel_array, a_test_that_changes_its_mind_writes_nowhere_else)
{
	in_tasks(changes_its_mind, NULL);
}

/* ---- running sums ---- */

/* Affine functions, one behind the other: associative, not commutative. */
struct affine {
	uint32_t factor;
	uint32_t summand;
};

static void behind(void *into, const void *right, void *arg)
{
	struct affine *f = into;
	const struct affine *g = right;

	(void)arg;
	f->summand = g->factor * f->summand + g->summand;
	f->factor *= g->factor;
}

static int scan(void *arg)
{
	static const struct affine identity = { 1, 0 };
	static struct affine from[SIZE];
	static struct affine to[SIZE];
	static struct affine right[SIZE + 1];
	uint64_t random = 23;

	(void)arg;
	for (int round = 0; round < 100; round++) {
		size_t count = crew__random_below(&random, SIZE);
		struct crew_parallel_options options = grain(crew__random_below(&random, 40));
		bool in_place = round & 1;

		right[0] = identity;
		for (size_t i = 0; i < count; i++) {
			from[i] = (struct affine){ (uint32_t)crew__random(&random),
						   (uint32_t)crew__random(&random) };
			right[i + 1] = right[i];
			behind(&right[i + 1], &from[i], NULL);
		}
		memcpy(to, from, sizeof(to));
		CHECK(crew_scan_inclusive(in_place ? to : from, to, count, sizeof(*to), &identity,
					  behind, NULL, &options) == 0);
		CHECK(memcmp(to, right + 1, count * sizeof(*to)) == 0);
		memcpy(to, from, sizeof(to));
		CHECK(crew_scan_exclusive(in_place ? to : from, to, count, sizeof(*to), &identity,
					  behind, NULL, &options) == 0);
		CHECK(memcmp(to, right, count * sizeof(*to)) == 0);
	}
	CHECK(crew_scan_inclusive(from, to, 1, 8, NULL, NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_scan_exclusive(from, to, 1, 0, NULL, behind, NULL, NULL) == CREW_EINVAL);
	return 0;
}

Test(parallel_array, running_sums)
{
	in_tasks(scan, NULL);
}

static int scan_without_memory(void *arg)
{
	struct affine items[2] = { { 1, 2 }, { 3, 4 } };

	(void)arg;
	crew__alloc_fail_after(1);
	CHECK(crew_scan_inclusive(items, items, 2, sizeof(*items), NULL, behind, NULL, NULL) ==
	      CREW_ENOMEM);
	crew__alloc_fail_after(0);
	CHECK(items[0].summand == 2 && items[1].factor == 3);
	return 0;
}

Test(parallel_array, running_sums_without_memory)
{
	in_tasks(scan_without_memory, NULL);
}

/* ---- cancelled ---- */

static bool cancels(const void *item, void *arg)
{
	struct crew_scope *scope = arg;

	(void)item;
	crew_scope_cancel(scope, "enough");
	return true;
}

static void cancels_as_well(void *into, const void *right, void *arg)
{
	(void)into;
	cancels(right, arg);
}

static int cancelled(void *arg)
{
	static char items[SIZE];
	static char to[SIZE];
	struct crew_scope scope;
	size_t found;

	(void)arg;
	for (int which = 0; which < 3; which++) {
		int rc;

		crew_scope_open(&scope, NULL);
		if (which == 0)
			rc = crew_copy_if(items, SIZE, 1, to, &found, cancels, &scope, NULL);
		else if (which == 1)
			rc = crew_partition(items, SIZE, 1, to, &found, cancels, &scope, NULL);
		else
			rc = crew_scan_inclusive(items, to, SIZE, 1, NULL, cancels_as_well, &scope,
						 NULL);
		CHECK(rc == CREW_ECANCELED);
		CHECK(crew_scope_close(&scope, rc) == 0);
	}
	return 0;
}

Test(parallel_array, cancelled_passes_stop)
{
	in_tasks(cancelled, NULL);
}
