/* SPDX-License-Identifier: MIT */
/* model/failures.c - failures, cancellation, and what is refused: memory, threads. */
#include "model/model.h"

#include "crew/event.h"

#include <stdio.h>

/* ---- failures and cancellation ---------------------------------------------------------- */

static int failing_task(void *arg)
{
	if (arg)
		crew_yield();
	return 7;
}

static int long_sleep(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_NEVER);
}

/* The first failure wakes the siblings and the owner's own waits: no time passes. */
static int failing_program(void *arg)
{
	struct crew_group *group = model_open(NULL);
	int rc;

	(void)arg;
	crew_group_spawn(group, failing_task, group);
	rc = crew_sleep(CREW_NEVER);
	crew__sim_check(rc == CREW_ECANCELED, "the owner's sleep was not cancelled");
	return model_close(group, rc);
}

Test(failures, a_failure_wakes_the_owner, .timeout = 300)
{
	struct model model = { .program = failing_program, .expected = 7 };

	model_search("failing", model, 3000);
}

/* group_wait is interrupted by the failure, and disarms. */
static int waiting_program(void *arg)
{
	struct crew_group *group = model_open(NULL);
	int rc;

	(void)arg;
	crew_group_spawn(group, failing_task, NULL);
	crew_group_spawn(group, model_yield, NULL);
	rc = crew_group_wait(group);
	crew__sim_check(rc == 0 || rc == CREW_ECANCELED, "wait said something else");
	return model_close(group, 0);
}

Test(failures, a_failure_interrupts_a_wait, .timeout = 300)
{
	struct model model = { .program = waiting_program, .expected = 7 };

	model_search("interrupted_wait", model, 3000);
}

/* A sibling that only computes sees it when it asks. */
static int computing_child(void *arg)
{
	int rc;

	(void)arg;
	while ((rc = crew_check()) == 0)
		;
	return rc;
}

static int asked_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	crew_group_spawn(group, failing_task, group);
	crew_group_spawn(group, computing_child, NULL);
	return model_close(group, 0);
}

Test(failures, a_computing_sibling_sees_a_failure, .timeout = 300)
{
	struct model model = { .program = asked_program, .expected = 7 };

	model_search_from("asked", model, 2, 3000);
}

/* A task that cancels everybody and computes until the one that slept has gone on:
 * whoever is woken must not wait behind whoever woke it. */
static int woken_task(void *arg)
{
	model_ran(0);
	crew_sleep(CREW_NEVER);
	model_ran(1);
	return long_sleep(arg);
}

static int waking_task(void *arg)
{
	(void)arg;
	while (!crew__load_relaxed(&model_now->ran[0]))
		;
	crew_cancel(NULL, "enough");
	while (!crew__load_relaxed(&model_now->ran[1]))
		;
	return 0;
}

static int waking_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	crew_group_spawn(group, woken_task, NULL);
	crew_group_spawn(group, waking_task, NULL);
	return model_close(group, 0);
}

Test(failures, who_is_woken_does_not_wait_for_who_wakes, .timeout = 300)
{
	struct model model = { .program = waking_program, .expected = CREW_ECANCELED, .lasts = -1 };

	model_search_from("woken", model, 3, 5000);
}

static void cancel_beside(struct model *m)
{
	crew_cancel(m->crew, "enough");
}

static int cancelled_program(void *arg)
{
	struct crew_group *group = model_open(NULL);
	int rc;

	(void)arg;
	crew_group_spawn(group, long_sleep, NULL);
	/* refused, when the crew was cancelled before */
	rc = crew_group_spawn(group, long_sleep, NULL);
	return model_close(group, rc);
}

Test(failures, cancelling_the_crew_wakes_everybody, .timeout = 300)
{
	struct model model = { .program = cancelled_program,
			       .beside = cancel_beside,
			       .threads = 1,
			       .expected = CREW_ECANCELED };

	model_search("cancelled", model, 3000);
}

/* ---- no memory, no threads ------------------------------------------------------------------ */

/* crew_start says what it was refused, and leaves nothing; or what it started runs to
 * its end, at the latest when there is memory again (R11). */
static void refused_main(void *opaque)
{
	struct model *m = opaque;
	int rc;

	model_begin(m);
	rc = crew_start(&m->crew, CREW_OPTIONS(.workers = m->workers, .stack_bytes = 32768));
	if (rc) {
		crew__sim_check(rc == CREW_ENOMEM || rc == CREW_EAGAIN, "another code");
		return;
	}
	rc = crew_run(m->crew, m->program, NULL);
	crew__sim_check(rc == 0 || rc == CREW_ENOMEM, "crew_run said something else");
	crew__sim_check(crew_stop(m->crew) == 0, "crew_stop failed");
}

static int modest_sleep(void *arg)
{
	model_ran((unsigned)(uintptr_t)arg);
	return crew_sleep(CREW_MS(1));
}

static int modest_program(void *arg)
{
	struct crew_group *group = model_open(NULL);
	unsigned spawned = 0;

	(void)arg;
	while (spawned < 10 &&
	       crew_group_spawn(group, modest_sleep, (void *)(uintptr_t)spawned) == 0)
		spawned++;
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(0, spawned);
	return 0;
}

/* Everything from the k-th mapping or thread on is refused, or only a few. */
static void refuse(const char *name, struct model model, struct crew__sim_options options)
{
	char full[64];
	struct crew__sim_result result;

	snprintf(full, sizeof(full), "%s_%u_%u", name, model.workers,
		 options.map_fails_from + options.thread_fails_from);
	options.name = full;
	result = crew__sim_search_seeds(&options, refused_main, &model, 200);
	cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", full, result.message);
}

Test(failures, runs_on_when_memory_comes_back, .timeout = 300)
{
	struct model model = { .program = modest_program };

	for (model.workers = 1; model.workers <= 2; model.workers++)
		for (uint32_t k = 1; k < 25; k++)
			refuse("no_memory", model,
			       (struct crew__sim_options){ .map_fails_from = k, .map_fails = 5 });
}

/* A worker that can take no task, for it has no stack to go on with if one waits, hides none:
 * another one that has sleeps no longer. */
static struct crew_event starved;

static int wait_until_starved(void *arg)
{
	(void)arg;
	return crew_event_wait(&starved);
}

static int computing_owner(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	starved = (struct crew_event)CREW_EVENT_INIT;
	crew_group_spawn(group, wait_until_starved, NULL);
	for (uintptr_t n = 0; n < 3; n++) {
		crew_group_spawn(group, model_leaf, (void *)n);
		while (!crew__load_relaxed(&model_now->ran[n]))
			;
	}
	crew_event_set(&starved);
	return model_close(group, 0);
}

Test(failures, who_has_no_stack_hides_no_tasks, .timeout = 300)
{
	struct model model = { .program = computing_owner, .workers = 3 };

	for (uint32_t k = 1; k < 18; k++)
		refuse("no_stack", model, (struct crew__sim_options){ .map_fails_from = k });
}

Test(failures, says_that_no_thread_could_be_created, .timeout = 300)
{
	struct model model = { .program = modest_program, .workers = 3 };

	for (uint32_t k = 1; k < 6; k++)
		refuse("no_threads", model, (struct crew__sim_options){ .thread_fails_from = k });
}

/* ---- the world itself ---------------------------------------------------------------------- */

/* Nothing of one run is left in the next: a seed is the same run, whatever ran before. */
Test(failures, a_seed_is_the_same_run_after_others, .timeout = 300)
{
	struct model model = { .program = model_tree_program,
			       .beside = model_run_beside,
			       .threads = 2,
			       .workers = 2,
			       .lasts = -1 };
	struct crew__sim_result first[8] = { 0 };

	for (int round = 0; round < 2; round++) {
		for (uint64_t seed = 0; seed < 8; seed++) {
			struct crew__sim_options options = { .seed = seed };
			struct crew__sim_result result =
				crew__sim_run(&options, model_main, &model);

			cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
			if (round == 0)
				first[seed] = result;
			cr_assert(result.hash == first[seed].hash &&
					  result.steps == first[seed].steps,
				  "seed %u is another run now", (unsigned)seed);
		}
	}
}
