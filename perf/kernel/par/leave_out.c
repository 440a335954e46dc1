/* SPDX-License-Identifier: MIT */
/*
 * leave_out.c - a side of par.h that is wrong on purpose: the problems have to notice
 * whatever is left out. perf/check runs it.
 */
#include "par.h"

#include <stdio.h>

const char par_peer[] = "leave_out";

enum {
	NOTHING,
	FIRST_OF_TWO,
	SECOND_OF_TWO,
	FIRST_PIECE,
	LAST_PIECE,
	LAST_TURN,
	WAYS,
};

static const char *const ways[WAYS] = {
	"nothing",	   "the first of two", "the second of two",
	"the first piece", "the last piece",   "the last turn",
};

static int way;
static bool left_out;

static bool leave_out(bool it)
{
	left_out |= it;
	return it;
}

void par_two(par_fn *fn, void *a, void *b)
{
	if (!leave_out(way == FIRST_OF_TWO))
		fn(a);
	if (!leave_out(way == SECOND_OF_TWO))
		fn(b);
}

void par_for(long count, long grain, par_range_fn *fn, void *arg)
{
	for (long from = 0; from < count; from += grain) {
		bool last = count - from <= grain;
		long to = last ? count : from + grain;

		if (leave_out((way == FIRST_PIECE && from == 0) || (way == LAST_PIECE && last)))
			continue;
		to -= leave_out(way == LAST_TURN && last);
		if (from < to)
			fn(arg, from, to);
	}
}

int64_t par_run(long workers, par_loop_fn *loop, uint64_t n, long param)
{
	int64_t took = 0;

	(void)workers;
	for (way = NOTHING; way < WAYS; way++) {
		int64_t result;

		left_out = false;
		result = loop(n, param);
		if (way == NOTHING)
			took = result;
		else if (left_out && result >= 0) {
			fprintf(stderr, "nobody noticed that %s was left out\n", ways[way]);
			return -1;
		}
	}
	return took;
}
