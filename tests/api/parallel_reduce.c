/* SPDX-License-Identifier: MIT */
/*
 * parallel_reduce.c - reductions: in the order of the indices, with any accumulator; the
 * same bits on every run where that is wanted.
 */
#include "api/parallel.h"
#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define SIZE 2000

/* ---- an operation that is associative and not commutative ---- */

/* Numbers that follow each other, and whether they did. Large accumulators have a tail. */
struct run {
	size_t begin;
	size_t end;
	bool broken;
	char tail[200];
};

struct shape {
	bool long_tail;
	bool slow; /* leaves wait: others take what is left */
};

static int extend(void *into, size_t begin, size_t end, void *arg)
{
	const struct shape *shape = arg;
	struct run *run = into;

	if (begin >= end)
		return EXIT_FAILURE;
	if (run->begin == run->end)
		run->begin = run->end = begin;
	run->broken |= run->end != begin;
	run->end = end;
	if (shape->long_tail)
		run->tail[199] = 'x';
	return shape->slow ? crew_sleep(CREW_US(1)) : 0;
}

static void append(void *into, const void *right, void *arg)
{
	struct run *run = into;
	const struct run *other = right;

	(void)arg;
	if (other->begin == other->end)
		return;
	if (run->begin == run->end)
		run->begin = run->end = other->begin;
	run->broken |= other->broken || run->end != other->begin;
	run->end = other->end;
}

static int in_order(void *arg)
{
	uint64_t random = 3;

	(void)arg;
	for (int round = 0; round < 200; round++) {
		struct shape shape = { .long_tail = round & 1, .slow = round % 8 == 0 };
		size_t begin = crew__random_below(&random, SIZE);
		size_t end = begin + crew__random_below(&random, SIZE) / (shape.slow ? 50 : 1);
		struct crew_parallel_options options = grain(crew__random_below(&random, 5));
		struct crew_reducer reducer = { .bytes = shape.long_tail ?
								 sizeof(struct run) :
								 offsetof(struct run, tail),
						.add = extend,
						.join = append };
		struct run run;

		memset(&run, 1, sizeof(run));
		options.fixed_order = round & 2;
		CHECK(crew_reduce(begin, end, &run, &reducer, &shape, &options) == 0);
		CHECK(!run.broken);
		CHECK(run.end - run.begin == end - begin);
		CHECK(end == begin || run.begin == begin);
	}
	return 0;
}

Test(parallel_reduce, the_order_of_the_indices_is_kept)
{
	in_tasks(in_order, NULL);
}

/* ---- floating point ---- */

static double numbers[SIZE];

static int add_numbers(void *into, size_t begin, size_t end, void *arg)
{
	(void)arg;
	for (size_t i = begin; i < end; i++)
		*(double *)into += numbers[i];
	return begin % 7 == 0 ? crew_sleep(CREW_US(1)) : 0;
}

static void add_sums(void *into, const void *right, void *arg)
{
	(void)arg;
	*(double *)into += *(const double *)right;
}

static int same_bits(void *arg)
{
	double *sums = arg;
	static const double zero = 0;
	struct crew_reducer reducer = { sizeof(double), &zero, add_numbers, add_sums };

	for (int i = 0; i < 2; i++) {
		double sum = -1;

		for (int run = 0; run < 10; run++) {
			CHECK(crew_reduce(0, SIZE, &sum, &reducer, NULL,
					  CREW_PARALLEL(.fixed_order = true,
							.grain = i ? 700 : 0)) == 0);
			if (sums[i] == 0)
				sums[i] = sum;
			CHECK(sums[i] == sum);
		}
	}
	return 0;
}

Test(parallel_reduce, a_fixed_order_gives_the_same_bits_on_any_crew)
{
	double sums[2] = { 0, 0 };
	uint64_t random = 5;

	for (int i = 0; i < SIZE; i++)
		numbers[i] = 1e8 / 3 * ((int)crew__random_below(&random, 2000000) - 1000000);
	for (unsigned workers = 1; workers <= 8; workers++)
		run_with(workers, same_bits, sums);
	/* other cuts are other sums: the sums can tell */
	cr_assert(sums[0] != sums[1]);
}

/* ---- failures ---- */

static int fail_at(void *into, size_t begin, size_t end, void *arg)
{
	const size_t *where = arg;

	(void)into;
	return begin <= *where && *where < end ? 9 : 0;
}

static int failures(void *arg)
{
	struct shape shape = { .slow = false };
	struct crew_reducer reducer = { .bytes = sizeof(struct run),
					.add = fail_at,
					.join = append };
	struct run run;

	(void)arg;
	for (size_t where = 0; where < 100; where += 3)
		for (int fixed = 0; fixed < 2; fixed++)
			CHECK(crew_reduce(0, 100, &run, &reducer, &where,
					  CREW_PARALLEL(.grain = 2, .fixed_order = fixed)) == 9);
	reducer.add = NULL;
	CHECK(crew_reduce(0, 1, &run, &reducer, &shape, NULL) == CREW_EINVAL);
	reducer = (struct crew_reducer){ .add = extend, .join = append };
	CHECK(crew_reduce(0, 1, &run, &reducer, &shape, NULL) == CREW_EINVAL);
	CHECK(crew_reduce(0, 1, &run, NULL, &shape, NULL) == CREW_EINVAL);
	reducer.bytes = sizeof(run);
	CHECK(crew_reduce(0, 1, NULL, &reducer, &shape, NULL) == CREW_EINVAL);
	reducer.join = NULL;
	CHECK(crew_reduce(0, 1, &run, &reducer, &shape, NULL) == CREW_EINVAL);
	return 0;
}

Test(parallel_reduce, failures_have_codes)
{
	in_tasks(failures, NULL);
}

static int without_memory(void *arg)
{
	struct shape shape = { .long_tail = true };
	struct crew_reducer reducer = { .bytes = sizeof(struct run),
					.add = extend,
					.join = append };
	struct run run;
	int rc;

	(void)arg;
	crew__alloc_fail_after(3);
	rc = crew_reduce(0, 100, &run, &reducer, &shape, CREW_PARALLEL(.fixed_order = true));
	crew__alloc_fail_after(0);
	CHECK(rc == CREW_ENOMEM);
	CHECK(crew_check() == 0);
	CHECK(crew_reduce(0, 100, &run, &reducer, &shape, CREW_PARALLEL(.fixed_order = true)) == 0);
	CHECK(!run.broken && run.end == 100);
	return 0;
}

Test(parallel_reduce, no_memory_for_an_accumulator_is_a_code)
{
	run_with(1, without_memory, NULL);
}

/* ---- the least, the greatest, histograms ---- */

static int compare_ints(const void *a, const void *b, void *arg)
{
	int x = *(const int *)a;
	int y = *(const int *)b;

	(void)arg;
	return x < y ? -1 : x > y;
}

static int extremes(void *arg)
{
	static int values[SIZE];
	uint64_t random = 11;

	(void)arg;
	for (int round = 0; round < 200; round++) {
		size_t count = crew__random_below(&random, SIZE);
		struct crew_parallel_options options = grain(crew__random_below(&random, 50));
		uint32_t bound = 1 + crew__random_below(&random, 3000);
		size_t least = 0;
		size_t most = 0;
		size_t found = 77;

		for (size_t i = 0; i < count; i++) {
			values[i] = (int)crew__random_below(&random, bound);
			if (values[i] < values[least])
				least = i;
			if (values[i] > values[most])
				most = i;
		}
		CHECK(crew_find_min(values, count, sizeof(int), compare_ints, NULL, &found,
				    &options) == 0);
		CHECK(found == least);
		CHECK(crew_find_max(values, count, sizeof(int), compare_ints, NULL, &found,
				    &options) == 0);
		CHECK(found == most);
	}
	CHECK(crew_find_min(values, 1, 4, NULL, NULL, &(size_t){ 0 }, NULL) == CREW_EINVAL);
	CHECK(crew_find_max(values, 1, 4, compare_ints, NULL, NULL, NULL) == CREW_EINVAL);
	return 0;
}

Test(parallel_reduce, the_first_of_the_least_and_of_the_greatest)
{
	in_tasks(extremes, NULL);
}

static size_t bin_of(const void *item, void *arg)
{
	(void)arg;
	return *(const uint8_t *)item % 20;
}

static int histograms(void *arg)
{
	static uint8_t bytes[SIZE];
	uint64_t random = 12;

	(void)arg;
	for (int round = 0; round < 100; round++) {
		size_t count = crew__random_below(&random, SIZE);
		size_t bins = 1 + crew__random_below(&random, 25);
		struct crew_parallel_options options = grain(crew__random_below(&random, 30));
		uint64_t right[25] = { 0 };
		uint64_t counts[25];

		for (size_t i = 0; i < count; i++) {
			bytes[i] = (uint8_t)crew__random(&random);
			right[bytes[i] % 20]++;
		}
		CHECK(crew_histogram(bytes, count, 1, bin_of, NULL, counts, bins, &options) == 0);
		CHECK(memcmp(counts, right, bins * sizeof(*counts)) == 0);
	}
	CHECK(crew_histogram(bytes, 1, 1, NULL, NULL, (uint64_t[1]){ 0 }, 1, NULL) == CREW_EINVAL);
	CHECK(crew_histogram(bytes, 1, 1, bin_of, NULL, NULL, 1, NULL) == CREW_EINVAL);
	CHECK(crew_histogram(bytes, 1, 1, bin_of, NULL, (uint64_t[1]){ 0 }, 0, NULL) ==
	      CREW_EINVAL);
	return 0;
}

Test(parallel_reduce, histograms)
{
	in_tasks(histograms, NULL);
}
