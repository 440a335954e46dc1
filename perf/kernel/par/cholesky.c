/* SPDX-License-Identifier: MIT */
/*
 * cholesky.c - L of A = L * transposed(L), by tiles: in each step a tile on the
 * diagonal, then the tiles below it, then all tiles to the right of these.
 */
#include "par.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
	TILE = 64,
	TILES = 16,
	SIDE = TILE * TILES
};

typedef double tile[TILE][TILE];

static tile (*matrix)[TILES]; /* [row][column]; only the lower half counts */

static double element(int row, int column)
{
	int distance = row > column ? row - column : column - row;

	return row == column ? SIDE : 1.0 / (1 + distance);
}

static void factor(tile at)
{
	for (int j = 0; j < TILE; j++) {
		for (int k = 0; k < j; k++)
			at[j][j] -= at[j][k] * at[j][k];
		at[j][j] = sqrt(at[j][j]);
		for (int i = j + 1; i < TILE; i++) {
			for (int k = 0; k < j; k++)
				at[i][j] -= at[i][k] * at[j][k];
			at[i][j] /= at[j][j];
		}
	}
}

/* Solves X * transposed(diagonal) = at, in place. */
static void solve(tile at, tile diagonal)
{
	for (int i = 0; i < TILE; i++)
		for (int j = 0; j < TILE; j++) {
			double sum = at[i][j];

			for (int k = 0; k < j; k++)
				sum -= at[i][k] * diagonal[j][k];
			at[i][j] = sum / diagonal[j][j];
		}
}

/* at -= left * transposed(right) */
static void update(tile at, tile left, tile right)
{
	tile turned;

	for (int i = 0; i < TILE; i++)
		for (int k = 0; k < TILE; k++)
			turned[k][i] = right[i][k];
	for (int i = 0; i < TILE; i++)
		for (int k = 0; k < TILE; k++)
			for (int j = 0; j < TILE; j++)
				at[i][j] -= left[i][k] * turned[k][j];
}

static void solve_rows(void *arg, long from, long to)
{
	int k = *(int *)arg;

	for (long i = from + k + 1; i < to + k + 1; i++)
		solve(matrix[i][k], matrix[k][k]);
}

/* The tiles right of column k, counted along the rows of the triangle. */
static void update_tiles(void *arg, long from, long to)
{
	int k = *(int *)arg;

	for (long at = from; at < to; at++) {
		long row = 0, before = 0;

		while (before + row + 1 <= at)
			before += ++row;
		update(matrix[k + 1 + row][k + 1 + at - before], matrix[k + 1 + row][k],
		       matrix[k + 1 + at - before][k]);
	}
}

static void reset(void)
{
	for (int i = 0; i < SIDE; i++)
		for (int j = 0; j < SIDE; j++)
			matrix[i / TILE][j / TILE][i % TILE][j % TILE] = element(i, j);
}

static void serial(void)
{
	for (int k = 0; k < TILES; k++) {
		int left = TILES - k - 1;

		factor(matrix[k][k]);
		solve_rows(&k, 0, left);
		update_tiles(&k, 0, left * (left + 1) / 2);
	}
}

static void parallel(void)
{
	for (int k = 0; k < TILES; k++) {
		int left = TILES - k - 1;

		factor(matrix[k][k]);
		par_for(left, 1, solve_rows, &k);
		par_for(left * (left + 1) / 2, 1, update_tiles, &k);
	}
}

/* Is it L? Some elements of L * transposed(L) against those of A. */
static bool prepare(void)
{
	if (matrix)
		return true;
	matrix = par_memory(sizeof(tile) * TILES * TILES);
	reset();
	serial();
	for (int row = 0; row < SIDE; row += 97)
		for (int column = 0; column <= row; column += 89) {
			double sum = 0;

			for (int k = 0; k <= column; k++)
				sum += matrix[row / TILE][k / TILE][row % TILE][k % TILE] *
				       matrix[column / TILE][k / TILE][column % TILE][k % TILE];
			if (fabs(sum - element(row, column)) > 1e-9 * SIDE) {
				fprintf(stderr, "cholesky: %g at %d, %d\n", sum, row, column);
				return false;
			}
		}
	return true;
}

static uint64_t answer(void)
{
	uint64_t digest = 0;

	for (int i = 0; i < TILES; i++)
		for (int j = 0; j <= i; j++)
			digest = par_mix(digest ^ par_digest(matrix[i][j], sizeof(tile)));
	return digest;
}

const struct par_kernel par_cholesky = { "cholesky", prepare, reset, serial, parallel, answer };
