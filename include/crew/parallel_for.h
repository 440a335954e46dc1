/* SPDX-License-Identifier: MIT */
/*
 * crew/parallel_for.h - loops whose turns run in parallel.
 *
 *	static int scale(size_t begin, size_t end, void *arg)
 *	{
 *		double *numbers = (double *)arg;
 *
 *		for (size_t i = begin; i < end; i++)
 *			numbers[i] *= 2;
 *		return 0;
 *	}
 *
 *	int scale_all(double *numbers, size_t count)
 *	{
 *		return crew_for(0, count, scale, numbers, NULL);
 *	}
 *
 * The body gets pieces of the range. How large they are is found out while the loop
 * runs: a loop begins alone, and what is left after some five microseconds is halved
 * and halved again, the halves lie where idle workers take them, down to pieces of
 * about 50 microseconds; of very long ranges not below one part in 2^32. So a tiny
 * loop costs no more than a loop, and nobody has to know a grain. A loop of less than
 * 16 turns for each worker is shared at once: its turns are taken to be long ones.
 * With .grain it is shared at once, down to pieces of at most so many turns.
 *
 * What all calls of crew/parallel.h have in common:
 *
 * Who runs them. A task's own crew, with NULL options; a plain thread names one:
 * CREW_PARALLEL(.crew = crew). The calling task works itself. Bodies are as free as
 * tasks: they may wait, open groups, run loops; they run in the scope of the call.
 *
 * Failure. A body fails by returning anything but 0. No further piece begins, bodies
 * that wait or look are cancelled, and the call returns the first failure when all
 * that had begun have ended. The same when the caller is cancelled: pieces not yet
 * begun are left out, the call returns CREW_ECANCELED.
 *
 * Memory. Nothing is allocated, except where it is said. The stack needed grows with
 * the logarithm of the range.
 *
 * What the caller wrote before is visible to bodies; what they wrote is visible to the
 * caller afterwards. Bodies of one call may run at the same time.
 *
 * See also: crew/parallel_reduce.h, crew/group.h (tasks that differ), crew/fork.h.
 */
#ifndef CREW_PARALLEL_FOR_H
#define CREW_PARALLEL_FOR_H

#include "crew/base.h"
#include "crew/task.h"

CREW_BEGIN

struct crew;

/* Zero means "default" for every field. Fields are only added, at the end. */
struct crew_parallel_options {
	size_t size;	   /* set by CREW_PARALLEL() */
	const char *name;  /* of the pieces, for dumps; a string constant, not copied */
	struct crew *crew; /* who runs it; default: the crew of the calling task */
	size_t grain;	   /* turns of one piece at most; default: by time */
	bool fixed_order;  /* the same result on every run: crew/parallel_reduce.h */
	char reserved[7];
};

#define CREW_PARALLEL(...) CREW_OPTIONS_(crew_parallel_options, __VA_ARGS__)

/* A piece [begin, end) of a range. */
typedef int crew_for_fn(size_t begin, size_t end, void *arg);

/*
 * Runs fn for pieces that make up [begin, end), each index once. Nothing when `end`
 * is not above `begin`.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	0
 *		the code	of the body that failed first
 *		CREW_ECANCELED	the caller is cancelled; pieces were left out, unless a body
 *				returned it
 *		CREW_EINVAL	`fn` is NULL, or the size of the options is wrong
 *		CREW_ESTATE	on a plain thread without .crew
 *		CREW_ECLOSED	the crew is being stopped, and the caller is a plain thread
 *		CREW_ENOMEM	no memory to hand it to another crew; nothing ran
 *		CREW_EFORKED	called in a child process after fork
 */
CREW_API int crew_for(size_t begin, size_t end, crew_for_fn *fn, void *arg,
		      const struct crew_parallel_options *options);

/* A block: [begin, end) in each of three dimensions. A 2-D one is 1 deep in the last. */
struct crew_block {
	size_t begin[3];
	size_t end[3];
};

static inline struct crew_block crew_block_2d(size_t rows, size_t columns)
{
	struct crew_block block = { { 0, 0, 0 }, { rows, columns, 1 } };

	return block;
}

static inline struct crew_block crew_block_3d(size_t planes, size_t rows, size_t columns)
{
	struct crew_block block = { { 0, 0, 0 }, { planes, rows, columns } };

	return block;
}

/* A piece of a block. */
typedef int crew_block_fn(const struct crew_block *piece, void *arg);

/*
 * Runs fn for blocks that make up `whole`, each index once. Halves are cut across the
 * longest side, so pieces are about square: what neighbours share stays in a cache. A
 * .grain counts the indices of a piece.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for()
 *		CREW_EINVAL	also: `whole` is NULL
 */
CREW_API int crew_for_blocks(const struct crew_block *whole, crew_block_fn *fn, void *arg,
			     const struct crew_parallel_options *options);

/* One item of an array. */
typedef int crew_each_fn(void *item, void *arg);

/*
 * Runs fn for each of the `count` items of `item_bytes` at `items`.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for()
 */
CREW_API int crew_for_each(void *items, size_t count, size_t item_bytes, crew_each_fn *fn,
			   void *arg, const struct crew_parallel_options *options);

/* Makes an item of another. */
typedef int crew_map_fn(const void *from, void *to, void *arg);

/*
 * Runs fn for each of the `count` items at `from` and the one of the same index at `to`.
 * They may be the same array when the items are of the same size.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for()
 */
CREW_API int crew_map(const void *from, size_t from_bytes, void *to, size_t to_bytes, size_t count,
		      crew_map_fn *fn, void *arg, const struct crew_parallel_options *options);

/* A function and its argument. */
struct crew_call {
	crew_task_fn *fn;
	void *arg;
};

/*
 * Calls `count` functions, each offered to idle workers at once.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	as crew_for(): the code of the first that failed
 *		CREW_EINVAL	also: the function of a call is NULL; none was called
 */
CREW_API int crew_invoke(const struct crew_call *calls, size_t count,
			 const struct crew_parallel_options *options);

CREW_END

#endif /* CREW_PARALLEL_FOR_H */
