/* SPDX-License-Identifier: MIT */
/*
 * par_omp.c - OpenMP's side of kernel/par/par.h, built twice (PEER): a task and a
 * taskwait, and a taskloop of pieces, by one thread of a team.
 */
#include "../kernel/par/par.h"

#include <omp.h>

const char par_peer[] = PEER;

void par_two(par_fn *fn, void *a, void *b)
{
#pragma omp task firstprivate(fn, b)
	fn(b);
	fn(a);
#pragma omp taskwait
}

void par_for(long count, long grain, par_range_fn *fn, void *arg)
{
	unsigned long pieces = (unsigned long)((count + grain - 1) / grain);

#pragma omp taskloop grainsize(1) firstprivate(count, grain, fn, arg)
	for (unsigned long i = 0; i < pieces; i++) {
		long from = (long)i * grain;

		fn(arg, from, count - from < grain ? count : from + grain);
	}
}

int64_t par_run(long workers, par_loop_fn *loop, uint64_t n, long param)
{
	int64_t took = -1;

	omp_set_dynamic(0);
#pragma omp parallel num_threads((int)workers)
#pragma omp single
	took = loop(n, param);
	return took;
}
