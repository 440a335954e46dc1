/* SPDX-License-Identifier: MIT */
/*
 * array.h - an array in some hundred pieces, for what takes two passes: the first one
 * finds out about each piece, then it is known what the second does with it.
 *
 * The pieces are a loop of their own (split.h), of few turns; that they are many items
 * says `weight`, so a short array is done alone all the same.
 */
#ifndef CREW__ARRAY_H
#define CREW__ARRAY_H

#include "crew/parallel_array.h"
#include "parallel/split.h"

#define CREW__PIECES 256 /* what is kept of each makes a frame of less than a page */

struct crew__pieces {
	struct crew__loop loop;
	size_t items;
	size_t size; /* of a piece; the last may be shorter */
	size_t count;
};

void crew__pieces_init(struct crew__pieces *pieces, size_t items,
		       const struct crew_parallel_options *options);

/* pre: a task. A pass: runs leaf for [begin, end) of the pieces. */
int crew__pieces_run(struct crew__pieces *pieces, crew__loop_fn *leaf);

static inline size_t crew__piece_begin(const struct crew__pieces *pieces, size_t piece)
{
	return piece * pieces->size;
}

static inline size_t crew__piece_end(const struct crew__pieces *pieces, size_t piece)
{
	return pieces->items - piece * pieces->size < pieces->size ? pieces->items :
								     (piece + 1) * pieces->size;
}

/* Pieces may be large: behind item i. 0, or a reason to stop. */
static inline int crew__piece_look(size_t i)
{
	return crew__likely(i % 64) ? 0 : crew__loop_look();
}

#endif /* CREW__ARRAY_H */
