/* SPDX-License-Identifier: MIT */
/* sync.c - see sync.h. */
#include "model/sync.h"

#include "model/small.h"

#include "crew/scope.h"

#include <string.h>

bool crowd_cancelled(void)
{
	return crew_check() == CREW_ECANCELED;
}

void crowd_sleep(void)
{
	static struct crew__word32 never;

	crew__port_wait(&never, 0, crew__port_now() + CREW_US(10));
}

void crowd_check_freed(const void *at, size_t bytes)
{
	const unsigned char *byte = at;

	for (size_t i = 0; i < bytes; i++)
		crew__sim_check(byte[i] == 0xa5, "it was touched after it was given back");
}

static void *freed;
static size_t freed_bytes;
static struct crew_word gone;

static void crowd_begin(const struct crowd *crowd)
{
	freed = NULL;
	crew__init_word(&gone, 0);
	crowd->begin();
}

void crowd_free(void *at, size_t bytes)
{
	memset(at, 0xa5, bytes);
	freed = at;
	freed_bytes = bytes;
}

void crowd_perhaps_freed(void)
{
	if (freed)
		crowd_check_freed(freed, freed_bytes);
}

void crowd_freed(void)
{
	crew__sim_check(freed != NULL, "nobody was the last one");
	crowd_perhaps_freed();
}

void crowd_go(void)
{
	crew__store_release(&gone, 1);
}

bool crowd_has_gone(void)
{
	return crew__load_acquire(&gone) != 0;
}

/* ---- threads ----------------------------------------------------------------------- */

static struct crew_scope scopes[ROLES_MAX];
static const struct crowd *crowd_now;

/* Its scope is main's to leave: so main may cancel it at any time. */
static void play(void *number)
{
	unsigned n = (unsigned)(uintptr_t)number;

	crew__self_set_scope(&scopes[n]);
	crowd_now->roles[n]();
	crew__self_set_scope(NULL);
}

static void threads_main(void *opaque)
{
	static const struct crew__cause cause = { .source = CREW_BY_CALL, .reason = "model" };
	const struct crowd *crowd = opaque;
	uint64_t threads[ROLES_MAX];

	crowd_now = crowd;
	crowd_begin(crowd);
	for (unsigned i = 0; i < ROLES_MAX; i++) {
		crew_scope_init(&scopes[i], NULL);
		if (crowd->roles[i])
			crew__port_thread_start(&threads[i], play, (void *)(uintptr_t)i, "role");
	}
	if (crowd->late)
		crowd_sleep();
	for (unsigned i = 0; i < ROLES_MAX; i++)
		if (crowd->cancelled >> i & 1)
			crew__scope_cancel(&scopes[i], &cause);
	for (unsigned i = 0; i < ROLES_MAX; i++) {
		if (crowd->roles[i])
			crew__port_thread_join(threads[i]);
		crew__scope_leave(&scopes[i], NULL);
	}
	crowd->end();
}

void crowd_of_threads(const char *name, const struct crowd *crowd, unsigned bound)
{
	small_search_all(name, threads_main, (void *)(uintptr_t)crowd, bound);
}

/* ---- tasks --------------------------------------------------------------------------- */

static int play_task(void *number)
{
	crowd_now->roles[(uintptr_t)number]();
	return 0;
}

static void spawn_roles(struct crew_group *group, unsigned which)
{
	for (unsigned i = 0; i < ROLES_MAX; i++)
		if (crowd_now->roles[i] && which >> i & 1)
			crew_group_spawn(group, play_task, (void *)(uintptr_t)i);
}

static int tasks_program(void *arg)
{
	struct crew_group *others = model_open(NULL);
	struct crew_group *cancelled;

	(void)arg;
	spawn_roles(others, ~(crowd_now->cancelled | crowd_now->threads));
	cancelled = model_open(NULL);
	spawn_roles(cancelled, crowd_now->cancelled & ~crowd_now->threads);
	crew_yield();
	crew_group_cancel(cancelled, "model");
	crew__sim_check(model_close(cancelled, 0) == 0, "more than a group was cancelled");
	return model_close(others, 0);
}

static void tasks_beside(struct model *m)
{
	for (unsigned i = 0; i < ROLES_MAX; i++)
		if (crowd_now->threads >> i & 1)
			crowd_now->roles[i]();
	(void)m;
}

static void tasks_main(void *opaque)
{
	crowd_begin(crowd_now);
	model_main(opaque);
	crowd_now->end();
}

void crowd_of_tasks(const char *name, const struct crowd *crowd, uint64_t seeds)
{
	struct model model = { .program = tasks_program,
			       .beside = tasks_beside,
			       .threads = crowd->threads != 0,
			       .lasts = -1 };

	crowd_now = crowd;
	for (model.workers = 1; model.workers <= 3; model.workers++) {
		struct crew__sim_options options = { .name = name,
						     .no_membarrier = model.workers == 3 };
		struct crew__sim_result result =
			crew__sim_search_seeds(&options, tasks_main, &model, seeds);

		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", name, result.message);
	}
}
