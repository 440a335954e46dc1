/* SPDX-License-Identifier: MIT */
/*
 * sort_in_place.c - the sort that needs no memory: quicksort, its right halves forked. An
 * array that resists being halved is sorted by a heap instead.
 *
 * Items only change places, so all of them are there at any time.
 */
#include "parallel/split.h"

#include "crew/fork.h"
#include "crew/parallel_sort.h"

#include <string.h>

#define GRAIN 1024 /* items that are not worth a fork */
#define BASE  12   /* items that are not worth a division */
#define LOOK  128  /* items of a division, between two looks */

struct places {
	size_t bytes;
	crew_compare_fn *compare;
	void *arg;
	struct crew_fork_kind kind; /* its parts */
	size_t grain;
	struct crew__word32 stopped;
};

struct place_piece {
	struct crew_fork fork;
	struct places *places;
	char *items;
	size_t count;
	unsigned depth; /* divisions left */
};

/* In long divisions: at item i. */
static bool goes_on(struct places *places, size_t i)
{
	return crew__likely(i % LOOK) || !crew__look_stops(&places->stopped);
}

static bool is_stopped(const struct places *places)
{
	return crew__unlikely(crew__load32_relaxed(&places->stopped));
}

static bool places_less(const struct places *places, const char *a, const char *b)
{
	return places->compare(a, b, places->arg) < 0;
}

static inline void swap_bytes(char *a, char *b, size_t bytes)
{
	char spare[64];

	memcpy(spare, a, bytes);
	memcpy(a, b, bytes);
	memcpy(b, spare, bytes);
}

static void swap(const struct places *places, char *a, char *b)
{
	size_t left = places->bytes;

	if (a == b)
		return;
	if (left == 4) {
		swap_bytes(a, b, 4);
	} else if (left == 8) {
		swap_bytes(a, b, 8);
	} else {
		for (; left > 64; left -= 64, a += 64, b += 64)
			swap_bytes(a, b, 64);
		swap_bytes(a, b, left);
	}
}

static void insert_all(const struct places *places, char *items, size_t count)
{
	for (size_t i = 1; i < count; i++)
		for (char *at = items + i * places->bytes;
		     at > items && places_less(places, at, at - places->bytes); at -= places->bytes)
			swap(places, at, at - places->bytes);
}

static void sink(const struct places *places, char *items, size_t at, size_t count)
{
	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && places_less(places, items + child * places->bytes,
						     items + (child + 1) * places->bytes))
			child++;
		if (!places_less(places, items + at * places->bytes, items + child * places->bytes))
			return;
		swap(places, items + at * places->bytes, items + child * places->bytes);
	}
}

static void heap_sort(struct places *places, char *items, size_t count)
{
	for (size_t at = count / 2; at-- > 0 && goes_on(places, at);)
		sink(places, items, at, count);
	while (count-- > 1 && goes_on(places, count)) {
		swap(places, items, items + count * places->bytes);
		sink(places, items, 0, count);
	}
}

/* The middle one of three is first. */
static void median_first(const struct places *places, char *a, char *b, char *c)
{
	if (places_less(places, b, a))
		swap(places, a, b);
	if (places_less(places, c, b))
		swap(places, b, c);
	if (places_less(places, b, a))
		swap(places, a, b);
	swap(places, a, b);
}

/* Divides by the first item, which goes to the index returned: none left of it is greater,
 * none right of it is less. Equal ones go to both sides, or many of them would never halve.
 * What it has done when it is stopped is of no use. */
static size_t divide(struct places *places, char *items, size_t count)
{
	size_t bytes = places->bytes;
	size_t left = 0;
	size_t right = count;

	median_first(places, items, items + count / 2 * bytes, items + (count - 1) * bytes);
	for (;;) {
		do
			left++;
		while (left < right && goes_on(places, left) &&
		       places_less(places, items + left * bytes, items));
		do
			right--;
		while (right > 0 && goes_on(places, right) &&
		       places_less(places, items, items + right * bytes));
		if (left >= right || is_stopped(places))
			break;
		swap(places, items + left * bytes, items + right * bytes);
	}
	swap(places, items, items + right * bytes);
	return right;
}

static void place_all(struct places *places, char *items, size_t count, unsigned depth);

static int run_places(void *opaque)
{
	struct place_piece *piece = opaque;

	place_all(piece->places, piece->items, piece->count, piece->depth);
	return 0;
}

static void place_all(struct places *places, char *items, size_t count, unsigned depth)
{
	struct place_piece right = { .places = places };
	bool forks = count > places->grain;

	while (count > BASE) {
		size_t middle;

		if (forks && crew__look_stops(&places->stopped))
			return;
		if (depth-- == 0) {
			heap_sort(places, items, count);
			return;
		}
		middle = divide(places, items, count);
		if (is_stopped(places))
			return;
		right.items = items + (middle + 1) * places->bytes;
		right.count = count - middle - 1;
		right.depth = depth;
		forks = right.count > places->grain;
		if (forks)
			crew_fork_inline_put_(&right.fork, &places->kind);
		place_all(places, items, middle, depth);
		if (forks && !crew_fork_inline_take_(&right.fork))
			return;
		items = right.items;
		count = right.count;
	}
	insert_all(places, items, count);
}

struct place_call {
	struct places places;
	char *items;
	size_t count;
};

static int place_task(void *opaque)
{
	struct place_call *call = opaque;
	unsigned depth = 0;
	int rc = crew_check();

	if (rc)
		return rc;
	for (size_t n = call->count; n > 0; n /= 2)
		depth += 2;
	place_all(&call->places, call->items, call->count, depth);
	return (int)crew__load32_acquire(&call->places.stopped);
}

int crew_sort(void *items, size_t count, size_t item_bytes, crew_compare_fn *compare, void *arg,
	      const struct crew_parallel_options *options)
{
	struct crew_parallel_options room;
	const struct crew_parallel_options *whole = crew__whole(options, &room);
	struct place_call call = {
		.places = { .bytes = item_bytes,
			    .compare = compare,
			    .arg = arg,
			    .kind = { run_places, whole && whole->name ? whole->name : "sort" },
			    .grain = whole && whole->grain ? whole->grain : GRAIN },
		.items = items,
		.count = count
	};

	if (!compare || !item_bytes)
		return CREW_EINVAL;
	return crew__parallel_enter(options, place_task, &call);
}
