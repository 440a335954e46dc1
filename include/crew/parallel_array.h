/* SPDX-License-Identifier: MIT */
/*
 * crew/parallel_array.h - find, choose, divide in two, and running sums, in arrays.
 *
 *	static bool is_even(const void *item, void *arg)
 *	{
 *		(void)arg;
 *		return *(const int *)item % 2 == 0;
 *	}
 *
 *	int even_ones(const int *from, size_t count, int *to, size_t *copied)
 *	{
 *		return crew_copy_if(from, count, sizeof(int), to, copied, is_even, NULL, NULL);
 *	}
 *
 * But for crew_find_first() there are two passes over the array, cut into 256 pieces or
 * into ones of .grain items if that is less. So results are the same on every run, also
 * where the operation is not quite associative, as with floating-point sums.
 *
 * See also: crew/parallel_for.h (who runs it, failure, cancellation),
 * crew/parallel_sort.h.
 */
#ifndef CREW_PARALLEL_ARRAY_H
#define CREW_PARALLEL_ARRAY_H

#include "crew/parallel_reduce.h"

CREW_BEGIN

/* Does the item pass? If it says something else when it is asked again, items are missing. */
typedef bool crew_test_fn(const void *item, void *arg);

/*
 * Finds the first item that passes: `*index`, or `count` when none does. Items behind
 * one that passes are not asked, unless that has already begun.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for()
 *		CREW_EINVAL	`test` or `index` is NULL
 */
CREW_API int crew_find_first(const void *items, size_t count, size_t item_bytes, crew_test_fn *test,
			     void *arg, size_t *index, const struct crew_parallel_options *options);

/*
 * Copies the items that pass, in order, to the beginning of `to`, another array with
 * room for them; `*copied` are how many. Each is asked twice.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for()
 *		CREW_EINVAL	`test` or `copied` is NULL
 */
CREW_API int crew_copy_if(const void *from, size_t count, size_t item_bytes, void *to,
			  size_t *copied, crew_test_fn *test, void *arg,
			  const struct crew_parallel_options *options);

/*
 * Copies the items that pass, in order, to the beginning of `to`, another array of the
 * same length, and the others, in order, behind them; `*passed` are how many pass. Each is
 * asked twice.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for()
 *		CREW_EINVAL	`test` or `passed` is NULL
 */
CREW_API int crew_partition(const void *from, size_t count, size_t item_bytes, void *to,
			    size_t *passed, crew_test_fn *test, void *arg,
			    const struct crew_parallel_options *options);

/*
 * Running sums of any associative operation: to[i] is from[0], joined with all up to and
 * with from[i]. `to` may be `from`. `identity` is one item, or NULL: zeros. Allocates
 * 512 items and some.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for()
 *		CREW_EINVAL	`join` is NULL, or `item_bytes` is 0
 *		CREW_ENOMEM	also: no memory for sums
 */
CREW_API int crew_scan_inclusive(const void *from, void *to, size_t count, size_t item_bytes,
				 const void *identity, crew_join_fn *join, void *arg,
				 const struct crew_parallel_options *options);

/*
 * The same without the item itself: to[0] is the identity, to[i] is from[0], joined with
 * all up to from[i - 1].
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_scan_inclusive()
 */
CREW_API int crew_scan_exclusive(const void *from, void *to, size_t count, size_t item_bytes,
				 const void *identity, crew_join_fn *join, void *arg,
				 const struct crew_parallel_options *options);

CREW_END

#endif /* CREW_PARALLEL_ARRAY_H */
