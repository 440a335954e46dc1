/* SPDX-License-Identifier: MIT */
/*
 * graph.c - searches in a generated graph (R-MAT: a few vertices have many neighbours,
 * most have few): `bfs` finds each vertex's distance from the first, a loop over each
 * frontier; `triangles` counts them, a loop over vertices.
 */
#include "par.h"

#include <stdlib.h>
#include <string.h>

enum {
	BFS_SCALE = 18,
	TRIANGLE_SCALE = 15,
	DEGREE = 8, /* edges for each vertex; each counts for both of its ends */
	GRAIN = 64,
	FOUND_MAX = 256,
};

/* Neighbours of v: ends[first[v]] to ends[first[v + 1] - 1]. */
struct graph {
	long vertices;
	long *first;
	int *ends;
};

/* One end of edge i, the other from another seed: more often a low number. */
static void edge(int scale, uint64_t i, int ends[2])
{
	ends[0] = ends[1] = 0;
	for (int bit = 0; bit < scale; bit++) {
		uint64_t dice = par_mix(i * 64 + (uint64_t)bit) % 100;

		ends[0] = ends[0] * 2 + (dice >= 76);
		ends[1] = ends[1] * 2 + ((dice >= 57 && dice < 76) || dice >= 95);
	}
}

static struct graph generate(int scale)
{
	struct graph graph = { .vertices = 1L << scale };
	long edges = graph.vertices * DEGREE;
	int(*list)[2] = par_memory(sizeof(*list) * (size_t)edges);

	graph.first = par_memory(sizeof(*graph.first) * (size_t)(graph.vertices + 2));
	graph.ends = par_memory(sizeof(*graph.ends) * (size_t)edges * 2);
	for (long i = 0; i < edges; i++) {
		edge(scale, (uint64_t)i, list[i]);
		graph.first[list[i][0] + 2]++;
		graph.first[list[i][1] + 2]++;
	}
	for (long v = 0; v < graph.vertices; v++)
		graph.first[v + 2] += graph.first[v + 1];
	for (long i = 0; i < edges; i++) {
		graph.ends[graph.first[list[i][0] + 1]++] = list[i][1];
		graph.ends[graph.first[list[i][1] + 1]++] = list[i][0];
	}
	free(list);
	return graph;
}

/* ---- breadth-first search -------------------------------------------------- */

static struct graph wide;
static int *distances, *frontier, *next;
static long next_count;

static bool bfs_prepare(void)
{
	if (wide.first)
		return true;
	wide = generate(BFS_SCALE);
	distances = par_memory(sizeof(*distances) * (size_t)wide.vertices);
	frontier = par_memory(sizeof(*frontier) * (size_t)wide.vertices);
	next = par_memory(sizeof(*next) * (size_t)wide.vertices);
	return true;
}

static void bfs_reset(void)
{
	for (long v = 0; v < wide.vertices; v++)
		distances[v] = -1;
	distances[0] = 0;
	frontier[0] = 0;
}

static void bfs_serial(void)
{
	long head = 0, tail = 1;

	while (head < tail) {
		int v = frontier[head++];

		for (long i = wide.first[v]; i < wide.first[v + 1]; i++)
			if (distances[wide.ends[i]] < 0) {
				distances[wide.ends[i]] = distances[v] + 1;
				frontier[tail++] = wide.ends[i];
			}
	}
}

static void publish(const int *found, long count)
{
	long at = __atomic_fetch_add(&next_count, count, __ATOMIC_RELAXED);

	memcpy(next + at, found, (size_t)count * sizeof(*found));
}

/* Who changes a distance has found that vertex. */
static void expand(void *arg, long from, long to)
{
	int here = *(int *)arg;
	int found[FOUND_MAX];
	long count = 0;

	for (long at = from; at < to; at++)
		for (long i = wide.first[frontier[at]]; i < wide.first[frontier[at] + 1]; i++) {
			int *distance = &distances[wide.ends[i]], unknown = -1;

			if (__atomic_load_n(distance, __ATOMIC_RELAXED) >= 0 ||
			    !__atomic_compare_exchange_n(distance, &unknown, here, false,
							 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
				continue;
			found[count++] = wide.ends[i];
			if (count == FOUND_MAX) {
				publish(found, count);
				count = 0;
			}
		}
	if (count)
		publish(found, count);
}

static void bfs_parallel(void)
{
	int distance = 0;
	long count = 1;

	while (count) {
		int *other = frontier;

		distance++;
		next_count = 0;
		par_for(count, GRAIN, expand, &distance);
		frontier = next;
		next = other;
		count = next_count;
	}
}

static uint64_t bfs_answer(void)
{
	return par_digest(distances, sizeof(*distances) * (size_t)wide.vertices);
}

const struct par_kernel par_bfs = { "bfs",	bfs_prepare,  bfs_reset,
				    bfs_serial, bfs_parallel, bfs_answer };

/* ---- triangles ------------------------------------------------------------- */

static struct graph above; /* of each vertex only the neighbours with more of them */
/* How many; above, of how many vertices: not every piece has some. */
static uint64_t triangles;
#define VERTEX (UINT64_C(1) << 40)

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static bool triangles_prepare(void)
{
	struct graph all;
	long count = 0;

	if (above.first)
		return true;
	all = generate(TRIANGLE_SCALE);
	above.vertices = all.vertices;
	above.first = par_memory(sizeof(*above.first) * (size_t)(all.vertices + 1));
	above.ends = par_memory(sizeof(*above.ends) * (size_t)all.first[all.vertices]);
	for (long v = 0; v < all.vertices; v++) {
		long degree = all.first[v + 1] - all.first[v], begin = count;

		qsort(all.ends + all.first[v], (size_t)degree, sizeof(int), by_number);
		for (long i = all.first[v]; i < all.first[v + 1]; i++) {
			long u = all.ends[i], other = all.first[u + 1] - all.first[u];

			if ((other > degree || (other == degree && u > v)) &&
			    (count == begin || above.ends[count - 1] != (int)u))
				above.ends[count++] = (int)u;
		}
		above.first[v + 1] = count;
	}
	free(all.first);
	free(all.ends);
	return true;
}

static void triangles_reset(void)
{
	triangles = 0;
}

static void count_triangles(void *arg, long from, long to)
{
	uint64_t count = VERTEX * (uint64_t)(to - from);

	(void)arg;
	for (long v = from; v < to; v++)
		for (long i = above.first[v]; i < above.first[v + 1]; i++) {
			long a = above.first[v], a_end = above.first[v + 1];
			long b = above.first[above.ends[i]];
			long b_end = above.first[above.ends[i] + 1];

			while (a < a_end && b < b_end) {
				int x = above.ends[a], y = above.ends[b];

				count += x == y;
				a += x <= y;
				b += y <= x;
			}
		}
	__atomic_fetch_add(&triangles, count, __ATOMIC_RELAXED);
}

static void triangles_serial(void)
{
	count_triangles(NULL, 0, above.vertices);
}

static void triangles_parallel(void)
{
	par_for(above.vertices, GRAIN, count_triangles, NULL);
}

static uint64_t triangles_answer(void)
{
	return triangles;
}

const struct par_kernel par_triangles = { "triangles",	    triangles_prepare,	triangles_reset,
					  triangles_serial, triangles_parallel, triangles_answer };
