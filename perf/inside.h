/* SPDX-License-Identifier: MIT */
/*
 * inside.h - runs a benchmark's loop as a task of a crew. The crew is started
 * before the clock, warmed by a few tasks, and kept until another number of
 * workers, or another stack, is asked for or the program ends.
 */
#ifndef INSIDE_H
#define INSIDE_H

#include "common.h"

#include "crew/crew.h"

/* Of a task; 0: crew's default. */
static size_t inside_stack_bytes;

/* Does the operation n times; returns the nanoseconds, or below 0. */
typedef crew_time inside_fn(uint64_t n);

struct inside {
	inside_fn *fn;
	uint64_t n;
	crew_time took;
};

static inline int inside_task(void *arg)
{
	struct inside *inside = arg;

	inside->took = inside->fn(inside->n);
	return inside->took < 0;
}

static inline int inside_nothing(void *arg)
{
	(void)arg;
	return 0;
}

static inline int inside_warm(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 1000; i++)
		crew_group_spawn(&group, inside_nothing, arg);
	return crew_group_close(&group, 0);
}

/* A crew of `workers`, or NULL with a sentence on stderr. */
static inline struct crew *inside_crew(long workers)
{
	static struct crew *crew;
	static size_t stack_bytes;
	int rc;

	if (crew && crew_worker_count(crew) == workers && stack_bytes == inside_stack_bytes)
		return crew;
	if (crew)
		crew_stop(crew);
	crew = NULL;
	stack_bytes = inside_stack_bytes;
	rc = crew_start(&crew,
			CREW_OPTIONS(.workers = (uint32_t)workers, .stack_bytes = stack_bytes));
	if (rc == 0)
		rc = crew_run(crew, inside_warm, NULL);
	if (rc)
		fprintf(stderr, "crew of %ld: %s\n", workers, crew_strerror(rc));
	return rc ? NULL : crew;
}

static inline crew_time inside(long workers, inside_fn *fn, uint64_t n)
{
	struct inside inside = { fn, n, -1 };
	struct crew *crew = inside_crew(workers);

	if (crew)
		crew_run(crew, inside_task, &inside);
	return inside.took;
}

#endif /* INSIDE_H */
