/* SPDX-License-Identifier: MIT */
/*
 * count_parallel.h - what count.c counts of crew/parallel.h. Of loops by time the clock decides
 * how many leaves there are, so it is the others whose instructions say something. A thousand
 * calls of a sort are one, of 300,000 numbers.
 */
#ifndef COUNT_PARALLEL_H
#define COUNT_PARALLEL_H

#include "sorted.h"

#include <stdlib.h>
#include <string.h>

static void loop(size_t turns, size_t grain)
{
	crew_for(0, turns, empty, NULL, CREW_PARALLEL(.grain = grain));
}

static void loop_of_1(void)
{
	loop(1, 0);
}

static void loop_of_8(void)
{
	loop(8, 0);
}

static void loop_of_100(void)
{
	loop(100, 0);
}

static void loop_of_1000(void)
{
	loop(1000, 0);
}

static void loop_in_8(void)
{
	loop(1000, 125);
}

static void leaves(void)
{
	loop(1000, 1);
}

static int add(void *into, size_t begin, size_t end, void *arg)
{
	(void)arg;
	*(uint64_t *)into += end - begin;
	return 0;
}

static void join(void *into, const void *right, void *arg)
{
	(void)arg;
	*(uint64_t *)into += *(const uint64_t *)right;
}

static void pieces(void)
{
	struct crew_reducer reducer = { sizeof(uint64_t), NULL, add, join };
	uint64_t sum;

	crew_reduce(0, 1000, &sum, &reducer, NULL, CREW_PARALLEL(.grain = 1, .fixed_order = true));
}

/* ---- sorts ---- */

static uint32_t random_ones[SORTED];
static uint32_t numbers[SORTED];
static uint32_t spare[SORTED];

static void make_numbers(void)
{
	for (uint32_t i = 0, random = 1; i < SORTED; i++)
		random_ones[i] = random = random * 1664525 + 1013904223;
}

/* Of a thousand calls one. */
static bool is_turn_to_sort(void)
{
	static unsigned calls;

	if (calls++ % 1000)
		return false;
	memcpy(numbers, random_ones, sizeof(numbers));
	return true;
}

static void sort(void)
{
	if (is_turn_to_sort())
		sort_numbers(numbers, SORTED, NULL);
}

static void sort_alone(void)
{
	if (is_turn_to_sort())
		sort_numbers_sort_(numbers, SORTED, spare, false, NULL);
}

static void sort_stable(void)
{
	if (is_turn_to_sort())
		crew_sort_stable(numbers, SORTED, sizeof(*numbers), compare, NULL, NULL);
}

static void sort_in_place(void)
{
	if (is_turn_to_sort())
		crew_sort(numbers, SORTED, sizeof(*numbers), compare, NULL, NULL);
}

static void sort_qsort(void)
{
	if (is_turn_to_sort())
		qsort(numbers, SORTED, sizeof(*numbers), compare_two);
}

#endif /* COUNT_PARALLEL_H */
