/* SPDX-License-Identifier: MIT */
/*
 * split.h - how a loop becomes pieces: what all of crew/parallel.h stands on.
 *
 * WORDS
 *	loop	one call: what to do with a block, what to fold, the first failure
 *	piece	a block that is halved until it is no larger than the grain
 *	leaf	a block that is not halved any more: the body is called with it
 *	pace	the grain that one thread of pieces has found for itself
 *	fold	a reduction's accumulators: `into` is what a leaf adds to
 *
 * LIFE
 *	1. Alone: without a grain given, and where turns are many, leaves of 1, 8, 64 ...
 *	   turns are cut from the front until PROBE_NS are over. Nobody has been told. What
 *	   this loses, when turns are long after all, is one turn of the many.
 *	2. Shared: what is left is halved down to the grain. The right half is forked
 *	   (crew/fork.h): its frame, in the frame of whoever halves, lies in the deque; the
 *	   left half is halved further. So all that is not running can be taken, the largest
 *	   first. A right half that nobody took is run in place. One that was taken begins with
 *	   the grain that was known when it was offered: so that grain is not below a share
 *	   of the whole loop, or one over 2^64 turns would have as many pieces.
 *	3. A leaf that was short doubles the grain, one that was long halves it. It is the
 *	   siblings on the way back that doubled leaves fit: 1, 1, 2, 4, ...
 *
 * INVARIANTS
 *	S1  Each index is in one leaf at most, and in one when the loop returns 0: halves are
 *	    disjoint, and a fork runs once (fork.h F1).
 *	S2  Between two leaves of a thread of pieces lies a look for cancellation. A body's
 *	    failure cancels the loop's own scope; `first` is set before that, so it stays.
 *	S3  What is folded is in the order of the indices: a right half that is run in place
 *	    goes on with its left's accumulator; one that was taken has its own, and whoever
 *	    joins folds it behind the left.
 *	S4  With fixed order the tree is made by the range and the grain alone, and each right
 *	    half has its own accumulator, wherever it runs.
 *	S5  Between two leaves others that are ready get their turn (R2).
 *
 * What it costs, and what was rejected: README.md.
 *
 * GUARDED BY tests/model/parallel.c, tests/api/parallel_for.c.
 */
#ifndef CREW__SPLIT_H
#define CREW__SPLIT_H

#include "base/sized.h"
#include "crew/fork.h"
#include "crew/parallel_for.h"
#include "exec/exec.h"

struct crew__loop;

/* Runs a leaf; adds to `into`, NULL without a fold. */
typedef int crew__loop_fn(struct crew__loop *loop, const struct crew_block *leaf, void *into);

struct crew__fold {
	size_t bytes;	      /* of an accumulator */
	const void *identity; /* NULL: zeros */
	void (*join)(struct crew__loop *loop, void *into, const void *right);
	bool fixed;
};

struct crew__loop {
	crew__loop_fn *fn;
	struct crew_fork_kind kind; /* its pieces */
	int sides;		    /* of its blocks: 1, a range, or 3 */
	size_t grain;		    /* given; 0: by time */
	size_t weight;		    /* what its turns are in truth; 0: turns */
	bool (*skips)(struct crew__loop *loop, const struct crew_block *block); /* or NULL */
	const struct crew__fold *fold; /* NULL: none. Ranges only, no blocks */
	struct crew__word32 first;     /* failure */
	struct crew_scope scope;
};

/* Options to be read (base/sized.h), or NULL: crew__parallel_enter() refuses what was given. */
static inline const struct crew_parallel_options *
crew__whole(const struct crew_parallel_options *options, struct crew_parallel_options *room)
{
	return options ? CREW__OPTIONS(options, room, reserved) : NULL;
}

/* Runs task(arg) as part of a task of the crew: the caller, or one that it waits for. */
int crew__parallel_enter(const struct crew_parallel_options *options, crew_task_fn *task,
			 void *arg);

/* Takes over the options (or NULL). */
void crew__loop_init(struct crew__loop *loop, crew__loop_fn *fn,
		     const struct crew_parallel_options *options);

/* Makes `into` the identity. */
void crew__fold_begin(const struct crew__fold *fold, void *into);

/* pre: a task. `into` is the identity at first. */
int crew__loop_run(struct crew__loop *loop, const struct crew_block *whole, void *into);

/* For what is divided in another way: its scope, and what it returns. */
void crew__loop_open(struct crew__loop *loop);
int crew__loop_close(struct crew__loop *loop);
bool crew__loop_stopped(struct crew__loop *loop);
void crew__loop_fail(struct crew__loop *loop, int rc);

/* The grain of one thread of pieces. */
struct crew__pace {
	size_t grain;
	bool timed;
};

/* A leaf of so many turns took so long. */
void crew__pace_adapt(struct crew__pace *pace, size_t turns, crew_time took);

/* For long leaves, now and then: S2 and S5. 0, or a reason to stop. */
int crew__loop_look(void);
/* The same for what has no loop: the first reason stays in `first`. */
bool crew__look_stops(struct crew__word32 *first);

static inline struct crew_block crew__range(size_t begin, size_t end)
{
	return (struct crew_block){ .begin = { begin, 0, 0 }, .end = { end, 1, 1 } };
}

#endif /* CREW__SPLIT_H */
