/* SPDX-License-Identifier: MIT */
/* heat.c - heat spreads over a plate: 5 points of a grid, 40 steps, a loop over rows in each. */
#include "par.h"

enum {
	SIDE = 1024,
	STEPS = 40,
	GRAIN = 32
};

typedef double row[SIDE];

static row *plates[2];

struct step {
	const row *from;
	row *to;
};

static void rows(void *arg, long from, long to)
{
	const struct step *step = arg;

	for (long y = from + 1; y <= to; y++)
		for (long x = 1; x < SIDE - 1; x++)
			step->to[y][x] = step->from[y][x] +
					 0.2 * (step->from[y - 1][x] + step->from[y + 1][x] +
						step->from[y][x - 1] + step->from[y][x + 1] -
						4 * step->from[y][x]);
}

static bool prepare(void)
{
	if (!plates[0]) {
		plates[0] = par_memory(sizeof(row) * SIDE);
		plates[1] = par_memory(sizeof(row) * SIDE);
	}
	return true;
}

/* Uneven everywhere, so that no turn can be left out. The edges stay as they are. */
static void reset(void)
{
	for (int plate = 0; plate < 2; plate++)
		for (int y = 0; y < SIDE; y++)
			for (int x = 0; x < SIDE; x++)
				plates[plate][y][x] = (double)((x * 7 + y * 13) % 100);
}

static void serial(void)
{
	for (int i = 0; i < STEPS; i++) {
		struct step step = { (const row *)plates[i % 2], plates[(i + 1) % 2] };

		rows(&step, 0, SIDE - 2);
	}
}

static void parallel(void)
{
	for (int i = 0; i < STEPS; i++) {
		struct step step = { (const row *)plates[i % 2], plates[(i + 1) % 2] };

		par_for(SIDE - 2, GRAIN, rows, &step);
	}
}

static uint64_t answer(void)
{
	return par_digest(plates[STEPS % 2], sizeof(row) * SIDE);
}

const struct par_kernel par_heat = { "heat", prepare, reset, serial, parallel, answer };
