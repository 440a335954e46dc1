/* SPDX-License-Identifier: MIT */
/*
 * kernel.h - the three fork-join problems, without any forking: what a node is,
 * how many children it has, the serial solution, the known answer. Every peer
 * spawns one task per child and has no cutoff, so that the cost of tasks shows.
 *
 *	fib	 fib(30): one task per call with n >= 2; the sibling is called
 *	queens	 13 queens by bit masks: one task per legal placement
 *	uts	 unbalanced tree search: a geometric tree, 4 children on average, of
 *		 depth 10, grown from a hash; one task per child
 *
 * A node without children makes no group. C and C++.
 */
#ifndef KERNEL_H
#define KERNEL_H

#include <stdint.h>
#include <stdio.h>

#define FIB_N	   30
#define FIB_ANSWER 832040
#define FIB_SPAWNS 1346268 /* fib(FIB_N + 1) - 1 */

#define QUEENS_N      13
#define QUEENS_ALL    ((1U << QUEENS_N) - 1)
#define QUEENS_ANSWER 73712

#define UTS_ROOT     298
#define UTS_DEPTH    10
#define UTS_ANSWER   4126648
#define UTS_CHILDREN 100 /* at most; the limits below end with 0 */

/* Says so when the answer is wrong; a benchmark returns -1 then. */
static inline int kernel_wrong(const char *what, long answer, long expected)
{
	if (answer != expected)
		fprintf(stderr, "%s: %ld instead of %ld\n", what, answer, expected);
	return answer != expected;
}

static inline long fib_serial(int n)
{
	return n < 2 ? n : fib_serial(n - 1) + fib_serial(n - 2);
}

/* A board: the columns taken, and the diagonals that attack the next row. */
struct queens {
	uint32_t columns, left, right;
	long count; /* result */
};

static inline uint32_t queens_free(const struct queens *q)
{
	return QUEENS_ALL & ~(q->columns | q->left | q->right);
}

/* The board with a queen on the lowest free square of the next row. */
static inline struct queens queens_place(const struct queens *q, uint32_t free_squares)
{
	uint32_t bit = free_squares & -free_squares;
	struct queens next = { q->columns | bit, (q->left | bit) << 1, (q->right | bit) >> 1, 0 };

	return next;
}

static inline long queens_serial(const struct queens *q)
{
	long count = 0;

	if (q->columns == QUEENS_ALL)
		return 1;
	for (uint32_t f = queens_free(q); f; f &= f - 1) {
		struct queens next = queens_place(q, f);

		count += queens_serial(&next);
	}
	return count;
}

struct uts {
	uint64_t state;
	int depth;
	long count; /* result: nodes in this subtree */
};

static uint32_t uts_limits[UTS_CHILDREN];

/* Integer thresholds, so that every compiler and language grows the same tree. */
static inline void uts_init(void)
{
	uint64_t power = UINT64_C(1) << 62;

	for (int i = 0; i < UTS_CHILDREN - 1; i++) {
		power = power / 5 * 4;
		uts_limits[i] = (uint32_t)(power >> 30);
	}
}

static inline uint64_t uts_mix(uint64_t z)
{
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static inline struct uts uts_root(void)
{
	struct uts root = { uts_mix(UTS_ROOT), 0, 0 };

	return root;
}

static inline int uts_children(const struct uts *node)
{
	int count = 0;

	if (node->depth >= UTS_DEPTH)
		return 0;
	while ((uint32_t)(node->state >> 32) < uts_limits[count])
		count++;
	return count;
}

static inline struct uts uts_child(const struct uts *node, int i)
{
	struct uts child = { uts_mix(node->state +
				     (uint64_t)(i + 1) * UINT64_C(0x9e3779b97f4a7c15)),
			     node->depth + 1, 0 };

	return child;
}

static inline long uts_serial(const struct uts *node)
{
	int children = uts_children(node);
	long count = 1;

	for (int i = 0; i < children; i++) {
		struct uts child = uts_child(node, i);

		count += uts_serial(&child);
	}
	return count;
}

#endif /* KERNEL_H */
