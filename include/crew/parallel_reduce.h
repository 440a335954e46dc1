/* SPDX-License-Identifier: MIT */
/*
 * crew/parallel_reduce.h - many values become one: sums, the largest, histograms.
 *
 *	static int add(void *into, size_t begin, size_t end, void *arg)
 *	{
 *		const double *numbers = (const double *)arg;
 *
 *		for (size_t i = begin; i < end; i++)
 *			*(double *)into += numbers[i];
 *		return 0;
 *	}
 *
 *	static void join(void *into, const void *right, void *arg)
 *	{
 *		(void)arg;
 *		*(double *)into += *(const double *)right;
 *	}
 *
 *	int sum(double *numbers, size_t count, double *result)
 *	{
 *		static const double zero = 0;
 *		struct crew_reducer reducer = { sizeof(double), &zero, add, join };
 *
 *		return crew_reduce(0, count, result, &reducer, numbers, NULL);
 *	}
 *
 * The operation must be associative; it need not be commutative: the order of the
 * indices is kept. A piece is added to what lies left of it, without a join, unless
 * another worker took it; so where the range was cut differs from run to run, and with
 * it the last digits of floating-point sums. CREW_PARALLEL(.fixed_order = true) cuts
 * by the length of the range (and .grain) alone, and joins in the order of the cuts:
 * the same bits on every run, on every machine, with any number of workers. That is
 * 256 pieces without a .grain, also where the range is short.
 *
 * Memory. Accumulators of more than 64 bytes are allocated: one for each piece that
 * another worker took; with fixed order one for each cut around what runs.
 *
 * See also: crew/parallel_for.h (who runs it, failure, cancellation).
 */
#ifndef CREW_PARALLEL_REDUCE_H
#define CREW_PARALLEL_REDUCE_H

#include "crew/parallel_for.h"

CREW_BEGIN

/* Adds [begin, end) to the accumulator, which holds what lies left of it. */
typedef int crew_add_fn(void *into, size_t begin, size_t end, void *arg);

/* Adds to the accumulator another one, of what lies right of it. */
typedef void crew_join_fn(void *into, const void *right, void *arg);

struct crew_reducer {
	size_t bytes;	      /* of an accumulator; aligned for any type */
	const void *identity; /* what an accumulator begins with; NULL: zeros */
	crew_add_fn *add;
	crew_join_fn *join;
};

/*
 * Reduces [begin, end) to `*result`: the identity for an empty range. When it fails,
 * `*result` holds nothing of use.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for()
 *		CREW_EINVAL	`result`, `reducer` or a field of it is NULL or 0
 *		CREW_ENOMEM	also: no memory for an accumulator
 */
CREW_API int crew_reduce(size_t begin, size_t end, void *result, const struct crew_reducer *reducer,
			 void *arg, const struct crew_parallel_options *options);

/* Below 0: `a` comes before `b`. 0: neither. Above: behind. */
typedef int crew_compare_fn(const void *a, const void *b, void *arg);

/*
 * Finds the first of the least items: `*index`, or `count` when there are none.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for()
 *		CREW_EINVAL	`compare` or `index` is NULL
 */
CREW_API int crew_find_min(const void *items, size_t count, size_t item_bytes,
			   crew_compare_fn *compare, void *arg, size_t *index,
			   const struct crew_parallel_options *options);

/*
 * Finds the first of the greatest items: `*index`, or `count` when there are none.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_find_min()
 */
CREW_API int crew_find_max(const void *items, size_t count, size_t item_bytes,
			   crew_compare_fn *compare, void *arg, size_t *index,
			   const struct crew_parallel_options *options);

/* The bin that an item belongs to. */
typedef size_t crew_bin_fn(const void *item, void *arg);

/*
 * Counts the items of each bin: `counts[0]` to `counts[bins - 1]`. Items of other bins
 * are not counted. Allocates `bins` counters for each piece that another worker took.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for()
 *		CREW_EINVAL	`bin` or `counts` is NULL, or `bins` is 0
 *		CREW_ENOMEM	also: no memory for counters
 */
CREW_API int crew_histogram(const void *items, size_t count, size_t item_bytes, crew_bin_fn *bin,
			    void *arg, uint64_t *counts, size_t bins,
			    const struct crew_parallel_options *options);

CREW_END

#endif /* CREW_PARALLEL_REDUCE_H */
