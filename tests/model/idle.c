/* SPDX-License-Identifier: MIT */
/*
 * model/idle.c - who sleeps, and who is woken (exec/idle.c), with two or three workers and nothing
 * else (mini.h): something becomes ready just when the last searcher parks. Work that waits
 * beside a sleeper shows as a run that does not end: whoever has made it computes until
 * somebody else has taken it.
 */
#include "model/mini.h"
#include "model/small.h"

#include <string.h>

#define TASKS 3

struct idle_model {
	unsigned workers;
	int (*first)(void *);		      /* what worker 0 begins with */
	void (*beside)(struct idle_model *m); /* what main does meanwhile */
	unsigned tasks;
	/* of one run */
	struct mini mini;
	struct crew_word ran[TASKS];
	struct crew_group group;
	struct crew__lock lock;
	struct crew__waiter *waiter; /* guarded by lock: who waits to be granted */
	struct crew__word32 parked;
};

static struct idle_model *now;

static void ran(unsigned n)
{
	crew__sim_check(crew__add_relaxed(&now->ran[n], 1) == 0, "a task ran twice");
}

static void compute_until_ran(unsigned n)
{
	while (!crew__load_relaxed(&now->ran[n]))
		;
}

static int leaf(void *arg)
{
	ran((unsigned)(uintptr_t)arg);
	return 0;
}

static void idle_main(void *opaque)
{
	struct idle_model *m = opaque;

	now = m;
	memset(m->ran, 0, sizeof(m->ran));
	m->lock = (struct crew__lock){ .word = { 0 } };
	m->waiter = NULL;
	m->parked.value = 0;
	mini_begin(&m->mini, m->workers);
	if (m->first)
		mini_give(&m->mini, 0, m->first, NULL);
	mini_go(&m->mini);
	if (m->beside)
		m->beside(m);
	crew__sim_check(mini_end(&m->mini) == 0, "close failed");
	for (unsigned i = 0; i < m->tasks; i++)
		crew__sim_check(m->ran[i].value == 1, "a task did not run");
}

/* ---- tasks ----------------------------------------------------------------------- */

/* R7: what is pushed while the last searcher parks is taken, although its owner computes. */
static int push_and_compute(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, leaf, (void *)(uintptr_t)0);
	compute_until_ran(0);
	return crew_group_close(&group, 0);
}

Test(idle, a_push_against_the_last_searcher, .timeout = 120)
{
	struct idle_model model = { .workers = 2, .first = push_and_compute, .tasks = 1 };

	small_search_all("idle_push", idle_main, &model, 0);
	model.workers = 3;
	small_seeds_all("idle_push_three", idle_main, &model);
}

/* Where there was something there may be more: each needs a worker of its own. */
static int crowded(void *arg)
{
	ran((unsigned)(uintptr_t)arg);
	for (unsigned i = 0; i < TASKS; i++)
		compute_until_ran(i);
	return 0;
}

static int crowd(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, crowded, (void *)(uintptr_t)1);
	crew_group_spawn(&group, crowded, (void *)(uintptr_t)2);
	crowded(NULL);
	return crew_group_close(&group, 0);
}

Test(idle, who_finds_something_wakes_the_next, .timeout = 120)
{
	struct idle_model model = { .workers = 3, .first = crowd, .tasks = TASKS };

	small_seeds_all("idle_crowd", idle_main, &model);
}

/* ---- injected work ------------------------------------------------------------------ */

/* Each computes until all have begun; they are injected while workers park. */
static void inject_crowd(struct idle_model *m)
{
	for (uintptr_t i = 0; i < TASKS; i++)
		crew__sim_check(crew_group_spawn(&m->mini.root, crowded, (void *)i) == 0,
				"spawn failed");
}

static void inject_leaf(struct idle_model *m)
{
	crew__sim_check(crew_group_spawn(&m->mini.root, leaf, NULL) == 0, "spawn failed");
}

Test(idle, injected_work_against_the_last_searcher, .timeout = 120)
{
	struct idle_model model = { .workers = 1, .beside = inject_leaf, .tasks = 1 };

	small_search_all("idle_inject", idle_main, &model, 2);
	model.workers = 2;
	small_search_all("idle_inject_two", idle_main, &model, 0);
	model = (struct idle_model){ .workers = 3, .beside = inject_crowd, .tasks = TASKS };
	small_seeds_all("idle_inject_crowd", idle_main, &model);
}

/* ---- ready fibers --------------------------------------------------------------------- */

static void unlock(void *opaque)
{
	struct idle_model *m = opaque;

	crew__store32_release(&m->parked, 1);
	crew__port_wake(&m->parked, 1);
	crew__lock_release(&m->lock);
}

/* Waits until it is granted, then runs as task 0. */
static int waiting(void *arg)
{
	struct crew__waiter waiter;

	crew__waiter_init(&waiter, false);
	crew__lock_acquire(&now->lock);
	now->waiter = &waiter;
	crew__park(&waiter, unlock, now, CREW_NEVER, "model");
	return leaf(arg);
}

static void grant(struct idle_model *m)
{
	struct crew__parker *parker;
	bool won;

	crew__lock_acquire(&m->lock);
	won = crew__grant(m->waiter, &parker);
	crew__lock_release(&m->lock);
	crew__sim_check(won, "somebody else has ended a firm wait");
	crew__ready(parker);
}

/* A task that computes has made another one ready: it must be taken from its ring. */
static int grant_and_compute(void *arg)
{
	(void)arg;
	while (!crew__load32_acquire(&now->parked))
		crew_yield();
	grant(now);
	compute_until_ran(0);
	ran(1);
	return 0;
}

static int ready_program(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, grant_and_compute, NULL);
	crew_group_spawn(&group, waiting, NULL);
	return crew_group_close(&group, 0);
}

static void grant_from_outside(struct idle_model *m)
{
	while (!crew__load32_acquire(&m->parked))
		crew__port_wait(&m->parked, 0, CREW_NEVER);
	grant(m);
}

Test(idle, ready_fibers_against_the_last_searcher, .timeout = 120)
{
	struct idle_model model = {
		.workers = 1, .first = waiting, .beside = grant_from_outside, .tasks = 1
	};

	small_search_all("idle_wake", idle_main, &model, 2);
	model.workers = 2;
	small_search_all("idle_wake_two", idle_main, &model, 0);
	model = (struct idle_model){ .workers = 2, .first = ready_program, .tasks = 2 };
	small_search_all("idle_ready", idle_main, &model, 0);
	model.workers = 3;
	small_seeds_all("idle_ready_three", idle_main, &model);
}

/* ---- pinned fibers ----------------------------------------------------------------------- */

/* A pinned task is made ready by another worker while its own one parks. */
static int pinned_program(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn_task(&group, waiting, NULL, CREW_TASK(.flags = CREW_TASK_PINNED), NULL);
	return crew_group_close(&group, 0);
}

Test(idle, pinned_fibers_against_their_worker, .timeout = 120)
{
	struct idle_model model = {
		.workers = 1, .first = pinned_program, .beside = grant_from_outside, .tasks = 1
	};

	small_search_all("idle_pinned", idle_main, &model, 2);
	model.workers = 2;
	small_search_all("idle_pinned_two", idle_main, &model, 0);
}
