/* SPDX-License-Identifier: MIT */
/*
 * sort.c - 4 million random 31-bit numbers, by merging: halves are sorted at the same
 * time, and the merge is a loop over pieces of the result, each of which finds by
 * bisection where it begins. Pieces below 2^14 are sorted serially. `sort.peer`: the
 * same numbers by what the peer's library has for it.
 */
#include "par.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	COUNT = 1 << 22,
	LEAF = 1 << 14,
	SMALL = 16,
	GRAIN = 1 << 15
};

static uint32_t *input, *numbers, *scratch;

/* Without a branch: processors cannot guess random numbers. */
static uint32_t choose(bool first, uint32_t a, uint32_t b)
{
	return b ^ ((a ^ b) & -(uint32_t)first);
}

static void insertion(uint32_t *at, long count)
{
	for (long i = 1; i < count; i++) {
		uint32_t value = at[i];
		long k = i;

		for (; k > 0 && at[k - 1] > value; k--)
			at[k] = at[k - 1];
		at[k] = value;
	}
}

/*
 * Two sorted runs of `half` each, from both ends at the same time: neither end can
 * reach beyond a run, so nothing is compared but numbers.
 */
static void merge_equal(uint32_t *out, const uint32_t *in, long half)
{
	const uint32_t *a = in, *b = in + half, *x = in + half - 1, *y = in + 2 * half - 1;
	uint32_t *front = out, *back = out + 2 * half - 1;

	for (long i = 0; i < half; i++) {
		bool second = *b<*a, first = *x> * y;

		*front++ = choose(second, *b, *a);
		b += second;
		a += !second;
		*back-- = choose(first, *x, *y);
		x -= first;
		y -= !first;
	}
}

/* Sorts a power of two at `at`, with room for as many at `room`. */
static void sort_leaf(uint32_t *at, uint32_t *room, long count)
{
	uint32_t *from = at, *to = room, *other;

	for (long i = 0; i < count; i += SMALL)
		insertion(at + i, SMALL);
	for (long half = SMALL; half < count; half *= 2) {
		for (long i = 0; i < count; i += 2 * half)
			merge_equal(to + i, from + i, half);
		other = from;
		from = to;
		to = other;
	}
	if (from != at)
		memcpy(at, from, (size_t)count * sizeof(*at));
}

struct work {
	uint32_t *at, *room;
	long count;
	bool into_room; /* where the result is wanted */
};

/* How many of the first run are among the `rank` smallest of both. */
static long share(const uint32_t *a, const uint32_t *b, long half, long rank)
{
	long low = rank > half ? rank - half : 0, high = rank < half ? rank : half;

	while (low < high) {
		long middle = (low + high) / 2;

		if (a[middle] <= b[rank - middle - 1])
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void merge_part(void *arg, long from, long to)
{
	const struct work *work = arg;
	const uint32_t *a = work->into_room ? work->at : work->room, *b = a + work->count / 2;
	uint32_t *out = (work->into_room ? work->room : work->at) + from;
	long half = work->count / 2, i = share(a, b, half, from), k = from - i;
	long i_end = share(a, b, half, to), k_end = to - i_end;

	while (i < i_end && k < k_end) {
		bool second = b[k] < a[i];

		*out++ = choose(second, b[k], a[i]);
		k += second;
		i += !second;
	}
	memcpy(out, a + i, (size_t)(i_end - i) * sizeof(*out));
	memcpy(out + (i_end - i), b + k, (size_t)(k_end - k) * sizeof(*out));
}

static void halves(const struct work *work, struct work both[2])
{
	long half = work->count / 2;

	for (int i = 0; i < 2; i++)
		both[i] = (struct work){ work->at + i * half, work->room + i * half, half,
					 !work->into_room };
}

static bool is_leaf(const struct work *work)
{
	if (work->count > LEAF)
		return false;
	sort_leaf(work->at, work->room, work->count);
	if (work->into_room)
		memcpy(work->room, work->at, (size_t)work->count * sizeof(*work->at));
	return true;
}

static void sort_serial(struct work *work)
{
	struct work both[2];

	if (is_leaf(work))
		return;
	halves(work, both);
	sort_serial(&both[0]);
	sort_serial(&both[1]);
	merge_part(work, 0, work->count);
}

static void sort_parallel(void *arg)
{
	struct work *work = arg, both[2];

	if (is_leaf(work))
		return;
	halves(work, both);
	par_two(sort_parallel, &both[0], &both[1]);
	par_for(work->count, GRAIN, merge_part, work);
}

static void reset(void)
{
	memcpy(numbers, input, sizeof(*numbers) * COUNT);
}

static void serial(void)
{
	struct work work = { numbers, scratch, COUNT, false };

	sort_serial(&work);
}

static void parallel(void)
{
	struct work work = { numbers, scratch, COUNT, false };

	sort_parallel(&work);
}

/* The numbers are all there and in order: their sum, and 0 when they are not. */
static uint64_t answer(void)
{
	uint64_t sum = numbers[0];

	for (long i = 1; i < COUNT; i++) {
		if (numbers[i - 1] > numbers[i])
			return 0;
		sum += par_mix(numbers[i]);
	}
	return sum;
}

static bool prepare(void)
{
	uint64_t sum = 0;

	if (input)
		return true;
	input = par_memory(sizeof(*input) * COUNT);
	numbers = par_memory(sizeof(*numbers) * COUNT);
	scratch = par_memory(sizeof(*scratch) * COUNT);
	for (long i = 0; i < COUNT; i++) {
		input[i] = (uint32_t)(par_mix((uint64_t)i) >> 33);
		sum += par_mix(input[i]);
	}
	reset();
	serial();
	sum += numbers[0] - par_mix(numbers[0]);
	if (answer() != sum)
		fprintf(stderr, "sort: the serial version does not sort\n");
	return answer() == sum;
}

const struct par_kernel par_sort = { "sort", prepare, reset, serial, parallel, answer };

static void library(void)
{
	par_library_sort(numbers, COUNT);
}

const struct par_kernel par_sort_library = { "sort.peer", prepare, reset, serial, library, answer };
