/* SPDX-License-Identifier: MIT */
/* reduce.c - many values become one: split.h with a fold. */
#include "parallel/split.h"

#include "crew/parallel_reduce.h"

/* With fixed order a range is cut into so many, unless it is said. */
#define FIXED_PIECES 256

struct reduction {
	struct crew__loop loop;
	struct crew__fold fold;
	struct crew_block whole;
	void *result;
	crew_add_fn *add;
	crew_join_fn *join;
	void *arg;
};

static int reduce_leaf(struct crew__loop *loop, const struct crew_block *leaf, void *into)
{
	const struct reduction *reduction = crew__container(loop, struct reduction, loop);

	return reduction->add(into, leaf->begin[0], leaf->end[0], reduction->arg);
}

static void reduce_join(struct crew__loop *loop, void *into, const void *right)
{
	const struct reduction *reduction = crew__container(loop, struct reduction, loop);

	reduction->join(into, right, reduction->arg);
}

static int reduce_task(void *opaque)
{
	struct reduction *reduction = opaque;

	crew__fold_begin(&reduction->fold, reduction->result);
	return crew__loop_run(&reduction->loop, &reduction->whole, reduction->result);
}

int crew_reduce(size_t begin, size_t end, void *result, const struct crew_reducer *reducer,
		void *arg, const struct crew_parallel_options *options)
{
	struct crew_parallel_options room;
	const struct crew_parallel_options *whole = crew__whole(options, &room);
	struct reduction reduction;

	if (!result || !reducer || !reducer->bytes || !reducer->add || !reducer->join)
		return CREW_EINVAL;
	reduction = (struct reduction){ .fold = { .bytes = reducer->bytes,
						  .identity = reducer->identity,
						  .join = reduce_join,
						  .fixed = whole && whole->fixed_order },
					.whole = crew__range(begin, end),
					.result = result,
					.add = reducer->add,
					.join = reducer->join,
					.arg = arg };
	crew__loop_init(&reduction.loop, reduce_leaf, options);
	reduction.loop.fold = &reduction.fold;
	if (reduction.fold.fixed && !reduction.loop.grain)
		reduction.loop.grain = end > begin ? (end - begin - 1) / FIXED_PIECES + 1 : 1;
	return crew__parallel_enter(options, reduce_task, &reduction);
}

/* ---- the least, the greatest ---- */

#define NONE SIZE_MAX

struct search {
	const char *items;
	size_t item_bytes;
	crew_compare_fn *compare;
	void *arg;
	bool greatest;
};

/* Is `there`, right of `best`, better? */
static bool is_better(const struct search *search, size_t there, size_t best)
{
	const char *a = search->items + there * search->item_bytes;
	const char *b = search->items + best * search->item_bytes;

	return search->greatest ? search->compare(b, a, search->arg) < 0 :
				  search->compare(a, b, search->arg) < 0;
}

static int search_add(void *into, size_t begin, size_t end, void *arg)
{
	const struct search *search = arg;
	size_t best = *(size_t *)into;

	for (size_t i = begin; i < end; i++)
		if (best == NONE || is_better(search, i, best))
			best = i;
	*(size_t *)into = best;
	return 0;
}

static void search_join(void *into, const void *right, void *arg)
{
	size_t *best = into;
	size_t other = *(const size_t *)right;

	if (other != NONE && (*best == NONE || is_better(arg, other, *best)))
		*best = other;
}

static int find_best(struct search *search, size_t count, size_t *index,
		     const struct crew_parallel_options *options)
{
	static const size_t none = NONE;
	struct crew_reducer reducer = { sizeof(none), &none, search_add, search_join };
	int rc;

	if (!search->compare || !index)
		return CREW_EINVAL;
	rc = crew_reduce(0, count, index, &reducer, search, options);
	if (rc == 0 && *index == NONE)
		*index = count;
	return rc;
}

int crew_find_min(const void *items, size_t count, size_t item_bytes, crew_compare_fn *compare,
		  void *arg, size_t *index, const struct crew_parallel_options *options)
{
	struct search search = { items, item_bytes, compare, arg, false };

	return find_best(&search, count, index, options);
}

int crew_find_max(const void *items, size_t count, size_t item_bytes, crew_compare_fn *compare,
		  void *arg, size_t *index, const struct crew_parallel_options *options)
{
	struct search search = { items, item_bytes, compare, arg, true };

	return find_best(&search, count, index, options);
}

/* ---- histograms ---- */

struct histogram {
	const char *items;
	size_t item_bytes;
	crew_bin_fn *bin;
	void *arg;
	size_t bins;
};

static int histogram_add(void *into, size_t begin, size_t end, void *arg)
{
	const struct histogram *histogram = arg;
	uint64_t *counts = into;

	for (size_t i = begin; i < end; i++) {
		size_t bin = histogram->bin(histogram->items + i * histogram->item_bytes,
					    histogram->arg);

		if (bin < histogram->bins)
			counts[bin]++;
	}
	return 0;
}

static void histogram_join(void *into, const void *right, void *arg)
{
	const struct histogram *histogram = arg;

	for (size_t i = 0; i < histogram->bins; i++)
		((uint64_t *)into)[i] += ((const uint64_t *)right)[i];
}

int crew_histogram(const void *items, size_t count, size_t item_bytes, crew_bin_fn *bin, void *arg,
		   uint64_t *counts, size_t bins, const struct crew_parallel_options *options)
{
	struct histogram histogram = { items, item_bytes, bin, arg, bins };
	struct crew_reducer reducer = { .add = histogram_add, .join = histogram_join };

	if (!bin || !counts || __builtin_mul_overflow(bins, sizeof(*counts), &reducer.bytes))
		return CREW_EINVAL;
	return crew_reduce(0, count, counts, &reducer, &histogram, options);
}
