/* SPDX-License-Identifier: MIT */
/*
 * scan.c - running sums: the sum of each piece (array.h), the sum in front of each, then
 * each piece on its own from there.
 */
#include "parallel/array.h"

#include "base/alloc.h"

#include <string.h>

struct scan {
	struct crew__pieces pieces;
	struct crew__fold fold; /* of one item */
	const char *from;
	char *to;
	crew_join_fn *join;
	void *arg;
	bool exclusive;
	char *sums; /* two items for each piece: its sum; then the sum in front, and another
		     * place for it */
};

static struct scan *scan_of(struct crew__loop *loop)
{
	return crew__container(loop, struct scan, pieces.loop);
}

static char *sum_of(const struct scan *scan, size_t piece, int which)
{
	return scan->sums + (2 * piece + (size_t)which) * scan->fold.bytes;
}

static int sum_leaf(struct crew__loop *loop, const struct crew_block *leaf, void *into)
{
	const struct scan *scan = scan_of(loop);
	int rc = 0;

	(void)into;
	for (size_t piece = leaf->begin[0]; piece < leaf->end[0]; piece++) {
		char *sum = sum_of(scan, piece, 0);

		crew__fold_begin(&scan->fold, sum);
		for (size_t i = crew__piece_begin(&scan->pieces, piece);
		     i < crew__piece_end(&scan->pieces, piece) && rc == 0; i++) {
			scan->join(sum, scan->from + i * scan->fold.bytes, scan->arg);
			rc = crew__piece_look(i);
		}
	}
	return rc;
}

static int put_leaf(struct crew__loop *loop, const struct crew_block *leaf, void *into)
{
	const struct scan *scan = scan_of(loop);
	size_t bytes = scan->fold.bytes;
	int rc = 0;

	(void)into;
	for (size_t piece = leaf->begin[0]; piece < leaf->end[0]; piece++) {
		char *sum = sum_of(scan, piece, 0);
		char *next = sum_of(scan, piece, 1);

		for (size_t i = crew__piece_begin(&scan->pieces, piece);
		     i < crew__piece_end(&scan->pieces, piece) && rc == 0; i++) {
			char *swap = sum;

			/* `to` may be `from`: the item is read before */
			memcpy(next, sum, bytes);
			scan->join(next, scan->from + i * bytes, scan->arg);
			memcpy(scan->to + i * bytes, scan->exclusive ? sum : next, bytes);
			sum = next;
			next = swap;
			rc = crew__piece_look(i);
		}
	}
	return rc;
}

/* From sums of pieces to sums in front of them. */
static void add_up(const struct scan *scan)
{
	char *before = sum_of(scan, scan->pieces.count, 0);

	crew__fold_begin(&scan->fold, before);
	for (size_t piece = 0; piece < scan->pieces.count; piece++) {
		char *sum = sum_of(scan, piece, 0);
		char *next = sum_of(scan, piece, 1);

		memcpy(next, before, scan->fold.bytes);
		scan->join(next, sum, scan->arg);
		memcpy(sum, before, scan->fold.bytes);
		memcpy(before, next, scan->fold.bytes);
	}
}

static int scan_task(void *opaque)
{
	struct scan *scan = opaque;
	int rc = crew__pieces_run(&scan->pieces, sum_leaf);

	if (rc)
		return rc;
	add_up(scan);
	return crew__pieces_run(&scan->pieces, put_leaf);
}

static int scan_all(const void *from, void *to, size_t count, size_t item_bytes,
		    const void *identity, crew_join_fn *join, void *arg,
		    const struct crew_parallel_options *options, bool exclusive)
{
	struct scan scan = { .fold = { .bytes = item_bytes, .identity = identity },
			     .from = from,
			     .to = to,
			     .join = join,
			     .arg = arg,
			     .exclusive = exclusive };
	size_t bytes;
	int rc;

	if (!join || !item_bytes ||
	    __builtin_mul_overflow(item_bytes, (size_t)2 * (CREW__PIECES + 1), &bytes))
		return CREW_EINVAL;
	crew__pieces_init(&scan.pieces, count, options);
	scan.sums = crew__alloc(2 * (scan.pieces.count + 1) * item_bytes);
	if (!scan.sums)
		return CREW_ENOMEM;
	rc = crew__parallel_enter(options, scan_task, &scan);
	crew__free(scan.sums);
	return rc;
}

int crew_scan_inclusive(const void *from, void *to, size_t count, size_t item_bytes,
			const void *identity, crew_join_fn *join, void *arg,
			const struct crew_parallel_options *options)
{
	return scan_all(from, to, count, item_bytes, identity, join, arg, options, false);
}

int crew_scan_exclusive(const void *from, void *to, size_t count, size_t item_bytes,
			const void *identity, crew_join_fn *join, void *arg,
			const struct crew_parallel_options *options)
{
	return scan_all(from, to, count, item_bytes, identity, join, arg, options, true);
}
