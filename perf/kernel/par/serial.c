/* SPDX-License-Identifier: MIT */
/* serial.c - nobody's side of par.h: the serial versions are measured with it. */
#include "par.h"

const char par_peer[] = "serial";

void par_two(par_fn *fn, void *a, void *b)
{
	fn(a);
	fn(b);
}

void par_for(long count, long grain, par_range_fn *fn, void *arg)
{
	for (long from = 0; from < count; from += grain)
		fn(arg, from, count - from < grain ? count : from + grain);
}

int64_t par_run(long workers, par_loop_fn *loop, uint64_t n, long param)
{
	(void)workers;
	return loop(n, param);
}
