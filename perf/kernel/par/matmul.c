/* SPDX-License-Identifier: MIT */
/*
 * matmul.c - the product of two matrices, twice: `matmul` by blocks of rows, a loop;
 * `strassen` by seven products of half the size, as tasks. The elements are small
 * whole numbers, so the sums are exact in any order, and both have one answer.
 */
#include "par.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SIDE = 768,
	STRASSEN = 512,
	LEAF = 128,
	GRAIN = 16
};

/* A square inside of a matrix whose rows are `pitch` apart. */
struct square {
	double *at;
	long pitch;
};

static double *left, *right, *product;

/* out = a * b, or with `add` out += a * b; `rows` rows of `side`. */
static void multiply(struct square out, struct square a, struct square b, long rows, long side)
{
	for (long i = 0; i < rows; i++) {
		double *to = out.at + i * out.pitch;

		memset(to, 0, (size_t)side * sizeof(*to));
		for (long k = 0; k < side; k++) {
			double factor = a.at[i * a.pitch + k];
			const double *from = b.at + k * b.pitch;

			for (long j = 0; j < side; j++)
				to[j] += factor * from[j];
		}
	}
}

static struct square square(double *at, long side)
{
	return (struct square){ at, side };
}

static bool prepare(void)
{
	if (left)
		return true;
	left = par_memory(sizeof(double) * SIDE * SIDE);
	right = par_memory(sizeof(double) * SIDE * SIDE);
	product = par_memory(sizeof(double) * SIDE * SIDE);
	for (long i = 0; i < SIDE * SIDE; i++) {
		left[i] = (double)(par_mix((uint64_t)i) % 100);
		right[i] = (double)(par_mix(~(uint64_t)i) % 100);
	}
	return true;
}

static void forget(void)
{
	memset(product, 0xff, sizeof(double) * SIDE * SIDE);
}

/* ---- by rows --------------------------------------------------------------- */

static void rows(void *arg, long from, long to)
{
	(void)arg;
	multiply(square(product + from * SIDE, SIDE), square(left + from * SIDE, SIDE),
		 square(right, SIDE), to - from, SIDE);
}

static void serial(void)
{
	rows(NULL, 0, SIDE);
}

static void parallel(void)
{
	par_for(SIDE, GRAIN, rows, NULL);
}

static uint64_t answer(void)
{
	return par_digest(product, sizeof(double) * SIDE * SIDE);
}

const struct par_kernel par_matmul = { "matmul", prepare, forget, serial, parallel, answer };

/* ---- Strassen -------------------------------------------------------------- */

struct work {
	struct square out, a, b;
	long side;
	bool serial;
};

static struct square quarter(struct square whole, long side, int row, int column)
{
	return square(whole.at + row * (side / 2) * whole.pitch + column * (side / 2), whole.pitch);
}

/* A new square: x + sign * y. */
static struct square sum(struct square x, struct square y, double sign, long side)
{
	struct square out = square(par_memory(sizeof(double) * (size_t)(side * side)), side);

	for (long i = 0; i < side; i++)
		for (long j = 0; j < side; j++)
			out.at[i * side + j] = x.at[i * x.pitch + j] + sign * y.at[i * y.pitch + j];
	return out;
}

static void strassen(const struct work *work);

static void products(void *arg, long from, long to)
{
	struct work *works = arg;

	for (long i = from; i < to; i++)
		strassen(&works[i]);
}

/* `at` of the product's quarter: the sum of up to four of the seven. */
static void collect(const struct work *work, int row, int column, const struct work *m,
		    const int signs[7])
{
	struct square out = quarter(work->out, work->side, row, column);
	long half = work->side / 2;

	for (long i = 0; i < half; i++)
		for (long j = 0; j < half; j++) {
			double value = 0;

			for (int k = 0; k < 7; k++)
				if (signs[k])
					value += signs[k] * m[k].out.at[i * half + j];
			out.at[i * out.pitch + j] = value;
		}
}

static void strassen(const struct work *work)
{
	static const int signs[4][7] = { { 1, 0, 0, 1, -1, 0, 1 },
					 { 0, 0, 1, 0, 1, 0, 0 },
					 { 0, 1, 0, 1, 0, 0, 0 },
					 { 1, -1, 1, 0, 0, 1, 0 } };
	long side = work->side, half = side / 2;
	struct square a[2][2], b[2][2], sums[10];
	struct work m[7];

	if (side <= LEAF) {
		multiply(work->out, work->a, work->b, side, side);
		return;
	}
	for (int i = 0; i < 2; i++)
		for (int j = 0; j < 2; j++) {
			a[i][j] = quarter(work->a, side, i, j);
			b[i][j] = quarter(work->b, side, i, j);
		}
	sums[0] = sum(a[0][0], a[1][1], 1, half);
	sums[1] = sum(b[0][0], b[1][1], 1, half);
	sums[2] = sum(a[1][0], a[1][1], 1, half);
	sums[3] = sum(b[0][1], b[1][1], -1, half);
	sums[4] = sum(b[1][0], b[0][0], -1, half);
	sums[5] = sum(a[0][0], a[0][1], 1, half);
	sums[6] = sum(a[1][0], a[0][0], -1, half);
	sums[7] = sum(b[0][0], b[0][1], 1, half);
	sums[8] = sum(a[0][1], a[1][1], -1, half);
	sums[9] = sum(b[1][0], b[1][1], 1, half);
	m[0] = (struct work){ .a = sums[0], .b = sums[1] };
	m[1] = (struct work){ .a = sums[2], .b = b[0][0] };
	m[2] = (struct work){ .a = a[0][0], .b = sums[3] };
	m[3] = (struct work){ .a = a[1][1], .b = sums[4] };
	m[4] = (struct work){ .a = sums[5], .b = b[1][1] };
	m[5] = (struct work){ .a = sums[6], .b = sums[7] };
	m[6] = (struct work){ .a = sums[8], .b = sums[9] };
	for (int k = 0; k < 7; k++) {
		m[k].out = square(par_memory(sizeof(double) * (size_t)(half * half)), half);
		m[k].side = half;
		m[k].serial = work->serial;
	}
	if (work->serial)
		products(m, 0, 7);
	else
		par_for(7, 1, products, m);
	for (int i = 0; i < 4; i++)
		collect(work, i / 2, i % 2, m, signs[i]);
	for (int k = 0; k < 7; k++)
		free(m[k].out.at);
	for (int k = 0; k < 10; k++)
		free(sums[k].at);
}

static void strassen_run(bool serial)
{
	struct work work = { square(product, STRASSEN), square(left, STRASSEN),
			     square(right, STRASSEN), STRASSEN, serial };

	strassen(&work);
}

static void strassen_serial(void)
{
	strassen_run(true);
}

static void strassen_parallel(void)
{
	strassen_run(false);
}

static uint64_t strassen_answer(void)
{
	return par_digest(product, sizeof(double) * STRASSEN * STRASSEN);
}

/* Is it the product? */
static bool strassen_prepare(void)
{
	uint64_t plain;

	prepare();
	multiply(square(product, STRASSEN), square(left, STRASSEN), square(right, STRASSEN),
		 STRASSEN, STRASSEN);
	plain = strassen_answer();
	forget();
	strassen_serial();
	if (strassen_answer() != plain)
		fprintf(stderr, "strassen: not the product\n");
	return strassen_answer() == plain;
}

const struct par_kernel par_strassen = { "strassen",	  strassen_prepare,  forget,
					 strassen_serial, strassen_parallel, strassen_answer };
