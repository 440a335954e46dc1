/* SPDX-License-Identifier: MIT */
/*
 * sort.c - the stable sort and the merge. What compares and moves items are functions for
 * their type (struct crew_sorter); here it is decided who does what.
 *
 * An array is cut into halves, until there is one for each worker; they are sorted by forks,
 * from one array into the other and back, and merged. A merge is divided as well: the middle
 * of the longer array has its place in the other, and what is left of both, and right of
 * both, are two merges. For stability items that are equal to it stand right of it in `b`,
 * and left of it in `a`. What is one worker's at first is divided by a key instead, which
 * costs half as much, and the larger side is forked. Keys that divide badly: see
 * crew/parallel_sort.h.
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

#define SAMPLE	 64
#define ALONE_NS CREW_US(20)
#define LEAF_NS	 CREW_US(25)
#define GRAINS	 8  /* merged, or divided, at a time: that is so much faster than sorting */
#define DIVIDED	 64 /* fewer are cut into halves */

struct sorting {
	const struct crew_sorter *sorter;
	void *arg;
	struct crew_fork_kind sort;  /* the forks: a half to sort, */
	struct crew_fork_kind merge; /* a piece to merge */
	size_t bytes;		     /* of an item */
	size_t grain;
	size_t share; /* more are cut into halves */
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

/* ---- by halves ---- */

static void sort_halves(struct sorting *sorting, const struct part *part, struct crew__pace *pace)
{
	char *from = part->into_scratch ? part->items : part->scratch;
	char *to = part->into_scratch ? part->scratch : part->items;
	size_t middle = part->count / 2 * sorting->bytes;
	struct part left = { part->items, part->scratch, part->count / 2, !part->into_scratch };
	struct sort_piece right = { .sorting = sorting, .pace = *pace };
	struct crew_merge halves = { .to = to };

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
		merge_all(sorting, halves, pace->grain * GRAINS);
	if (stop_code(sorting))
		memcpy(to, from, part->count * sorting->bytes);
}

/* ---- by a key ---- */

static bool is_sorted(struct sorting *sorting, const struct part *part, size_t grain)
{
	for (size_t done = 0; part->count - done > 1;) {
		size_t count = part->count - done < grain ? part->count - done : grain;

		if (crew__look_stops(&sorting->stopped) ||
		    sorting->sorter->run(part->items + done * sorting->bytes, count, sorting->arg) <
			    count)
			return false;
		done += count - 1; /* the last one, and what comes behind it */
	}
	return true;
}

/* Divides by the key, which lies in the last place of the scratch, or behind that: only the
 * last item could be written there. How many are low; when it is stopped, of no use. */
static size_t go_by_key(struct sorting *sorting, const struct part *part, const char *key,
			bool or_equal, size_t grain)
{
	const struct crew_sorter *sorter = sorting->sorter;
	size_t bytes = sorting->bytes;
	const char *last = part->items + (part->count - 1) * bytes;
	size_t done = 0;
	size_t low = 0;
	size_t high;

	while (done < part->count - 1 && !crew__look_stops(&sorting->stopped)) {
		size_t count = part->count - 1 - done < grain ? part->count - 1 - done : grain;

		low += sorter->divide(part->items + done * bytes, count, key, or_equal,
				      part->items + low * bytes,
				      part->scratch + (done - low) * bytes, sorting->arg);
		done += count;
	}
	high = done - low;
	if (done == part->count - 1 && sorter->rank(last, 1, key, or_equal, sorting->arg)) {
		if (high)
			memcpy(part->items + low * bytes, last, bytes);
		low++;
	}
	memcpy(part->items + low * bytes, part->scratch, high * bytes);
	return low;
}

static inline bool ranked_less(const void *a, const void *b, void *sorting)
{
	const struct sorting *all = sorting;

	return all->sorter->rank(a, 1, b, false, all->arg);
}

/* Between `low` and `high` lies what equals the key. False: it divides badly, or somebody has
 * stopped it. */
static bool divide_by_key(struct sorting *sorting, const struct part *part, size_t grain,
			  size_t *low, size_t *high)
{
	size_t least = part->count / 8;
	char *key = part->scratch + (part->count - 1) * sorting->bytes;
	struct part rest = *part;

	memcpy(key, crew_sort_key_(part->items, part->count, sorting->bytes, ranked_less, sorting),
	       sorting->bytes);
	*low = *high = go_by_key(sorting, part, key, false, grain);
	if (*low < least && !stop_code(sorting)) {
		rest.items += *low * sorting->bytes;
		rest.count -= *low;
		*high += go_by_key(sorting, &rest, key, true, grain);
	}
	return !stop_code(sorting) && *high >= least && *low <= part->count - least;
}

static void leave_as_it_is(const struct sorting *sorting, const struct part *part)
{
	if (part->into_scratch)
		memcpy(part->scratch, part->items, part->count * sorting->bytes);
}

static struct part cut_out(const struct sorting *sorting, const struct part *part, size_t first,
			   size_t end)
{
	return (struct part){ part->items + first * sorting->bytes,
			      part->scratch + first * sorting->bytes, end - first,
			      part->into_scratch };
}

static void sort_all(struct sorting *sorting, const struct part *whole, struct crew__pace *pace)
{
	struct part part = *whole;
	struct sort_piece larger = { .sorting = sorting };

	for (;;) {
		bool halves = part.count > sorting->share || part.count < DIVIDED;
		struct part smaller;
		struct part equal;
		size_t low;
		size_t high;

		if (crew__look_stops(&sorting->stopped)) {
			leave_as_it_is(sorting, &part);
			return;
		}
		if (part.count <= pace->grain) {
			sort_leaf(sorting, &part, pace);
			return;
		}
		if (!halves && is_sorted(sorting, &part, pace->grain * GRAINS)) {
			leave_as_it_is(sorting, &part);
			return;
		}
		if (halves || !divide_by_key(sorting, &part, pace->grain * GRAINS, &low, &high)) {
			sort_halves(sorting, &part, pace);
			return;
		}
		equal = cut_out(sorting, &part, low, high);
		leave_as_it_is(sorting, &equal);
		smaller = cut_out(sorting, &part, 0, low);
		larger.part = cut_out(sorting, &part, high, part.count);
		if (smaller.count > larger.part.count) {
			struct part other = smaller;

			smaller = larger.part;
			larger.part = other;
		}
		larger.pace = *pace;
		crew_fork_inline_put_(&larger.fork, &sorting->sort);
		sort_all(sorting, &smaller, pace);
		if (!crew_fork_inline_take_(&larger.fork))
			return;
		part = larger.part;
	}
}

/* ---- all of it ---- */

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
	call->sorting.share = call->all.count / crew__self()->crew->worker_count;
	pace = find_pace(&call->sorting, &call->all);
	sort_all(&call->sorting, &call->all, &pace);
	crew__free(call->all.scratch);
	return stop_code(&call->sorting);
}

static int init_sorting(struct sorting *sorting, const struct crew_sorter *sorter, void *arg,
			const struct crew_parallel_options *options)
{
	struct crew_parallel_options room;
	const char *name;

	if (!sorter || !sorter->item_bytes)
		return CREW_EINVAL;
	options = crew__whole(options, &room);
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

static inline bool called_less(const void *a, const void *b, void *arg)
{
	const struct by_call *call = arg;

	return call->compare(a, b, call->arg) < 0;
}

CREW_SORT_PARTS_(sort_4, 4, called_less)
CREW_SORT_PARTS_(sort_8, 8, called_less)
CREW_SORT_PARTS_(sort_16, 16, called_less)
CREW_SORT_PARTS_(sort_any, ((const struct by_call *)crew_arg_)->bytes, called_less)

#define SORTER(name)                                                                               \
	(struct crew_sorter)                                                                       \
	{                                                                                          \
		.run = name##_run_, .divide = name##_divide_, .sort = name##_sort_,                \
		.merge = name##_merge_, .rank = name##_rank_                                       \
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
