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
		struct crew_sorter crew_sorter_ = { sizeof(type), name##_sort_, name##_merge_,     \
						    name##_rank_ };                                \
                                                                                                   \
		return crew_sort_with(crew_items_, crew_count_, &crew_sorter_, NULL,               \
				      crew_options_);                                              \
	}                                                                                          \
	static inline __attribute__((unused)) int name##_merge(                                    \
		const struct crew_merge *crew_arrays_,                                             \
		const struct crew_parallel_options *crew_options_)                                 \
	{                                                                                          \
		struct crew_sorter crew_sorter_ = { sizeof(type), name##_sort_, name##_merge_,     \
						    name##_rank_ };                                \
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
CREW_SORT_INLINE_ void crew_sort_insert_(char *items, size_t count, char *spare, size_t bytes,
					 crew_sort_less_fn_ *less, void *arg)
{
	for (size_t i = 1; i < count; i++) {
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

#define CREW_SORT_BASE_ 16

/* `sort` is the function that this becomes part of. */
CREW_SORT_INLINE_ void crew_sort_sort_(void *items, size_t count, void *scratch, bool into_scratch,
				       size_t bytes, crew_sort_less_fn_ *less, crew_sort_fn_ *sort,
				       void *arg)
{
	size_t half = count / 2;
	char *from = (char *)(into_scratch ? items : scratch);
	struct crew_merge halves = { from, half, from + half * bytes, count - half,
				     into_scratch ? scratch : items };

	if (count <= CREW_SORT_BASE_) {
		crew_sort_insert_((char *)items, count, (char *)scratch, bytes, less, arg);
		if (into_scratch)
			__builtin_memcpy(scratch, items, count * bytes);
		return;
	}
	sort(items, half, scratch, !into_scratch, arg);
	sort((char *)items + half * bytes, count - half, (char *)scratch + half * bytes,
	     !into_scratch, arg);
	crew_sort_merge_(halves, bytes, less, arg);
}

/* name_rank_, name_merge_, name_sort_, for a struct crew_sorter. `bytes` may ask crew_arg_. */
#define CREW_SORT_PARTS_(name, bytes, less)                                                        \
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
