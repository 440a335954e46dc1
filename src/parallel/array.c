/* SPDX-License-Identifier: MIT */
/*
 * array.c - find, choose, divide in two. What goes where is known after a first pass that
 * counts, for each of some hundred pieces: array.h.
 */
#include "parallel/array.h"

#include <string.h>

/* ---- pieces of an array ---- */

int crew__pieces_run(struct crew__pieces *pieces, crew__loop_fn *leaf)
{
	struct crew_block whole = crew__range(0, pieces->count);

	pieces->loop.fn = leaf;
	return crew__loop_run(&pieces->loop, &whole, NULL);
}

void crew__pieces_init(struct crew__pieces *pieces, size_t items,
		       const struct crew_parallel_options *options)
{
	struct crew_parallel_options room;
	size_t grain;
	size_t least;

	options = crew__whole(options, &room);
	grain = options ? options->grain : 0;
	least = grain ? grain : 1;
	crew__loop_init(&pieces->loop, NULL, options);
	pieces->items = items;
	pieces->size = items ? (items - 1) / CREW__PIECES + 1 : 1;
	if (pieces->size < least)
		pieces->size = least;
	pieces->count = items ? (items - 1) / pieces->size + 1 : 0;
	pieces->loop.weight = items;
	pieces->loop.grain = grain ? 1 : 0;
}

/* ---- find ---- */

struct find {
	struct crew__loop loop;
	const char *items;
	size_t count;
	size_t item_bytes;
	crew_test_fn *test;
	void *arg;
	struct crew_word first; /* that passes, so far */
};

static bool find_skips(struct crew__loop *loop, const struct crew_block *block)
{
	const struct find *find = crew__container(loop, struct find, loop);

	return block->begin[0] > crew__load_relaxed(&find->first);
}

static int find_leaf(struct crew__loop *loop, const struct crew_block *leaf, void *into)
{
	struct find *find = crew__container(loop, struct find, loop);
	uint64_t first = crew__load_relaxed(&find->first);

	(void)into;
	for (size_t i = leaf->begin[0]; i < leaf->end[0] && i < first; i++) {
		if (!find->test(find->items + i * find->item_bytes, find->arg))
			continue;
		while (i < first && !crew__cas_acq_rel(&find->first, &first, i))
			;
		break;
	}
	return 0;
}

static int find_task(void *opaque)
{
	struct find *find = opaque;
	struct crew_block whole = crew__range(0, find->count);

	return crew__loop_run(&find->loop, &whole, NULL);
}

int crew_find_first(const void *items, size_t count, size_t item_bytes, crew_test_fn *test,
		    void *arg, size_t *index, const struct crew_parallel_options *options)
{
	struct find find = { .items = items,
			     .count = count,
			     .item_bytes = item_bytes,
			     .test = test,
			     .arg = arg,
			     .first = { count } };
	int rc;

	if (!test || !index)
		return CREW_EINVAL;
	crew__loop_init(&find.loop, find_leaf, options);
	find.loop.skips = find_skips;
	rc = crew__parallel_enter(options, find_task, &find);
	*index = crew__load_relaxed(&find.first);
	return rc;
}

/* ---- choose ---- */

struct chooser {
	struct crew__pieces pieces;
	const char *from;
	char *to;
	size_t item_bytes;
	crew_test_fn *test;
	void *arg;
	bool both;			 /* the others too */
	size_t total;			 /* of those that pass */
	size_t passed[CREW__PIECES + 1]; /* in the piece; then: in front of it */
};

static struct chooser *chooser_of(struct crew__loop *loop)
{
	return crew__container(loop, struct chooser, pieces.loop);
}

static int count_leaf(struct crew__loop *loop, const struct crew_block *leaf, void *into)
{
	struct chooser *chooser = chooser_of(loop);
	int rc = 0;

	(void)into;
	for (size_t piece = leaf->begin[0]; piece < leaf->end[0]; piece++) {
		size_t passed = 0;

		for (size_t i = crew__piece_begin(&chooser->pieces, piece);
		     i < crew__piece_end(&chooser->pieces, piece) && rc == 0; i++) {
			passed += chooser->test(chooser->from + i * chooser->item_bytes,
						chooser->arg);
			rc = crew__piece_look(i);
		}
		chooser->passed[piece] = passed;
	}
	return rc;
}

/* Where items of a piece go that pass, or do not, and how many may. Tests that change their
 * mind get no room for that. */
struct room {
	char *to;
	size_t left;
};

static void find_rooms(const struct chooser *chooser, size_t piece, struct room rooms[2])
{
	size_t begin = crew__piece_begin(&chooser->pieces, piece);
	size_t count = crew__piece_end(&chooser->pieces, piece) - begin;
	size_t passed = chooser->passed[piece + 1] - chooser->passed[piece];
	size_t others = chooser->total + begin - chooser->passed[piece];

	rooms[true].to = chooser->to + chooser->passed[piece] * chooser->item_bytes;
	rooms[true].left = passed;
	rooms[false].to = chooser->to + others * chooser->item_bytes;
	rooms[false].left = chooser->both ? count - passed : 0;
}

static int copy_leaf(struct crew__loop *loop, const struct crew_block *leaf, void *into)
{
	struct chooser *chooser = chooser_of(loop);
	int rc = 0;

	(void)into;
	for (size_t piece = leaf->begin[0]; piece < leaf->end[0]; piece++) {
		size_t end = crew__piece_end(&chooser->pieces, piece);
		struct room rooms[2];

		find_rooms(chooser, piece, rooms);
		for (size_t i = crew__piece_begin(&chooser->pieces, piece); i < end && rc == 0;
		     i++) {
			const char *item = chooser->from + i * chooser->item_bytes;
			struct room *room = &rooms[chooser->test(item, chooser->arg)];

			if (room->left) {
				memcpy(room->to, item, chooser->item_bytes);
				room->to += chooser->item_bytes;
				room->left--;
			}
			rc = crew__piece_look(i);
		}
	}
	return rc;
}

static int choose_task(void *opaque)
{
	struct chooser *chooser = opaque;
	int rc = crew__pieces_run(&chooser->pieces, count_leaf);

	if (rc)
		return rc;
	for (size_t piece = 0; piece < chooser->pieces.count; piece++) {
		size_t passed = chooser->passed[piece];

		chooser->passed[piece] = chooser->total;
		chooser->total += passed;
	}
	chooser->passed[chooser->pieces.count] = chooser->total;
	return crew__pieces_run(&chooser->pieces, copy_leaf);
}

/* `both`: what does not pass is kept as well, behind the rest. */
static int choose(const void *from, size_t count, size_t item_bytes, void *to, size_t *passed,
		  crew_test_fn *test, void *arg, const struct crew_parallel_options *options,
		  bool both)
{
	struct chooser chooser;
	int rc;

	if (!test || !passed)
		return CREW_EINVAL;
	chooser.from = from;
	chooser.to = to;
	chooser.item_bytes = item_bytes;
	chooser.test = test;
	chooser.arg = arg;
	chooser.both = both;
	chooser.total = 0;
	crew__pieces_init(&chooser.pieces, count, options);
	rc = crew__parallel_enter(options, choose_task, &chooser);
	*passed = chooser.total;
	return rc;
}

int crew_copy_if(const void *from, size_t count, size_t item_bytes, void *to, size_t *copied,
		 crew_test_fn *test, void *arg, const struct crew_parallel_options *options)
{
	return choose(from, count, item_bytes, to, copied, test, arg, options, false);
}

int crew_partition(const void *from, size_t count, size_t item_bytes, void *to, size_t *passed,
		   crew_test_fn *test, void *arg, const struct crew_parallel_options *options)
{
	return choose(from, count, item_bytes, to, passed, test, arg, options, true);
}
