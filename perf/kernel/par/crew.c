/* SPDX-License-Identifier: MIT */
/* crew.c - crew's side of par.h: a fork for a half and for a child, crew_for() for loops. */
#include "../../inside.h"
#include "par.h"

#include <crew/fork.h>
#include <crew/parallel_for.h>
#include <crew/parallel_sort.h>

const char par_peer[] = "crew";

static void half(par_fn *fn, void *arg);
CREW_FORK2_VOID(half, par_fn *, void *)

static void half(par_fn *fn, void *arg)
{
	fn(arg);
}

void par_two(par_fn *fn, void *a, void *b)
{
	struct half_forked other;

	half_fork(&other, fn, b);
	fn(a);
	half_join(&other);
}

struct pieces {
	par_range_fn *fn;
	void *arg;
};

/* A tree: by halves down to one, without asking the clock. */
static void divide(const struct pieces *pieces, long from, long to);
CREW_FORK3_VOID(divide, const struct pieces *, long, long)

static void divide(const struct pieces *pieces, long from, long to)
{
	struct divide_forked right;
	long middle = from + (to - from) / 2;

	if (to - from <= 1) {
		pieces->fn(pieces->arg, from, to);
		return;
	}
	divide_fork(&right, pieces, middle, to);
	divide(pieces, from, middle);
	divide_join(&right);
}

void par_children(long count, par_range_fn *fn, void *arg)
{
	struct pieces pieces = { fn, arg };

	if (count > 0)
		divide(&pieces, 0, count);
}

static int piece(size_t begin, size_t end, void *arg)
{
	const struct pieces *pieces = arg;

	pieces->fn(pieces->arg, (long)begin, (long)end);
	return 0;
}

void par_for(long count, long grain, par_range_fn *fn, void *arg)
{
	struct pieces pieces = { fn, arg };
	int rc = 0;

	(void)grain; /* crew_for() finds out */
	if (count > 0)
		rc = crew_for(0, (size_t)count, piece, &pieces, NULL);
	if (rc)
		fprintf(stderr, "crew: loop: %s\n", crew_strerror(rc));
}

CREW_SORT(sort_numbers, uint32_t, CREW_LESS)

void par_library_sort(uint32_t *numbers, long count)
{
	int rc = sort_numbers(numbers, (size_t)count, NULL);

	if (rc)
		fprintf(stderr, "crew: sort: %s\n", crew_strerror(rc));
}

static par_loop_fn *run_loop;
static long run_param;

static crew_time run(uint64_t n)
{
	return run_loop(n, run_param);
}

int64_t par_run(long workers, par_loop_fn *loop, uint64_t n, long param)
{
	run_loop = loop;
	run_param = param;
	/* uts_deep is a thousand calls deep; the others have the 8 MiB of a thread. */
	inside_stack_bytes = 8 << 20;
	return inside(workers, run, n);
}
