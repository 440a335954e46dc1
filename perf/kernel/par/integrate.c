/* SPDX-License-Identifier: MIT */
/*
 * integrate.c - the area under (x * x + 1) * x by trapezoids that are halved until it
 * does not matter: hundred thousands of calls of a few nanoseconds, a task for half of them.
 */
#include "par.h"

#include <math.h>
#include <string.h>

struct piece {
	double x1, y1, x2, y2, area; /* area: an estimate, then the result */
};

static double result;

static double height(double x)
{
	return (x * x + 1) * x;
}

/* True: good enough. Otherwise two halves are left. */
static bool refine(const struct piece *piece, double *area, struct piece halves[2])
{
	double width = (piece->x2 - piece->x1) / 2, x = piece->x1 + width, y = height(x);
	double left = (piece->y1 + y) / 2 * width, right = (y + piece->y2) / 2 * width;

	*area = left + right;
	if (fabs(*area - piece->area) < 1e-3)
		return true;
	halves[0] = (struct piece){ piece->x1, piece->y1, x, y, left };
	halves[1] = (struct piece){ x, y, piece->x2, piece->y2, right };
	return false;
}

static double integrate_serial(const struct piece *piece)
{
	struct piece halves[2];
	double area;

	if (refine(piece, &area, halves))
		return area;
	return integrate_serial(&halves[0]) + integrate_serial(&halves[1]);
}

static void integrate_parallel(void *arg)
{
	struct piece *piece = arg, halves[2];
	double area;

	if (!refine(piece, &area, halves)) {
		par_two(integrate_parallel, &halves[0], &halves[1]);
		area = halves[0].area + halves[1].area;
	}
	piece->area = area;
}

static struct piece whole(void)
{
	return (struct piece){ 0, 0, 10000, height(10000), 0 };
}

static bool prepare(void)
{
	return true;
}

static void serial(void)
{
	struct piece piece = whole();

	result = integrate_serial(&piece);
}

static void parallel(void)
{
	struct piece piece = whole();

	integrate_parallel(&piece);
	result = piece.area;
}

static uint64_t answer(void)
{
	return par_digest(&result, sizeof(result));
}

const struct par_kernel par_integrate = { "integrate", prepare, NULL, serial, parallel, answer };
