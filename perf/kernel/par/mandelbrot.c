/* SPDX-License-Identifier: MIT */
/* mandelbrot.c - a picture whose rows cost from next to nothing to a lot: a loop over rows. */
#include "par.h"

enum {
	SIDE = 384,
	TURNS_MAX = 1000
};

static uint16_t (*picture)[SIDE];

static void rows(void *arg, long from, long to)
{
	(void)arg;
	for (long y = from; y < to; y++)
		for (long x = 0; x < SIDE; x++) {
			double cr = 3.0 * (double)x / SIDE - 2.2, ci = 3.0 * (double)y / SIDE - 1.5;
			double re = 0, im = 0;
			uint16_t turns = 0;

			while (turns < TURNS_MAX && re * re + im * im < 4) {
				double next = re * re - im * im + cr;

				im = 2 * re * im + ci;
				re = next;
				turns++;
			}
			picture[y][x] = turns;
		}
}

static bool prepare(void)
{
	if (!picture)
		picture = par_memory(sizeof(*picture) * SIDE);
	return true;
}

static void reset(void)
{
	for (int y = 0; y < SIDE; y++)
		for (int x = 0; x < SIDE; x++)
			picture[y][x] = 0;
}

static void serial(void)
{
	rows(NULL, 0, SIDE);
}

static void parallel(void)
{
	par_for(SIDE, 1, rows, NULL);
}

static uint64_t answer(void)
{
	return par_digest(picture, sizeof(*picture) * SIDE);
}

const struct par_kernel par_mandelbrot = { "mandelbrot", prepare, reset, serial, parallel, answer };
