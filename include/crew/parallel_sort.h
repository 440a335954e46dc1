/* SPDX-License-Identifier: MIT */
/*
 * crew/parallel_sort.h - sort and merge.
 *
 *	CREW_SORT(sort_doubles, double, CREW_LESS)
 *
 *	struct word {
 *		const char *text;
 *		unsigned count;
 *	};
 *
 *	static inline bool is_rarer(const struct word *a, const struct word *b)
 *	{
 *		return a->count < b->count;
 *	}
 *	CREW_SORT(sort_words, struct word, is_rarer)
 *
 *	int sort_both(double *numbers, size_t count, struct word *words, size_t word_count)
 *	{
 *		int rc = sort_doubles(numbers, count, NULL);
 *
 *		return rc ? rc : sort_words(words, word_count, NULL);
 *	}
 *
 * CREW_SORT defines functions for one type, in which the comparison is inlined: several
 * times as fast as one that is called. crew_sort_stable() and crew_sort() take a
 * comparison as qsort() does.
 *
 * Comparisons must be consistent (a strict weak order). They are called by several
 * workers at a time, must not wait, and cannot fail. A sort that is cancelled leaves all
 * items there, in any order.
 *
 * See also: crew/parallel_for.h (who runs it, cancellation, options).
 */
#ifndef CREW_PARALLEL_SORT_H
#define CREW_PARALLEL_SORT_H

#include "crew/parallel_reduce.h"

CREW_BEGIN

/*
 * Sorts; items that compare equal keep their order. Allocates a copy of the array.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for()
 *		CREW_EINVAL	`compare` is NULL, or `item_bytes` is 0
 *		CREW_ENOMEM	also: no memory for the copy; nothing was moved
 */
CREW_API int crew_sort_stable(void *items, size_t count, size_t item_bytes,
			      crew_compare_fn *compare, void *arg,
			      const struct crew_parallel_options *options);

/*
 * Sorts in place; items that compare equal may change their order. Allocates nothing. Less
 * parallel than crew_sort_stable(): the first division of the array is one worker's.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for()
 *		CREW_EINVAL	`compare` is NULL, or `item_bytes` is 0
 */
CREW_API int crew_sort(void *items, size_t count, size_t item_bytes, crew_compare_fn *compare,
		       void *arg, const struct crew_parallel_options *options);

/* What sorts and merges one type of items: CREW_SORT() makes them. */
struct crew_sorter {
	size_t item_bytes;
	/* How many items, from the first on, are in order. */
	size_t (*run)(const void *items, size_t count, void *arg);
	/* Stable. Items that are less than `key`, or not greater, go to `low`, which may be where
	 * the items begin or lie before that; the others go to `high`. There must be room for all
	 * of them in both. How many went to `low`. */
	size_t (*divide)(const void *items, size_t count, const void *key, bool or_equal, void *low,
			 void *high, void *arg);
	/* Stable. The result lies in `scratch`, which is as long, or in `items`. */
	void (*sort)(void *items, size_t count, void *scratch, bool into_scratch, void *arg);
	void (*merge)(const void *a, size_t a_count, const void *b, size_t b_count, void *to,
		      void *arg);
	/* How many sorted items are less than `key`; or not greater. */
	size_t (*rank)(const void *items, size_t count, const void *key, bool or_equal, void *arg);
};

/*
 * crew_sort_stable() with functions for the type.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_sort_stable()
 */
CREW_API int crew_sort_with(void *items, size_t count, const struct crew_sorter *sorter, void *arg,
			    const struct crew_parallel_options *options);

/* Two sorted arrays, and where they go as one. It is none of them. */
struct crew_merge {
	const void *a;
	size_t a_count;
	const void *b;
	size_t b_count;
	void *to;
};

/*
 * Merges two sorted arrays; of items that compare equal those of `a` come first. When it is
 * cancelled, `to` holds nothing of use.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for()
 *		CREW_EINVAL	`merge` or `compare` is NULL, or `item_bytes` is 0
 */
CREW_API int crew_merge_sorted(const struct crew_merge *merge, size_t item_bytes,
			       crew_compare_fn *compare, void *arg,
			       const struct crew_parallel_options *options);

/*
 * crew_merge_sorted() with functions for the type.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_merge_sorted()
 */
CREW_API int crew_merge_with(const struct crew_merge *merge, const struct crew_sorter *sorter,
			     void *arg, const struct crew_parallel_options *options);

/*
 * CREW_SORT(name, type, less) defines, with `bool less(const type *a, const type *b)` (a
 * function, better inline, or a macro such as CREW_LESS for what has a `<`):
 *
 *	int name(type *items, size_t count, options);		crew_sort_stable()
 *	int name_merge(const struct crew_merge *, options);	crew_merge_sorted()
 */
#define CREW_SORT(name, type, less)                                                                \
	static inline bool name##_less_(const void *crew_a_, const void *crew_b_, void *crew_arg_) \
	{                                                                                          \
		const type *crew_x_ = (const type *)crew_a_;                                       \
		const type *crew_y_ = (const type *)crew_b_;                                       \
                                                                                                   \
		(void)crew_arg_;                                                                   \
		return less(crew_x_, crew_y_);                                                     \
	}                                                                                          \
	CREW_SORT_PARTS_(name, sizeof(type), name##_less_)                                         \
	static inline __attribute__((unused)) int name(                                            \
		type *crew_items_, size_t crew_count_,                                             \
		const struct crew_parallel_options *crew_options_)                                 \
	{                                                                                          \
		struct crew_sorter crew_sorter_ = { sizeof(type), name##_run_,	 name##_divide_,   \
						    name##_sort_, name##_merge_, name##_rank_ };   \
                                                                                                   \
		return crew_sort_with(crew_items_, crew_count_, &crew_sorter_, NULL,               \
				      crew_options_);                                              \
	}                                                                                          \
	static inline __attribute__((unused)) int name##_merge(                                    \
		const struct crew_merge *crew_arrays_,                                             \
		const struct crew_parallel_options *crew_options_)                                 \
	{                                                                                          \
		struct crew_sorter crew_sorter_ = { sizeof(type), name##_run_,	 name##_divide_,   \
						    name##_sort_, name##_merge_, name##_rank_ };   \
                                                                                                   \
		return crew_merge_with(crew_arrays_, &crew_sorter_, NULL, crew_options_);          \
	}

#define CREW_LESS(a, b) (*(a) < *(b))

/* ---- what the macro is made of; not for callers --------------------------- */

/*
 * All here becomes part of the functions that CREW_SORT_PARTS_ defines. There `bytes`, of an
 * item, is a number that the compiler knows, and `less` a function that it sees.
 */
#define CREW_SORT_INLINE_ static inline __attribute__((always_inline))

typedef bool crew_sort_less_fn_(const void *a, const void *b, void *arg);
typedef void crew_sort_fn_(void *items, size_t count, void *scratch, bool into_scratch, void *arg);

CREW_SORT_INLINE_ size_t crew_sort_run_(const void *items, size_t count, size_t bytes,
					crew_sort_less_fn_ *less, void *arg)
{
	const char *at = (const char *)items;
	size_t run = 1;

	while (run < count && !less(at + run * bytes, at + (run - 1) * bytes, arg))
		run++;
	return run < count ? run : count;
}

/* Without a branch on what nobody can guess: each goes to both, and one of them keeps it. */
CREW_SORT_INLINE_ size_t crew_sort_divide_(const void *items, size_t count, const void *key,
					   bool or_equal, void *low, void *high, size_t bytes,
					   crew_sort_less_fn_ *less, void *arg)
{
	const char *at = (const char *)items;
	char *to_low = (char *)low;
	char *to_high = (char *)high;

	for (; count > 0; count--) {
		bool is_low = or_equal ? !less(key, at, arg) : less(at, key, arg);

		__builtin_memcpy(to_high, at, bytes);
		__builtin_memcpy(to_low, to_high, bytes);
		at += bytes;
		to_low += bytes * (size_t)is_low;
		to_high += bytes * (size_t)!is_low;
	}
	return (size_t)(to_low - (char *)low) / bytes;
}

CREW_SORT_INLINE_ size_t crew_sort_rank_(const void *items, size_t count, const void *key,
					 bool or_equal, size_t bytes, crew_sort_less_fn_ *less,
					 void *arg)
{
	const char *at = (const char *)items;
	size_t rank = 0;

	while (count > 0) {
		size_t half = count / 2;
		const char *middle = at + (rank + half) * bytes;

		if (or_equal ? !less(key, middle, arg) : less(middle, key, arg)) {
			rank += half + 1;
			count -= half + 1;
		} else {
			count = half;
		}
	}
	return rank;
}

/* Without a branch that would be mispredicted every other time. */
CREW_SORT_INLINE_ const char *crew_sort_pick_(bool second, const char *a, const char *b)
{
	return (const char *)((uintptr_t)a ^ (((uintptr_t)a ^ (uintptr_t)b) & -(uintptr_t)second));
}

/*
 * From both ends at once, two chains of dependent steps side by side. While both arrays
 * have 2n items, n steps from each end cannot leave them. Back to front the item of `b` is
 * taken unless it is less than that of `a`.
 */
CREW_SORT_INLINE_ void crew_sort_merge_(struct crew_merge merge, size_t bytes,
					crew_sort_less_fn_ *less, void *arg)
{
	const char *a = (const char *)merge.a;
	const char *b = (const char *)merge.b;
	const char *a_end = a + merge.a_count * bytes;
	const char *b_end = b + merge.b_count * bytes;
	char *to = (char *)merge.to;
	char *to_end = to + (merge.a_count + merge.b_count) * bytes;

	if (merge.a_count && merge.b_count && !less(b, a_end - bytes, arg)) {
		__builtin_memcpy(to, a, merge.a_count * bytes);
		__builtin_memcpy(to + merge.a_count * bytes, b, merge.b_count * bytes);
		return;
	}
	while (merge.a_count > 1 && merge.b_count > 1) {
		size_t steps = (merge.a_count < merge.b_count ? merge.a_count : merge.b_count) / 2;

		while (steps-- > 0) {
			bool right = less(b, a, arg);
			bool left = less(b_end - bytes, a_end - bytes, arg);

			__builtin_memcpy(to, crew_sort_pick_(right, a, b), bytes);
			to += bytes;
			a += bytes * (size_t)!right;
			b += bytes * (size_t)right;
			to_end -= bytes;
			__builtin_memcpy(
				to_end, crew_sort_pick_(left, b_end - bytes, a_end - bytes), bytes);
			a_end -= bytes * (size_t)left;
			b_end -= bytes * (size_t)!left;
		}
		merge.a_count = (size_t)(a_end - a) / bytes;
		merge.b_count = (size_t)(b_end - b) / bytes;
	}
	while (a < a_end && b < b_end) {
		bool right = less(b, a, arg);

		__builtin_memcpy(to, crew_sort_pick_(right, a, b), bytes);
		to += bytes;
		a += bytes * (size_t)!right;
		b += bytes * (size_t)right;
	}
	if (a < a_end)
		__builtin_memcpy(to, a, (size_t)(a_end - a));
	else if (b < b_end)
		__builtin_memcpy(to, b, (size_t)(b_end - b));
}

/* gcc with -fsanitize=null takes it for possible that less() is called with NULL, and warns
 * of what would follow. */
#ifndef __clang__
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Warray-bounds"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#endif
/* pre: the first `sorted` are */
CREW_SORT_INLINE_ void crew_sort_insert_(char *items, size_t sorted, size_t count, char *spare,
					 size_t bytes, crew_sort_less_fn_ *less, void *arg)
{
	for (size_t i = sorted; i < count; i++) {
		char *at = items + i * bytes;

		if (!less(at, at - bytes, arg))
			continue;
		__builtin_memcpy(spare, at, bytes);
		do {
			__builtin_memcpy(at, at - bytes, bytes);
			at -= bytes;
		} while (at > items && less(spare, at - bytes, arg));
		__builtin_memcpy(at, spare, bytes);
	}
}
#ifndef __clang__
#pragma GCC diagnostic pop
#endif

/* Four items, by pairs: who wins twice is first, who loses twice is last. */
CREW_SORT_INLINE_ void crew_sort_four_(char *to, const char *from, size_t bytes,
				       crew_sort_less_fn_ *less, void *arg)
{
	bool left = less(from + bytes, from, arg);
	bool right = less(from + 3 * bytes, from + 2 * bytes, arg);
	const char *a = from + bytes * (size_t)left;
	const char *b = from + bytes * (size_t)!left;
	const char *c = from + bytes * (2 + (size_t)right);
	const char *d = from + bytes * (3 - (size_t)right);
	bool first = less(c, a, arg);
	bool last = less(d, b, arg);
	const char *x = crew_sort_pick_(first, crew_sort_pick_(last, b, c), a);
	const char *y = crew_sort_pick_(last, crew_sort_pick_(first, c, b), d);
	bool swapped = less(y, x, arg);

	__builtin_memcpy(to, crew_sort_pick_(first, a, c), bytes);
	__builtin_memcpy(to + bytes, crew_sort_pick_(swapped, x, y), bytes);
	__builtin_memcpy(to + 2 * bytes, crew_sort_pick_(swapped, y, x), bytes);
	__builtin_memcpy(to + 3 * bytes, crew_sort_pick_(last, d, b), bytes);
}

/* Merges two runs of `half` items, from both ends at once: each end takes half of them all.
 * A comparison without sense may take one twice: then nothing is merged. */
CREW_SORT_INLINE_ void crew_sort_pair_(char *to, const char *from, size_t half, size_t bytes,
				       crew_sort_less_fn_ *less, void *arg)
{
	const char *a = from;
	const char *b = from + half * bytes;
	const char *a_last = b - bytes;
	const char *b_last = a_last + half * bytes;
	char *front = to;
	char *back = to + (2 * half - 1) * bytes;

	for (size_t i = 0; i < half; i++) {
		bool right = less(b, a, arg);
		bool left = less(b_last, a_last, arg);

		__builtin_memcpy(front, crew_sort_pick_(right, a, b), bytes);
		__builtin_memcpy(back, crew_sort_pick_(left, b_last, a_last), bytes);
		front += bytes;
		back -= bytes;
		a += bytes * (size_t)!right;
		b += bytes * (size_t)right;
		a_last -= bytes * (size_t)left;
		b_last -= bytes * (size_t)!left;
	}
	if (a != a_last + bytes || b != b_last + bytes)
		__builtin_memcpy(to, from, 2 * half * bytes);
}

#define CREW_SORT_FEW_ 24

/* Runs of 4 are merged into one of 8 or 16, and the rest is inserted. pre: FEW at most */
CREW_SORT_INLINE_ void crew_sort_few_(char *items, size_t count, char *scratch, size_t bytes,
				      crew_sort_less_fn_ *less, void *arg)
{
	size_t sorted = count < 8 ? 1 : count < 16 ? 8 : 16;

	for (size_t i = 0; sorted > 1 && i < sorted; i += 4)
		crew_sort_four_(scratch + i * bytes, items + i * bytes, bytes, less, arg);
	for (size_t i = 0; sorted > 1 && i < sorted; i += 8)
		crew_sort_pair_(items + i * bytes, scratch + i * bytes, 4, bytes, less, arg);
	if (sorted == 16) {
		crew_sort_pair_(scratch, items, 8, bytes, less, arg);
		__builtin_memcpy(items, scratch, 16 * bytes);
	}
	crew_sort_insert_(items, sorted, count, scratch, bytes, less, arg);
}

CREW_SORT_INLINE_ const char *crew_sort_middle_(const char *a, const char *b, const char *c,
						crew_sort_less_fn_ *less, void *arg)
{
	bool a_first = less(a, b, arg);

	if (a_first != less(a, c, arg))
		return a;
	return a_first == less(b, c, arg) ? b : c;
}

/* One that is likely to lie in the middle. */
CREW_SORT_INLINE_ const char *crew_sort_key_(const char *items, size_t count, size_t bytes,
					     crew_sort_less_fn_ *less, void *arg)
{
	size_t step = count / 8 * bytes;
	const char *at[3];

	if (count < 128)
		return crew_sort_middle_(items + 2 * step, items + 4 * step, items + 6 * step, less,
					 arg);
	for (int i = 0; i < 3; i++, items += 3 * step)
		at[i] = crew_sort_middle_(items, items + step, items + 2 * step - (i == 2) * bytes,
					  less, arg);
	return crew_sort_middle_(at[0], at[1], at[2], less, arg);
}

/* Divides by a key in the last place of the scratch, or behind that: only the last item could
 * be written there. */
CREW_SORT_INLINE_ size_t crew_sort_part_(char *items, size_t count, char *scratch, const char *key,
					 bool or_equal, size_t bytes, crew_sort_less_fn_ *less,
					 void *arg)
{
	const char *last = items + (count - 1) * bytes;
	size_t low = crew_sort_divide_(items, count - 1, key, or_equal, items, scratch, bytes, less,
				       arg);
	size_t high = count - 1 - low;

	if (or_equal ? !less(key, last, arg) : less(last, key, arg)) {
		if (high)
			__builtin_memcpy(items + low * bytes, last, bytes);
		low++;
	}
	__builtin_memcpy(items + low * bytes, scratch, high * bytes);
	return low;
}

/*
 * By dividing. Where a key leaves less than an eighth on one side, though what is equal to it
 * is set aside, two halves are sorted and merged instead. `sort` is the function that this
 * becomes part of.
 */
CREW_SORT_INLINE_ void crew_sort_sort_(void *items, size_t count, void *scratch, bool into_scratch,
				       size_t bytes, crew_sort_less_fn_ *less, crew_sort_fn_ *sort,
				       void *arg)
{
	char *at = (char *)items;
	char *spare = (char *)scratch;
	size_t left = count;

	while (left > CREW_SORT_FEW_ && crew_sort_run_(at, left, bytes, less, arg) < left) {
		char *key = spare + (left - 1) * bytes;
		size_t low;
		size_t high;

		__builtin_memcpy(key, crew_sort_key_(at, left, bytes, less, arg), bytes);
		low = high = crew_sort_part_(at, left, spare, key, false, bytes, less, arg);
		if (low < left / 8)
			high += crew_sort_part_(at + low * bytes, left - low, spare, key, true,
						bytes, less, arg);
		if (high < left / 8 || low > left - left / 8) {
			size_t half = left / 2;
			struct crew_merge halves = { spare, half, spare + half * bytes, left - half,
						     at };

			sort(at, half, spare, true, arg);
			sort(at + half * bytes, left - half, spare + half * bytes, true, arg);
			crew_sort_merge_(halves, bytes, less, arg);
			left = 0;
		} else if (low < left - high) {
			sort(at, low, spare, false, arg);
			at += high * bytes;
			spare += high * bytes;
			left -= high;
		} else {
			sort(at + high * bytes, left - high, spare + high * bytes, false, arg);
			left = low;
		}
	}
	if (left <= CREW_SORT_FEW_)
		crew_sort_few_(at, left, spare, bytes, less, arg);
	if (into_scratch)
		__builtin_memcpy(scratch, items, count * bytes);
}

/* name_run_ and so on, for a struct crew_sorter. `bytes` may ask crew_arg_. */
#define CREW_SORT_PARTS_(name, bytes, less)                                                        \
	static size_t name##_run_(const void *crew_items_, size_t crew_count_, void *crew_arg_)    \
	{                                                                                          \
		return crew_sort_run_(crew_items_, crew_count_, bytes, less, crew_arg_);           \
	}                                                                                          \
	static size_t name##_divide_(const void *crew_items_, size_t crew_count_,                  \
				     const void *crew_key_, bool crew_or_equal_, void *crew_low_,  \
				     void *crew_high_, void *crew_arg_)                            \
	{                                                                                          \
		return crew_sort_divide_(crew_items_, crew_count_, crew_key_, crew_or_equal_,      \
					 crew_low_, crew_high_, bytes, less, crew_arg_);           \
	}                                                                                          \
	static size_t name##_rank_(const void *crew_items_, size_t crew_count_,                    \
				   const void *crew_key_, bool crew_or_equal_, void *crew_arg_)    \
	{                                                                                          \
		return crew_sort_rank_(crew_items_, crew_count_, crew_key_, crew_or_equal_, bytes, \
				       less, crew_arg_);                                           \
	}                                                                                          \
	static void name##_merge_(const void *crew_a_, size_t crew_a_count_, const void *crew_b_,  \
				  size_t crew_b_count_, void *crew_to_, void *crew_arg_)           \
	{                                                                                          \
		struct crew_merge crew_merge_ = { crew_a_, crew_a_count_, crew_b_, crew_b_count_,  \
						  crew_to_ };                                      \
                                                                                                   \
		crew_sort_merge_(crew_merge_, bytes, less, crew_arg_);                             \
	}                                                                                          \
	static void name##_sort_(void *crew_items_, size_t crew_count_, void *crew_scratch_,       \
				 bool crew_into_scratch_, void *crew_arg_)                         \
	{                                                                                          \
		crew_sort_sort_(crew_items_, crew_count_, crew_scratch_, crew_into_scratch_,       \
				bytes, less, name##_sort_, crew_arg_);                             \
	}

CREW_END

#endif /* CREW_PARALLEL_SORT_H */
