/* SPDX-License-Identifier: MIT */
/*
 * sync.h - what the tests of locks, semaphores and the like share. A rule is a function that
 * returns 0, or the line of what does not hold. Those who wait in it come one by one, every
 * other one a plain thread; each has a scope of its own, by which the rule can cancel it.
 */
#ifndef TESTS_API_SYNC_H
#define TESTS_API_SYNC_H

#include "api/task.h"
#include "support/gate.h"

#include "exec/exec.h"

#include <pthread.h>

/* Waits for the event itself. */
#define UNTIL(condition)                                                                           \
	do {                                                                                       \
		crew_time end_ = crew_now() + patience();                                          \
		while (!(condition) && crew_now() < end_)                                          \
			crew_sleep(CREW_US(50));                                                   \
		CHECK(condition);                                                                  \
	} while (0)

static struct crew *test_crew;

static inline void in_all_places(crew_task_fn *fn)
{
	for (unsigned workers = 1; workers <= 3; workers++) {
		int rc;

		test_crew = start(workers);
		run_in(test_crew, fn, NULL);
		rc = fn(NULL);
		cr_assert_eq(rc, 0, "line %d on a plain thread, %u workers", rc, workers);
		stop(test_crew);
	}
}

/* stats_of() for things of this kind. */
#define STATS_OF(kind)                                                                             \
	static struct crew_##kind##_stats stats_of(const struct crew_##kind *it)                   \
	{                                                                                          \
		struct crew_##kind##_stats stats = { .size = sizeof(stats) };                      \
		crew_##kind##_read_stats(it, &stats);                                              \
		return stats;                                                                      \
	}

/* ---- those who wait ---------------------------------------------------------------- */

#define LINE_MAX 8

struct line;

struct one {
	crew_task_fn *fn;
	void *arg;
	struct crew_scope scope;
	pthread_t thread;
	struct crew_word ended;
	int rc;
	uint64_t turn; /* the how-manieth of its line to end */
	struct line *line;
};

struct line {
	struct crew_group group;
	struct crew_word ended;
	unsigned count;
	struct one one[LINE_MAX];
};

static inline void line_open(struct line *line)
{
	line->count = 0;
	crew__init_word(&line->ended, 0);
	crew_group_open(&line->group, CREW_GROUP(.crew = test_crew));
}

static inline int run_one(void *opaque)
{
	struct one *one = (struct one *)opaque;

	crew_scope_enter(&one->scope);
	one->rc = one->fn(one->arg);
	crew_scope_close(&one->scope, one->rc);
	one->turn = crew__add_acq_rel(&one->line->ended, 1) + 1;
	crew__store_release(&one->ended, 1);
	return 0;
}

static inline void *thread_of_one(void *one)
{
	run_one(one);
	return NULL;
}

/* The next one runs fn(arg), as a task or as a thread. The caller waits until it is in line. */
static inline struct one *line_add_as(struct line *line, crew_task_fn *fn, void *arg, bool thread)
{
	struct one *one = &line->one[line->count++];

	one->line = line;
	one->fn = fn;
	one->arg = arg;
	one->rc = 1;
	one->thread = 0;
	crew__init_word(&one->ended, 0);
	crew_scope_init(&one->scope, NULL);
	if (!thread || pthread_create(&one->thread, NULL, thread_of_one, one))
		crew_group_spawn(&line->group, run_one, one);
	return one;
}

static inline struct one *line_add(struct line *line, crew_task_fn *fn, void *arg)
{
	return line_add_as(line, fn, arg, line->count % 2 == 1);
}

static inline bool has_ended(struct one *one)
{
	return crew__load_acquire(&one->ended) != 0;
}

static inline uint64_t ended_of(struct line *line)
{
	return crew__load_acquire(&line->ended);
}

/* All have ended. */
static inline int line_close(struct line *line)
{
	for (unsigned i = 0; i < line->count; i++)
		UNTIL(has_ended(&line->one[i]));
	for (unsigned i = 0; i < line->count; i++)
		if (line->one[i].thread)
			pthread_join(line->one[i].thread, NULL);
	return crew_group_close(&line->group, 0);
}

/* Every third one is cancelled; and all have ended, the others well. */
static inline void line_cancel_thirds(struct line *line)
{
	for (unsigned i = 0; i < line->count; i += 3)
		crew_scope_cancel(&line->one[i].scope, NULL);
}

static inline int line_close_thirds(struct line *line)
{
	CHECK(line_close(line) == 0);
	for (unsigned i = 0; i < line->count; i++)
		CHECK(line->one[i].rc == 0 || (i % 3 == 0 && line->one[i].rc == CREW_ECANCELED));
	return 0;
}

/* A whole line runs fn(arg); every third one is cancelled when that has counted so many. */
static inline int run_and_cancel_thirds(crew_task_fn *fn, void *arg,
					const struct crew_word *counted, uint64_t enough)
{
	struct line line;

	line_open(&line);
	for (unsigned i = 0; i < LINE_MAX; i++)
		line_add(&line, fn, arg);
	UNTIL(crew__load_acquire(counted) > enough);
	line_cancel_thirds(&line);
	return line_close_thirds(&line);
}

#endif /* TESTS_API_SYNC_H */
