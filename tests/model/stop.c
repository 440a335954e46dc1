/* SPDX-License-Identifier: MIT */
/*
 * model/stop.c - stopping a crew while everything else goes on: visitors that spawn, fail,
 * cancel, wait, call what blocks, and open more; and calls that block, in line and on their
 * way, when they are cancelled or when their spare threads retire.
 */
#include "model/model.h"
#include "model/small.h"

#include "base/config.h"

/* ---- stop ------------------------------------------------------------------------- */

static int fail(void *arg)
{
	(void)arg;
	return 7;
}

static int sleep_for_ever(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_NEVER);
}

static int block(void *arg)
{
	struct crew__word32 word = { 0 };

	while (crew__port_wait(&word, 0, crew__port_now() + CREW_US(100)))
		;
	model_ran((unsigned)(uintptr_t)arg);
	return 0;
}

static int block_as_task(void *arg)
{
	return crew_blocking(block, arg);
}

/* A task that opens groups of its own until it is cancelled, or three times. */
static int open_more(void *arg)
{
	int rc = 0;

	for (int i = 0; i < 3 && rc == 0; i++) {
		struct crew_group *group = model_open(NULL);

		crew_group_spawn(group, model_yield, (void *)((uintptr_t)arg + 1 + (uintptr_t)i));
		crew_yield();
		rc = model_close(group, crew_checkpoint());
	}
	return rc;
}

static int spawn(struct crew_group *group, int (*fn)(void *), unsigned n)
{
	int rc = crew_group_spawn(group, fn, (void *)(uintptr_t)n);

	crew__sim_check(rc == 0 || rc == CREW_ECLOSED || rc == CREW_ECANCELED,
			"spawn said something else");
	return rc;
}

/* What a visitor does, by its number; what its block returns. */
static int visit(struct model *m, struct crew_group *group, unsigned number)
{
	switch (number) {
	case 0: /* a failure ends who would sleep for ever */
		spawn(group, sleep_for_ever, 0);
		return spawn(group, fail, 0) ? 7 : 0;
	case 1:
		spawn(group, block_as_task, 10);
		spawn(group, model_sleep, 11);
		return 0;
	case 2:
		spawn(group, open_more, 20);
		return crew_group_wait(group);
	default:
		spawn(group, open_more, 30);
		crew_cancel(m->crew, "enough");
		return 0;
	}
}

static void visit_while_stopped(struct model *m)
{
	unsigned number = (unsigned)crew__add_relaxed(&m->numbers, 1);
	struct crew_group *group = model_open(m->crew);
	struct crew_group *inner;
	int rc;

	crew__add32_acq_rel(&m->left, (uint32_t)-1);
	crew__port_wake(&m->left, 1);
	rc = visit(m, group, number);
	inner = model_open(m->crew); /* refused, or stop waits for it as well */
	spawn(inner, model_leaf, 50 + number);
	model_close(inner, 0);
	model_close(group, rc);
}

/* After that they keep the crew alive. */
static void wait_for_visitors(struct model *m)
{
	uint32_t left;

	while ((left = crew__load32_acquire(&m->left)) != 0)
		crew__port_wait(&m->left, left, CREW_NEVER);
}

Test(stop, waits_for_whatever_visitors_do, .timeout = 300)
{
	struct model model = { .inside = wait_for_visitors,
			       .beside = visit_while_stopped,
			       .threads = 3,
			       .stop_early = true,
			       .lasts = -1 };

	model_search("stop_visitors", model, 500);
	model.threads = 4;
	model_search("stop_cancelled", model, 500);
}

/* ---- what other crews do -------------------------------------------------------------- */

/* The last child of a task's group runs on another crew. Its worker makes the task ready, and
 * the task's crew may run it to its end and stop meanwhile. */
static struct crew *helper;

static int close_at_helper(void *arg)
{
	struct crew_group *group = model_open(helper);

	crew_group_spawn(group, model_leaf, arg);
	return model_close(group, 0);
}

static void helped_main(void *opaque)
{
	struct model *m = opaque;
	const struct crew_options *options =
		CREW_OPTIONS(.workers = m->workers, .stack_bytes = 32768);

	model_begin(m);
	crew__sim_check(crew_start(&m->crew, options) == 0, "crew_start failed");
	crew__sim_check(crew_start(&helper, options) == 0, "crew_start failed");
	crew__sim_check(crew_run(m->crew, close_at_helper, NULL) == 0, "crew_run failed");
	crew__sim_check(crew_stop(m->crew) == 0, "crew_stop failed");
	crew__sim_check(crew_stop(helper) == 0, "crew_stop failed");
	model_check_ran(0, 1);
}

Test(stop, waits_for_who_makes_its_tasks_ready, .timeout = 300)
{
	struct model model = { .workers = 1 };

	small_seeds_all("stop_helped", helped_main, &model);
}

/* ---- calls that block --------------------------------------------------------------- */

/* A call that was cancelled never began; one that began says what it has returned. */
static int check_block(unsigned n)
{
	int rc = crew_blocking(block, (void *)(uintptr_t)n);
	uint64_t ran = crew__load_relaxed(&model_now->ran[n]);

	crew__sim_check(rc == 0 || rc == CREW_ECANCELED, "crew_blocking said something else");
	crew__sim_check(ran == (rc == 0), "a call that was cancelled has run, or one has not");
	return rc;
}

static int block_once(void *n)
{
	return check_block((unsigned)(uintptr_t)n);
}

static int cancelled_in_line(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	for (uintptr_t i = 0; i < 3; i++)
		crew_group_spawn(group, block_once, (void *)i);
	crew_yield();
	crew__sim_check(model_close(group, 7) == 7, "close said something else");
	return check_block(3); /* nothing of theirs is in its way */
}

/* Spares retire about when the next job comes. */
static int block_twice(void *arg)
{
	unsigned n = 2 * (unsigned)(uintptr_t)arg;
	int rc = check_block(n);

	crew_sleep(CREW__BLOCKING_IDLE);
	return rc ? rc : check_block(n + 1);
}

static int retiring(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	for (uintptr_t i = 0; i < 3; i++)
		crew_group_spawn(group, block_twice, (void *)i);
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(0, 6);
	return 0;
}

static void blocking_main(void *opaque)
{
	struct model *m = opaque;
	int rc;

	model_begin(m);
	rc = crew_start(&m->crew, CREW_OPTIONS(.workers = m->workers, .stack_bytes = 32768,
					       .blocking_max = 2));
	crew__sim_check(rc == 0, "crew_start failed");
	crew__sim_check(crew_run(m->crew, m->program, NULL) == 0, "crew_run failed");
	crew__sim_check(crew_stop(m->crew) == 0, "crew_stop failed");
}

Test(stop, calls_are_cancelled_in_line, .timeout = 300)
{
	struct model model = { .program = cancelled_in_line, .workers = 1 };

	small_seeds_all("blocking_cancelled_1", blocking_main, &model);
	model.workers = 2;
	small_seeds_all("blocking_cancelled_2", blocking_main, &model);
}

Test(stop, spare_threads_retire, .timeout = 300)
{
	struct model model = { .program = retiring, .workers = 1 };

	small_seeds_all("blocking_retire_1", blocking_main, &model);
	model.workers = 2;
	small_seeds_all("blocking_retire_2", blocking_main, &model);
}
