/* SPDX-License-Identifier: MIT */
/*
 * model/late.c - nobody waits longer than it has to. What is found here runs to its end
 * all the same, so other models do not see it: mutants of the engine showed what they
 * missed.
 */
#include "model/model.h"

/* ---- sleeping ------------------------------------------------------------------- */

/* Virtual time stands still while anybody could run: who sleeps wakes on time. */
static int punctual_sleep(void *arg)
{
	crew_time when = crew_now() + CREW_US(100) * (crew_time)(uintptr_t)arg;

	crew__sim_check(crew_sleep_until(when) == 0, "sleep failed");
	crew__sim_check(crew__port_now() == when, "a sleeper was woken late");
	return 0;
}

static int punctual_program(void *arg)
{
	static const uintptr_t units[] = { 2, 1, 3, 1 };
	struct crew_group *group = model_open(NULL);

	(void)arg;
	for (unsigned i = 0; i < 4; i++)
		crew_group_spawn(group, punctual_sleep, (void *)units[i]);
	return model_close(group, 0);
}

Test(late, who_sleeps_wakes_on_time, .timeout = 300)
{
	struct model model = { .program = punctual_program, .lasts = CREW_US(300), .workers = 2 };

	model_search_with("punctual", model, (struct crew__sim_options){ .seed = 0 }, 2000);
	model.workers = 1;
	model_search_with("punctual", model, (struct crew__sim_options){ .no_membarrier = true },
			  2000);
}

/* ---- counting off ----------------------------------------------------------------- */

/* A child that has ended is counted off although its worker goes on with a task that
 * computes until the group is closed. */
static struct crew_group *outer;
static struct crew_word closed;

static int compute_until_closed(void *arg)
{
	(void)arg;
	while (!crew__load_relaxed(&closed))
		;
	return 0;
}

static int spawning_child(void *arg)
{
	(void)arg;
	return crew_group_spawn(outer, compute_until_closed, NULL);
}

static struct crew_group *open_in_outer(void)
{
	crew__store_relaxed(&closed, 0);
	outer = model_open(NULL);
	return model_open(NULL);
}

static int close_before_outer(struct crew_group *group)
{
	int rc = model_close(group, 0);

	crew__store_relaxed(&closed, 1);
	return model_close(outer, rc);
}

static int batch_program(void *arg)
{
	struct crew_group *group = open_in_outer();

	(void)arg;
	crew_group_spawn(group, spawning_child, NULL);
	crew_group_spawn(group, model_leaf, NULL);
	return close_before_outer(group);
}

Test(late, children_are_counted_off_before_other_tasks, .timeout = 300)
{
	struct model model = { .program = batch_program, .lasts = -1 };

	model_search_from("batches", model, 2, 3000);
}

/* The same when that task was ready and goes on. */
static int sleep_and_compute(void *arg)
{
	crew_sleep(CREW_US(50));
	return compute_until_closed(arg);
}

static int short_sleep(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_US(50));
}

static int ready_program(void *arg)
{
	struct crew_group *group = open_in_outer();

	(void)arg;
	crew_group_spawn(outer, sleep_and_compute, NULL);
	crew_group_spawn(group, short_sleep, NULL);
	return close_before_outer(group);
}

Test(late, children_are_counted_off_before_ready_tasks, .timeout = 300)
{
	struct model model = { .program = ready_program, .lasts = -1 };

	model_search_from("batches_ready", model, 2, 3000);
}

/* ---- naps -------------------------------------------------------------------------- */

/* As in failures/who_is_woken_does_not_wait_for_who_wakes, after a while in which fibers
 * became ready one at a time, so that searchers have left them alone and napped. */
static int woken_task(void *arg)
{
	model_ran(0);
	crew_sleep(CREW_NEVER);
	model_ran(1);
	return crew_sleep((crew_time)(uintptr_t)arg + 1);
}

static int yielding_task(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++)
		crew_yield();
	return 0;
}

static int waking_task(void *arg)
{
	crew_time begun = crew_now();

	while (!crew__load_relaxed(&model_now->ran[0]))
		crew_yield();
	yielding_task(arg);
	crew_cancel(NULL, "enough");
	while (!crew__load_relaxed(&model_now->ran[1]))
		;
	/* naps are some 50 us to begin with */
	crew__sim_check(crew_now() - begun < CREW_MS(20), "a nap took too long");
	return 0;
}

static int napping_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	crew_group_spawn(group, woken_task, NULL);
	crew_group_spawn(group, yielding_task, NULL);
	crew_group_spawn(group, waking_task, NULL);
	return model_close(group, 0);
}

Test(late, who_is_woken_does_not_wait_for_who_naps, .timeout = 300)
{
	struct model model = { .program = napping_program,
			       .expected = CREW_ECANCELED,
			       .lasts = -1 };

	model_search_from("napping", model, 2, 3000);
}
