/* SPDX-License-Identifier: MIT */
/*
 * errors.h - what the tests of failures share (crew/error.h): tasks that fail, with a word or
 * without; a group that collects; and all memory is given back.
 */
#ifndef TESTS_API_ERRORS_H
#define TESTS_API_ERRORS_H

#include "api/scope.h"

#include "base/config.h"

#include <malloc.h>

#define NAMED(name_) CREW_TASK(.name = (name_))

static inline int fail(void *arg)
{
	return *(int *)arg;
}

static inline int say(void *arg)
{
	int *rc = (int *)arg;

	return crew_fail(*rc, "said of %d", *rc);
}

static inline bool is(const char *text, const char *expected)
{
	return expected ? text && strcmp(text, expected) == 0 : !text;
}

static inline const char *file_of(const char *place)
{
	const char *name = place ? strrchr(place, '/') : NULL;

	return name ? name + 1 : place;
}

/* One child after the other: the order in which they end is known. */
static inline int spawn_and_wait(struct crew_group *group, crew_task_fn *fn, void *arg)
{
	CHECK(crew_group_spawn(group, fn, arg) == 0);
	return crew_group_wait(group);
}

static inline void open_collecting(struct crew_group *group, struct crew_errors *errors)
{
	crew_group_open(group,
			CREW_GROUP(.crew = test_crew, .policy = CREW_COLLECT, .errors = errors));
}

/* A group in a group, of which two fail. */
static inline int two_fail(void *arg)
{
	int codes[2] = { 7, 8 };
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .policy = CREW_COLLECT));
	for (int i = 0; i < 2; i++)
		CHECK(spawn_and_wait(&group, say, &codes[i]) == 0);
	return crew_group_close(&group, 0);
}

#if !defined(CREW__TSAN) && !defined(CREW__ASAN) /* whose malloc has no mallinfo2; LSan looks */
#define ERRORS_COUNT_MEMORY 1

/* Runs it, for rc, in tasks and here, until that takes no more memory. */
static inline void gives_everything_back(crew_task_fn *fn, int rc)
{
	struct crew *crew = start_crew(2);
	bool same = false;

	/* threads keep a little of what they free; a leak of ours would show every time */
	for (int round = 0; round < 10 && !same; round++) {
		size_t before = mallinfo2().uordblks;

		for (int i = 0; i < 10; i++) {
			cr_assert_eq(crew_run(crew, fn, NULL), rc);
			cr_assert_eq(fn(NULL), rc);
		}
		same = round && mallinfo2().uordblks <= before;
	}
	cr_assert(same, "each of ten times");
	stop(crew);
}
#endif

#endif /* TESTS_API_ERRORS_H */
