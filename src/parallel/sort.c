/* SPDX-License-Identifier: MIT */
/*
 * sort.c - the stable sort and the merge. What compares and moves items are functions for
 * their type (struct crew_sorter); here it is decided who does what.
 *
 * The halves of an array are sorted by two forks, from one array into the other and back,
 * and merged. A merge is divided as well: the middle of the longer array has its place in
 * the other, and what is left of both, and right of both, are two merges. For stability
 * items that are equal to it stand right of it in `b`, and left of it in `a`.
 *
 * How long an item takes is measured with the first 64, which are none the worse for it. An
 * array of no more, and one that would take no longer than 20 us, is sorted alone.
 *
 * INVARIANT. Whoever sorts from here to there leaves all items there, in some order. Once
 * somebody has met a cancellation (`stopped`; it stays, even if a shield goes up), merges
 * are not to be relied on, and their two halves are copied instead.
 */
#include "parallel/split.h"

#include "base/alloc.h"
#include "crew/fork.h"
#include "crew/parallel_sort.h"

#include <string.h>

#define SAMPLE	    64
#define ALONE_NS    CREW_US(20)
#define LEAF_NS	    CREW_US(25)
#define MERGE_GRAIN 8 /* merging is so much faster than sorting */

struct sorting {
	const struct crew_sorter *sorter;
	void *arg;
	struct crew_fork_kind sort;  /* the forks: a half to sort, */
	struct crew_fork_kind merge; /* a piece to merge */
	size_t bytes;		     /* of an item */
	size_t grain;
	struct crew__word32 stopped;
};

struct part {
	char *items;
	char *scratch;
	size_t count;
	bool into_scratch;
};

struct sort_piece {
	struct crew_fork fork;
	struct sorting *sorting;
	struct part part;
	struct crew__pace pace;
};

struct merge_piece {
	struct crew_fork fork;
	struct sorting *sorting;
	struct crew_merge merge;
	size_t grain;
};

static int stop_code(struct sorting *sorting)
{
	return (int)crew__load32_acquire(&sorting->stopped);
}

/* ---- merge ---- */

static void merge_all(struct sorting *sorting, struct crew_merge merge, size_t grain);

static int run_merge(void *opaque)
{
	struct merge_piece *piece = opaque;

	merge_all(piece->sorting, piece->merge, piece->grain);
	return 0;
}

/* Cuts off what is right of the middle of the longer one. */
static struct crew_merge cut_merge(const struct sorting *sorting, struct crew_merge *merge)
{
	const struct crew_sorter *sorter = sorting->sorter;
	struct crew_merge right = *merge;
	const char *a = merge->a;
	const char *b = merge->b;

	if (merge->a_count >= merge->b_count) {
		merge->a_count /= 2;
		merge->b_count = sorter->rank(b, merge->b_count,
					      a + merge->a_count * sorting->bytes, false,
					      sorting->arg);
	} else {
		merge->b_count /= 2;
		merge->a_count = sorter->rank(
			a, merge->a_count, b + merge->b_count * sorting->bytes, true, sorting->arg);
	}
	right.a = a + merge->a_count * sorting->bytes;
	right.b = b + merge->b_count * sorting->bytes;
	right.a_count -= merge->a_count;
	right.b_count -= merge->b_count;
	right.to = (char *)merge->to + (merge->a_count + merge->b_count) * sorting->bytes;
	return right;
}

static void merge_all(struct sorting *sorting, struct crew_merge merge, size_t grain)
{
	struct merge_piece right = { .sorting = sorting, .grain = grain };

	while (!crew__look_stops(&sorting->stopped)) {
		/* of two items neither side need get one */
		if (merge.a_count + merge.b_count <= (grain > 2 ? grain : 2)) {
			sorting->sorter->merge(merge.a, merge.a_count, merge.b, merge.b_count,
					       merge.to, sorting->arg);
			return;
		}
		right.merge = cut_merge(sorting, &merge);
		crew_fork_inline_put_(&right.fork, &sorting->merge);
		merge_all(sorting, merge, grain);
		if (!crew_fork_inline_take_(&right.fork))
			return;
		merge = right.merge;
	}
}

/* ---- sort ---- */

static void sort_all(struct sorting *sorting, const struct part *part, struct crew__pace *pace);

static int run_sort(void *opaque)
{
	const struct sort_piece *piece = opaque;
	struct crew__pace pace = piece->pace;

	sort_all(piece->sorting, &piece->part, &pace);
	return 0;
}

static void sort_leaf(const struct sorting *sorting, const struct part *part,
		      struct crew__pace *pace)
{
	crew_time begun = pace->timed ? crew__port_now() : 0;

	sorting->sorter->sort(part->items, part->count, part->scratch, part->into_scratch,
			      sorting->arg);
	if (pace->timed)
		crew__pace_adapt(pace, part->count, crew__port_now() - begun);
}

static void sort_all(struct sorting *sorting, const struct part *part, struct crew__pace *pace)
{
	char *from = part->into_scratch ? part->items : part->scratch;
	char *to = part->into_scratch ? part->scratch : part->items;
	size_t bytes = part->count * sorting->bytes;
	size_t middle = part->count / 2 * sorting->bytes;
	struct part left = { part->items, part->scratch, part->count / 2, !part->into_scratch };
	struct sort_piece right = { .sorting = sorting, .pace = *pace };
	struct crew_merge halves = { .to = to };

	if (crew__look_stops(&sorting->stopped)) {
		if (part->into_scratch)
			memcpy(to, from, bytes);
		return;
	}
	if (part->count <= pace->grain) {
		sort_leaf(sorting, part, pace);
		return;
	}
	right.part = (struct part){ part->items + middle, part->scratch + middle,
				    part->count - left.count, left.into_scratch };
	crew_fork_inline_put_(&right.fork, &sorting->sort);
	sort_all(sorting, &left, pace);
	if (crew_fork_inline_take_(&right.fork))
		sort_all(sorting, &right.part, pace);
	halves.a = from;
	halves.a_count = left.count;
	halves.b = from + middle;
	halves.b_count = part->count - left.count;
	if (!stop_code(sorting))
		merge_all(sorting, halves, pace->grain * MERGE_GRAIN);
	if (stop_code(sorting))
		memcpy(to, from, bytes);
}

/* What an item takes, for each doubling: picoseconds. pre: there are as many as a sample */
static uint64_t measure(const struct sorting *sorting, const struct part *all)
{
	struct part sample = *all;
	struct crew__pace pace = { .grain = 1 };
	crew_time begun = crew__port_now();

	sample.count = SAMPLE;
	sort_leaf(sorting, &sample, &pace);
	return (uint64_t)(crew__port_now() - begun) * 1000 / (SAMPLE * 6);
}

/* The time that `count` items take, in nanoseconds. */
static double takes(uint64_t cost, size_t count)
{
	double doublings = 0;

	for (size_t n = count; n > 1; n /= 2)
		doublings++;
	return (double)cost * (double)count * doublings / 1000;
}

static struct crew__pace find_pace(const struct sorting *sorting, const struct part *all)
{
	const struct crew__pace alone = { .grain = SIZE_MAX };
	struct crew__pace pace = { .grain = sorting->grain };
	uint64_t cost;

	if (pace.grain)
		return pace;
	if (all->count <= SAMPLE)
		return alone;
	cost = measure(sorting, all);
	if (takes(cost, all->count) <= ALONE_NS)
		return alone;
	pace = (struct crew__pace){ .grain = 2, .timed = true };
	while (takes(cost, 2 * pace.grain) < 2 * LEAF_NS && pace.grain < all->count)
		pace.grain *= 2;
	return pace;
}

struct sort_call {
	struct sorting sorting;
	struct part all;
	struct crew_merge merge;
};

static int sort_task(void *opaque)
{
	struct sort_call *call = opaque;
	struct crew__pace pace;
	size_t bytes;
	int rc = crew_check();

	if (rc || call->all.count < 2)
		return rc;
	if (!__builtin_mul_overflow(call->all.count, call->sorting.bytes, &bytes))
		call->all.scratch = crew__alloc(bytes);
	if (!call->all.scratch)
		return CREW_ENOMEM;
	pace = find_pace(&call->sorting, &call->all);
	sort_all(&call->sorting, &call->all, &pace);
	crew__free(call->all.scratch);
	return stop_code(&call->sorting);
}

static int init_sorting(struct sorting *sorting, const struct crew_sorter *sorter, void *arg,
			const struct crew_parallel_options *options)
{
	const char *name;

	if (!sorter || !sorter->item_bytes)
		return CREW_EINVAL;
	options = crew__whole(options);
	name = options && options->name ? options->name : "sort";
	*sorting = (struct sorting){ .sorter = sorter,
				     .arg = arg,
				     .sort = { run_sort, name },
				     .merge = { run_merge, name },
				     .bytes = sorter->item_bytes,
				     .grain = options ? options->grain : 0 };
	return 0;
}

int crew_sort_with(void *items, size_t count, const struct crew_sorter *sorter, void *arg,
		   const struct crew_parallel_options *options)
{
	struct sort_call call = { .all.items = items, .all.count = count };
	int rc = init_sorting(&call.sorting, sorter, arg, options);

	return rc ? rc : crew__parallel_enter(options, sort_task, &call);
}

static int merge_task(void *opaque)
{
	struct sort_call *call = opaque;
	size_t grain = call->sorting.grain ? call->sorting.grain : SAMPLE * SAMPLE;
	int rc = crew_check();

	if (rc || call->merge.a_count + call->merge.b_count == 0)
		return rc;
	merge_all(&call->sorting, call->merge, grain);
	return stop_code(&call->sorting);
}

int crew_merge_with(const struct crew_merge *merge, const struct crew_sorter *sorter, void *arg,
		    const struct crew_parallel_options *options)
{
	struct sort_call call = { .merge = { 0 } };
	int rc = merge ? init_sorting(&call.sorting, sorter, arg, options) : CREW_EINVAL;

	if (rc)
		return rc;
	call.merge = *merge;
	return crew__parallel_enter(options, merge_task, &call);
}

/* ---- with a comparison that is called ---- */

struct by_call {
	crew_compare_fn *compare;
	void *arg;
	size_t bytes;
};

static inline bool is_less(const void *a, const void *b, void *arg)
{
	const struct by_call *call = arg;

	return call->compare(a, b, call->arg) < 0;
}

CREW_SORT_PARTS_(sort_4, 4, is_less)
CREW_SORT_PARTS_(sort_8, 8, is_less)
CREW_SORT_PARTS_(sort_16, 16, is_less)
CREW_SORT_PARTS_(sort_any, ((const struct by_call *)crew_arg_)->bytes, is_less)

#define SORTER(name)                                                                               \
	(struct crew_sorter)                                                                       \
	{                                                                                          \
		.sort = name##_sort_, .merge = name##_merge_, .rank = name##_rank_                 \
	}

static struct crew_sorter choose_sorter(size_t item_bytes)
{
	struct crew_sorter sorter = SORTER(sort_any);

	if (item_bytes == 4)
		sorter = SORTER(sort_4);
	else if (item_bytes == 8)
		sorter = SORTER(sort_8);
	else if (item_bytes == 16)
		sorter = SORTER(sort_16);
	sorter.item_bytes = item_bytes;
	return sorter;
}

int crew_sort_stable(void *items, size_t count, size_t item_bytes, crew_compare_fn *compare,
		     void *arg, const struct crew_parallel_options *options)
{
	struct by_call call = { compare, arg, item_bytes };
	struct crew_sorter sorter = choose_sorter(item_bytes);

	if (!compare)
		return CREW_EINVAL;
	return crew_sort_with(items, count, &sorter, &call, options);
}

int crew_merge_sorted(const struct crew_merge *merge, size_t item_bytes, crew_compare_fn *compare,
		      void *arg, const struct crew_parallel_options *options)
{
	struct by_call call = { compare, arg, item_bytes };
	struct crew_sorter sorter = choose_sorter(item_bytes);

	if (!compare)
		return CREW_EINVAL;
	return crew_merge_with(merge, &sorter, &call, options);
}
