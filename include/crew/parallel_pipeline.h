/* SPDX-License-Identifier: MIT */
/*
 * crew/parallel_pipeline.h - items that pass through stages, several at a time.
 *
 *	static int next_number(void **item, void *arg)
 *	{
 *		int *left = (int *)arg;
 *
 *		if (*left == 0)
 *			return CREW_EEND;
 *		*item = (void *)(intptr_t)(*left)--;
 *		return 0;
 *	}
 *
 *	static int square(void **item, void *arg)
 *	{
 *		intptr_t number = (intptr_t)*item;
 *
 *		(void)arg;
 *		*item = (void *)(number * number);
 *		return 0;
 *	}
 *
 *	static int add_up(void **item, void *arg)
 *	{
 *		*(intptr_t *)arg += (intptr_t)*item;
 *		return 0;
 *	}
 *
 *	int sum_of_squares(int count, intptr_t *sum)
 *	{
 *		struct crew_stage stages[] = {
 *			{ next_number, &count, CREW_STAGE_SERIAL },
 *			{ square, NULL, CREW_STAGE_PARALLEL },
 *			{ add_up, sum, CREW_STAGE_SERIAL },
 *		};
 *
 *		return crew_pipeline(stages, 3, NULL);
 *	}
 *
 * The first stage is the source: it makes the items, until it returns CREW_EEND. A serial
 * stage has one item at a time, in the order of the source. A parallel stage has as many
 * as there are. No more than .tokens items are on the way at once: a slow stage stops the
 * source, and what an item carries need not exist more often than that.
 *
 * Failure. A stage fails by returning anything but 0. Stages that wait or look are
 * cancelled then, no further one begins, and the call returns the first failure. Items
 * that do not reach the end, the one that a stage failed with among them, go to .drop.
 *
 * See also: crew/parallel_for.h (one stage, and nothing in between).
 */
#ifndef CREW_PARALLEL_PIPELINE_H
#define CREW_PARALLEL_PIPELINE_H

#include "crew/base.h"

CREW_BEGIN

struct crew;

/* Works on an item; may put another in its place. */
typedef int crew_stage_fn(void **item, void *arg);

enum crew_stage_kind {
	CREW_STAGE_PARALLEL = 0,
	CREW_STAGE_SERIAL = 1, /* one item at a time, in order */
};

struct crew_stage {
	crew_stage_fn *fn;
	void *arg;
	enum crew_stage_kind kind; /* the source is always serial */
};

/* Zero means "default" for every field. Fields are only added, at the end. */
struct crew_pipeline_options {
	size_t size;	   /* set by CREW_PIPELINE() */
	const char *name;  /* for dumps; a string constant, not copied */
	struct crew *crew; /* who runs it; default: the crew of the calling task */
	size_t tokens;	   /* items on the way at once; default: 4 for each worker */
	void (*drop)(void *item, void *arg); /* for items that do not reach the end */
	void *drop_arg;
};

#define CREW_PIPELINE(...) CREW_OPTIONS_(crew_pipeline_options, __VA_ARGS__)

/*
 * Runs items through `count` stages until the source has no more and the last one is
 * through. Allocates some words for each token and stage. .drop is called by the caller, at
 * the end.
 *
 * Checkpoint:	schedule
 * Callers:	tasks and plain threads
 * Returns:	0
 *		the code	of the stage that failed first
 *		CREW_ECANCELED	the caller is cancelled
 *		CREW_EINVAL	`count` is 0, `stages` or the function of one is NULL, or the
 *				size of the options is wrong
 *		CREW_ESTATE	on a plain thread without .crew
 *		CREW_ECLOSED	the crew is being stopped, and the caller is a plain thread
 *		CREW_ENOMEM	no memory for tokens
 *		CREW_EFORKED	called in a child process after fork
 */
CREW_API int crew_pipeline(const struct crew_stage *stages, size_t count,
			   const struct crew_pipeline_options *options);

CREW_END

#endif /* CREW_PARALLEL_PIPELINE_H */
