/* SPDX-License-Identifier: MIT */
/*
 * loops.c - three loops: `saxpy` is bound by memory, `reduce` adds up whole numbers,
 * and in `irregular` a few turns cost hundred times as much as the others.
 */
#include "par.h"

#include <string.h>

enum {
	COUNT = 1 << 24,
	IRREGULAR = 1 << 20,
	GRAIN = 1 << 16,
	IRREGULAR_GRAIN = 256
};

static float *x, *y, *z;
static uint64_t total;

static bool prepare(void)
{
	if (x)
		return true;
	x = par_memory(sizeof(*x) * COUNT);
	y = par_memory(sizeof(*y) * COUNT);
	z = par_memory(sizeof(*z) * COUNT);
	for (long i = 0; i < COUNT; i++) {
		x[i] = (float)(i % 1000);
		y[i] = (float)(i % 777);
		z[i] = 1;
	}
	return true;
}

static void forget(void)
{
	memset(z, 0, sizeof(*z) * COUNT);
	total = 0;
}

/* ---- saxpy ----------------------------------------------------------------- */

static void saxpy(void *arg, long from, long to)
{
	float factor = *(float *)arg;

	for (long i = from; i < to; i++)
		z[i] = factor * x[i] + y[i];
}

static void saxpy_serial(void)
{
	float factor = 3;

	saxpy(&factor, 0, COUNT);
}

static void saxpy_parallel(void)
{
	float factor = 3;

	par_for(COUNT, GRAIN, saxpy, &factor);
}

static uint64_t saxpy_answer(void)
{
	return par_digest(z, sizeof(*z) * COUNT);
}

const struct par_kernel par_saxpy = { "saxpy",	    prepare,	    forget,
				      saxpy_serial, saxpy_parallel, saxpy_answer };

/* ---- reduce ---------------------------------------------------------------- */

static void add_up(void *arg, long from, long to)
{
	uint64_t sum = 0;

	(void)arg;
	for (long i = from; i < to; i++)
		sum += (uint64_t)(int32_t)x[i];
	__atomic_fetch_add(&total, sum, __ATOMIC_RELAXED);
}

static void reduce_serial(void)
{
	add_up(NULL, 0, COUNT);
}

static void reduce_parallel(void)
{
	par_for(COUNT, GRAIN, add_up, NULL);
}

static uint64_t total_answer(void)
{
	return total;
}

const struct par_kernel par_reduce = { "reduce",      prepare,	       forget,
				       reduce_serial, reduce_parallel, total_answer };

/* ---- irregular ------------------------------------------------------------- */

static void irregular(void *arg, long from, long to)
{
	uint64_t sum = 0;

	(void)arg;
	for (long i = from; i < to; i++) {
		uint64_t word = par_mix((uint64_t)i);
		int turns = word % 64 == 0 ? 400 : 4;

		while (turns-- > 0)
			word = par_mix(word);
		sum += word;
	}
	__atomic_fetch_add(&total, sum, __ATOMIC_RELAXED);
}

static void irregular_serial(void)
{
	irregular(NULL, 0, IRREGULAR);
}

static void irregular_parallel(void)
{
	par_for(IRREGULAR, IRREGULAR_GRAIN, irregular, NULL);
}

static bool irregular_prepare(void)
{
	return true;
}

static void irregular_reset(void)
{
	total = 0;
}

const struct par_kernel par_irregular = { "irregular",	    irregular_prepare,	irregular_reset,
					  irregular_serial, irregular_parallel, total_answer };
