/* SPDX-License-Identifier: MIT */
/*
 * model/start.c - children that are waited for as they begin (scope/start.c).
 */
#include "model/model.h"

/* ---- CREW_TASK_INLINE ------------------------------------------------------------------- */

#define INLINE 3

/* Plain memory: the spawner sees what the child wrote before it waited or ended. */
static int begun[INLINE];

static int wait_in_the_middle(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;

	begun[n] = 1;
	model_ran(n);
	if (n == 0)
		crew_yield();
	else
		crew_sleep(CREW_NEVER); /* until the spawner, which goes on, cancels the group */
	model_ran(10 + n);
	return crew_checkpoint();
}

static int end_at_once(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;

	begun[n] = 1;
	model_ran(n);
	model_ran(10 + n);
	return 0;
}

static void spawn_inline(struct crew_group *group)
{
	for (uintptr_t n = 0; n < INLINE; n++) {
		begun[n] = 0;
		crew__sim_check(crew_group_spawn_task(
					group, n == 1 ? end_at_once : wait_in_the_middle, (void *)n,
					CREW_TASK(.flags = CREW_TASK_INLINE), NULL) == 0,
				"spawn failed");
		crew__sim_check(begun[n], "spawn returned before the child had begun");
	}
	crew_group_cancel(group, "model");
}

static int spawn_into(void *arg)
{
	spawn_inline((struct crew_group *)arg);
	return 0;
}

static int inline_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	spawn_inline(group);
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(0, INLINE);
	model_check_ran(10, 10 + INLINE);
	return 0;
}

/* The owner closes meanwhile, and runs what it finds in place. */
static int inline_child_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	crew_group_spawn(group, spawn_into, group);
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(0, INLINE);
	model_check_ran(10, 10 + INLINE);
	return 0;
}

static void inline_beside(struct model *m)
{
	struct crew_group *group = model_open(m->crew);

	spawn_inline(group);
	crew__sim_check(model_close(group, 0) == 0, "close failed");
}

Test(start, inline_by_the_owner, .timeout = 300)
{
	model_search("inline", (struct model){ .program = inline_program, .lasts = -1 }, 1500);
}

Test(start, inline_by_a_child, .timeout = 300)
{
	model_search("inline_child", (struct model){ .program = inline_child_program, .lasts = -1 },
		     1500);
}

Test(start, inline_by_a_plain_thread, .timeout = 300)
{
	model_search("inline_thread",
		     (struct model){ .beside = inline_beside, .threads = 1, .lasts = -1 }, 1500);
}
