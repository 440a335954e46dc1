/* SPDX-License-Identifier: MIT */
/*
 * fft.c - Fourier transform of 2^18 points by halves: the even ones, the odd ones, then
 * a loop that combines them.
 */
#include "par.h"

#include <math.h>
#include <stdio.h>

enum {
	POINTS = 1 << 18,
	LEAF = 1 << 10,
	GRAIN = 1 << 13,
	TONE = 12345
};

struct point {
	double re, im;
};

static struct point *input, *output, *turns; /* turns: of the unit circle */

struct work {
	struct point *out;
	const struct point *in;
	long count, stride;
};

static void combine(void *arg, long from, long to)
{
	const struct work *work = arg;
	struct point *low = work->out, *high = work->out + work->count / 2;

	for (long i = from; i < to; i++) {
		struct point turn = turns[i * work->stride], other = high[i];
		double re = turn.re * other.re - turn.im * other.im;
		double im = turn.re * other.im + turn.im * other.re;

		high[i] = (struct point){ low[i].re - re, low[i].im - im };
		low[i] = (struct point){ low[i].re + re, low[i].im + im };
	}
}

static void halves(const struct work *work, struct work both[2])
{
	for (int i = 0; i < 2; i++)
		both[i] = (struct work){ work->out + i * work->count / 2,
					 work->in + i * work->stride, work->count / 2,
					 work->stride * 2 };
}

static void transform_serial(struct work *work)
{
	struct work both[2];

	if (work->count == 1) {
		work->out[0] = work->in[0];
		return;
	}
	halves(work, both);
	transform_serial(&both[0]);
	transform_serial(&both[1]);
	combine(work, 0, work->count / 2);
}

static void transform_parallel(void *arg)
{
	struct work *work = arg, both[2];

	if (work->count <= LEAF) {
		transform_serial(work);
		return;
	}
	halves(work, both);
	par_two(transform_parallel, &both[0], &both[1]);
	par_for(work->count / 2, GRAIN, combine, work);
}

static void serial(void)
{
	struct work work = { output, input, POINTS, 1 };

	transform_serial(&work);
}

static void parallel(void)
{
	struct work work = { output, input, POINTS, 1 };

	transform_parallel(&work);
}

/* A tone and a little noise; the tone must be what comes out. */
static bool prepare(void)
{
	double angle = 2 * acos(-1) / POINTS;

	if (input)
		return true;
	input = par_memory(sizeof(*input) * POINTS);
	output = par_memory(sizeof(*output) * POINTS);
	turns = par_memory(sizeof(*turns) * POINTS);
	for (long i = 0; i < POINTS; i++) {
		double noise = (double)(par_mix((uint64_t)i) % 1000) / 1e6;

		turns[i] = (struct point){ cos(angle * (double)i), -sin(angle * (double)i) };
		input[i] = (struct point){ cos(angle * TONE * (double)i) + noise, 0 };
	}
	serial();
	if (fabs(output[TONE].re / (POINTS / 2.0) - 1) > 1e-3 || fabs(output[TONE + 1].re) > 10) {
		fprintf(stderr, "fft: the tone is %g, beside it %g\n", output[TONE].re,
			output[TONE + 1].re);
		return false;
	}
	return true;
}

static uint64_t answer(void)
{
	return par_digest(output, sizeof(*output) * POINTS);
}

const struct par_kernel par_fft = { "fft", prepare, NULL, serial, parallel, answer };
