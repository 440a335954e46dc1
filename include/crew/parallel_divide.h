/* SPDX-License-Identifier: MIT */
/*
 * crew/parallel_divide.h - problems that are divided until they are small.
 *
 *	struct area {
 *		double (*height)(double x);
 *		double from;
 *		double to;
 *		double size;
 *	};
 *
 *	static bool is_small(const void *problem, void *arg)
 *	{
 *		const struct area *area = (const struct area *)problem;
 *
 *		(void)arg;
 *		return area->to - area->from < 0.001;
 *	}
 *
 *	static int solve(void *problem, void *arg)
 *	{
 *		struct area *area = (struct area *)problem;
 *
 *		(void)arg;
 *		area->size = (area->to - area->from) * area->height((area->from + area->to) / 2);
 *		return 0;
 *	}
 *
 *	static int divide(void *problem, void *other, void *arg)
 *	{
 *		struct area *left = (struct area *)problem;
 *		struct area *right = (struct area *)other;
 *
 *		(void)arg;
 *		*right = *left;
 *		left->to = right->from = (left->from + left->to) / 2;
 *		return 0;
 *	}
 *
 *	static int unite(void *problem, void *other, void *arg)
 *	{
 *		(void)arg;
 *		((struct area *)problem)->size += ((struct area *)other)->size;
 *		return 0;
 *	}
 *
 *	int measure(struct area *area)
 *	{
 *		struct crew_divider divider = { sizeof(*area), is_small, solve, divide, unite };
 *
 *		return crew_divide(area, &divider, NULL, NULL);
 *	}
 *
 * Here to divide means to make two problems of one; the two are solved in parallel, and
 * divided further. What is worth two tasks, not what can be divided, is not small: a fork
 * costs some nanoseconds. On the stack each level takes about half a kilobyte, so some
 * hundred levels are all right.
 *
 * See also: crew/parallel_for.h (who runs it, failure, cancellation), crew/fork.h (the
 * same, faster, when the recursion is written out).
 */
#ifndef CREW_PARALLEL_DIVIDE_H
#define CREW_PARALLEL_DIVIDE_H

#include "crew/parallel_for.h"

CREW_BEGIN

struct crew_divider {
	size_t problem_bytes; /* with its solution */
	bool (*is_small)(const void *problem, void *arg);
	int (*solve)(void *problem, void *arg); /* a small one */
	/* Makes it smaller; what is taken away is `other`, aligned for any type. */
	int (*divide)(void *problem, void *other, void *arg);
	/* Both are solved: makes `problem` the solution of both. */
	int (*unite)(void *problem, void *other, void *arg);
};

/*
 * Divides `problem`, solves the parts, unites them. After a failure or a cancellation parts
 * are left as they were: unsolved, or not united. Allocates for each division the bytes of
 * a problem, unless they are at most 128, until both parts are united.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for()
 *		CREW_EINVAL	`problem`, `divider` or a field of it is NULL or 0
 *		CREW_ENOMEM	also: no memory for a part
 */
CREW_API int crew_divide(void *problem, const struct crew_divider *divider, void *arg,
			 const struct crew_parallel_options *options);

CREW_END

#endif /* CREW_PARALLEL_DIVIDE_H */
