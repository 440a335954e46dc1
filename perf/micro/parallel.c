/* SPDX-License-Identifier: MIT */
/*
 * parallel.c - crew/parallel.h against a simple loop, and against qsort().
 *
 *	loop.N		from a task: a loop of N empty turns, no grain given
 *	loop_grain	1000 empty turns in 8 pieces: what launch does with a group
 *	loop_thread	the same as loop.1000 from a plain thread, which sleeps until it ends
 *	turn		ns for each turn of a polynomial over a million numbers that stay
 *			in a cache; by one worker, by two, and by a simple loop
 *	sorted		ns for each of 300,000 random numbers: CREW_SORT, the same without
 *			a crew, crew_sort_stable(), crew_sort(), qsort()
 */
#include "../inside.h"
#include "../sorted.h"

#define NUMBERS 1000000

/* ---- empty loops ---- */

static size_t turns;
static size_t turns_of_a_piece;

static crew_time loop_loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++)
		if (crew_for(0, turns, empty, NULL, CREW_PARALLEL(.grain = turns_of_a_piece)))
			return -1;
	return crew_bench_now() - begin;
}

static crew_time loop(uint64_t n, long count)
{
	turns = (size_t)count;
	turns_of_a_piece = 0;
	return inside(2, loop_loop, n);
}

static crew_time loop_grain(uint64_t n, long count)
{
	turns = (size_t)count;
	turns_of_a_piece = turns / LAUNCH_PIECES;
	return inside(2, loop_loop, n);
}

static crew_time loop_thread(uint64_t n, long count)
{
	struct crew *crew = inside_crew(2);
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++)
		if (!crew || crew_for(0, (size_t)count, empty, NULL, CREW_PARALLEL(.crew = crew)))
			return -1;
	return crew_bench_now() - begin;
}

/* ---- a loop with work ---- */

static float numbers[NUMBERS];

static int polynomial(size_t begin, size_t end, void *arg)
{
	(void)arg;
	for (size_t i = begin; i < end; i++) {
		float x = numbers[i];

		for (int k = 0; k < 8; k++)
			x = x * 0.4f + 0.25f;
		numbers[i] = x;
	}
	return 0;
}

static crew_time turn_serial(uint64_t n, long param)
{
	/* the same code: not one that knows how many turns there are */
	crew_for_fn *volatile body = polynomial;
	crew_time begin = crew_bench_now();

	(void)param;
	for (uint64_t i = 0; i < n; i++)
		body(0, NUMBERS, NULL);
	return crew_bench_now() - begin;
}

static crew_time turn_loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++)
		if (crew_for(0, NUMBERS, polynomial, NULL, NULL))
			return -1;
	return crew_bench_now() - begin;
}

static crew_time turn(uint64_t n, long workers)
{
	return inside(workers, turn_loop, n);
}

/* ---- sorts ---- */

static uint32_t to_sort[SORTED];
static uint32_t scratch[SORTED];

static int sort_by_type(void)
{
	return sort_numbers(to_sort, SORTED, NULL);
}

static int sort_alone(void)
{
	sort_numbers_sort_(to_sort, SORTED, scratch, false, NULL);
	return 0;
}

static int sort_stable(void)
{
	return crew_sort_stable(to_sort, SORTED, sizeof(*to_sort), compare, NULL, NULL);
}

static int sort_in_place(void)
{
	return crew_sort(to_sort, SORTED, sizeof(*to_sort), compare, NULL, NULL);
}

static int sort_qsort(void)
{
	qsort(to_sort, SORTED, sizeof(*to_sort), compare_two);
	return 0;
}

/* Sorts new numbers n times; counts the sorting. */
static crew_time sort_by(int (*sort)(void), uint64_t n)
{
	static uint32_t random = 1;
	crew_time took = 0;

	for (uint64_t i = 0; i < n; i++) {
		crew_time begin;

		for (int k = 0; k < SORTED; k++)
			to_sort[k] = random = random * 1664525 + 1013904223;
		begin = crew_bench_now();
		if (sort())
			return -1;
		took += crew_bench_now() - begin;
	}
	return took;
}

static int (*sort_inside)(void);

static crew_time sort_loop(uint64_t n)
{
	return sort_by(sort_inside, n);
}

static crew_time sorted(uint64_t n, long workers)
{
	sort_inside = sort_by_type;
	return inside(workers, sort_loop, n);
}

static crew_time sorted_stable(uint64_t n, long workers)
{
	sort_inside = sort_stable;
	return inside(workers, sort_loop, n);
}

static crew_time sorted_in_place(uint64_t n, long workers)
{
	sort_inside = sort_in_place;
	return inside(workers, sort_loop, n);
}

static crew_time sorted_alone(uint64_t n, long param)
{
	(void)param;
	return sort_by(sort_alone, n);
}

static crew_time sorted_qsort(uint64_t n, long param)
{
	(void)param;
	return sort_by(sort_qsort, n);
}

static const struct crew_bench benches[] = {
	{ .name = "loop.1", .fn = loop, .param = 1 },
	{ .name = "loop.100", .fn = loop, .param = 100 },
	{ .name = "loop.1000", .fn = loop, .param = 1000 },
	{ .name = "loop_grain", .fn = loop_grain, .param = 1000 },
	{ .name = "loop_thread", .fn = loop_thread, .param = 1000, .unit = "us", .divisor = 1e3 },
	{ .name = "turn.serial", .fn = turn_serial, .divisor = NUMBERS },
	{ .name = "turn.1w", .fn = turn, .param = 1, .divisor = NUMBERS },
	{ .name = "turn.2w", .fn = turn, .param = 2, .divisor = NUMBERS },
	{ .name = "sorted.1w", .fn = sorted, .param = 1, .divisor = SORTED },
	{ .name = "sorted.2w", .fn = sorted, .param = 2, .divisor = SORTED },
	{ .name = "sorted.alone", .fn = sorted_alone, .divisor = SORTED },
	{ .name = "sorted.stable.2w", .fn = sorted_stable, .param = 2, .divisor = SORTED },
	{ .name = "sorted.in_place.1w", .fn = sorted_in_place, .param = 1, .divisor = SORTED },
	{ .name = "sorted.in_place.2w", .fn = sorted_in_place, .param = 2, .divisor = SORTED },
	{ .name = "sorted.qsort", .fn = sorted_qsort, .divisor = SORTED },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
