/* SPDX-License-Identifier: MIT */
/* model/threads.c - plain threads and other crews: they spawn, run, stop, look on. */
#include "model/model.h"

#include "crew/event.h"

#include <stdio.h>

/* ---- plain threads ------------------------------------------------------------------- */

static void visit(struct model *m)
{
	unsigned first = 4 * (unsigned)crew__add_relaxed(&m->numbers, 1);
	struct crew_group *group = model_open(m->crew);

	for (uintptr_t i = first; i < first + 4; i++)
		crew__sim_check(
			crew_group_spawn(group, i & 1 ? model_leaf : model_yield, (void *)i) == 0,
			"spawn from a plain thread failed");
	crew__sim_check(model_close(group, 0) == 0, "close by a plain thread failed");
	model_check_ran(first, first + 4);
}

Test(threads, plain_threads_spawn, .timeout = 300)
{
	struct model model = { .beside = visit, .threads = 2 };

	model_search("visitors", model, 3000);
}

/* One task, one worker, one plain thread that waits for it. */
static void visit_once(struct model *m)
{
	struct crew_group *group = model_open(m->crew);

	crew_group_spawn(group, model_leaf, NULL);
	crew__sim_check(model_close(group, 0) == 0, "close by a plain thread failed");
	model_check_ran(0, 1);
}

Test(threads, a_plain_thread_waits_all_interleavings, .timeout = 300)
{
	struct model model = { .inside = visit_once, .workers = 1 };

	model_enumerate("visitor", model, 2);
}

Test(threads, several_threads_run, .timeout = 300)
{
	struct model model = {
		.program = model_tree_program, .beside = model_run_beside, .threads = 2, .lasts = -1
	};

	model_search("beside", model, 2000);
}

/* ---- stopping, and what meets it ---------------------------------------------------------- */

/* A visitor that has opened its group before the stop began: what it has spawned runs,
 * and the stop waits for it. Later spawns are refused. */
static void visit_until_stopped(struct model *m)
{
	unsigned n = 60 + (unsigned)crew__add_relaxed(&m->numbers, 1);
	struct crew_group *group = model_open(m->crew);
	int rc;

	crew__sim_check(crew_group_spawn(group, model_leaf, (void *)(uintptr_t)n) == 0,
			"spawn failed");
	crew__add32_acq_rel(&m->left, (uint32_t)-1);
	crew__port_wake(&m->left, 1);
	crew__port_thread_yield();
	rc = crew_group_spawn(group, model_sleep, (void *)(uintptr_t)(n - 8));
	crew__sim_check(rc == 0 || rc == CREW_ECLOSED, "spawn said something else");
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(n, n + 1);
	if (rc == 0)
		model_check_ran(n - 8, n - 7);
}

static void wait_for_visitors(struct model *m)
{
	uint32_t left;

	while ((left = crew__load32_acquire(&m->left)) != 0)
		crew__port_wait(&m->left, left, CREW_NEVER);
}

Test(threads, stop_waits_for_visitors, .timeout = 300)
{
	struct model model = { .inside = wait_for_visitors,
			       .beside = visit_until_stopped,
			       .threads = 2,
			       .stop_early = true,
			       .lasts = -1 };

	model_search("stopped", model, 2000);
}

/* Who ends a task's wait from outside is still at it when the task has run to its end, and its
 * crew is stopped. */
static struct crew_event last_event;

static int wait_for_last_event(void *arg)
{
	(void)arg;
	last_event = (struct crew_event)CREW_EVENT_INIT;
	crew__store_release(&model_now->numbers, 1);
	return crew_event_wait(&last_event);
}

static void set_last_event(struct model *m)
{
	while (!crew__load_acquire(&m->numbers))
		crew__port_thread_yield();
	crew_event_set(&last_event);
}

Test(threads, stop_waits_for_who_has_woken_the_last, .timeout = 300)
{
	struct model model = { .program = wait_for_last_event,
			       .beside = set_last_event,
			       .threads = 1,
			       .stop_early = true,
			       .lasts = -1 };

	model_search("woke_last", model, 1000);
}

/* A task of one crew runs something on another, started and stopped by itself. */
static int other_crew_program(void *arg)
{
	struct crew *other;
	int rc = crew_start(&other, CREW_OPTIONS(.workers = 1, .stack_bytes = 32768));

	(void)arg;
	crew__sim_check(rc == 0, "crew_start failed");
	crew__sim_check(crew_run(other, model_sleep, (void *)(uintptr_t)3) == 0,
			"crew_run on another crew failed");
	model_check_ran(3, 4);
	return crew_stop(other);
}

Test(threads, a_task_runs_another_crew, .timeout = 300)
{
	struct model model = { .program = other_crew_program, .lasts = CREW_MS(1) };

	model_search("other_crew", model, 1000);
}

/* ---- those who look on ---------------------------------------------------------------------- */

static int mixed_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	for (uintptr_t i = 0; i < 6; i++)
		crew_group_spawn_task(
			group, i & 1 ? model_sleep : model_yield, (void *)i,
			CREW_TASK(.name = "mixed", .flags = i & 2 ? CREW_TASK_PINNED : 0), NULL);
	return model_close(group, 0);
}

static void look_on(struct model *m)
{
	FILE *nowhere = fopen("/dev/null", "w");

	crew__sim_check(nowhere, "no /dev/null");
	for (int i = 0; i < 3; i++) {
		struct crew_stats stats = { .size = sizeof(stats) };

		crew__sim_check(crew_read_stats(m->crew, &stats) == 0, "crew_read_stats failed");
		crew__sim_check(stats.workers == m->workers, "workers were miscounted");
		crew__sim_check(crew_dump(m->crew, nowhere) == 0, "crew_dump failed");
	}
	fclose(nowhere);
}

Test(threads, is_dumped_meanwhile, .timeout = 300)
{
	struct model model = {
		.program = mixed_program, .beside = look_on, .threads = 1, .lasts = -1
	};

	model_search("dumped", model, 500);
}
