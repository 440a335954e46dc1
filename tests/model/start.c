/* SPDX-License-Identifier: MIT */
/*
 * model/start.c - children that are waited for as they begin (scope/start.c).
 */
#include "model/model.h"

#include <string.h>

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

/* ---- crew_group_start() ------------------------------------------------------------------ */

/*
 * A starter outside of the group, in a scope that it leaves as soon as it may; the child with
 * children that sleep, and that look outwards, meanwhile. Only cancellations end the sleep: by the
 * starter's scope, or by the group, which is cancelled when the start is over, at the latest.
 */
static struct crew_scope around; /* the call; afterwards it is nonsense */
static struct crew_scope_ref *ref;
static struct crew_group *target;
static const char key;
static int number; /* bound by the starter: plain memory */
static struct crew_word prepared;
static struct crew_word child_begun;
static struct crew_word child_ended;
static bool has_ref;

static int sleep_long(void *arg)
{
	model_ran((unsigned)(uintptr_t)arg);
	return crew_sleep(CREW_NEVER);
}

static int look(void *arg)
{
	struct crew_cancel_info info = { .size = sizeof(info) };

	model_ran((unsigned)(uintptr_t)arg);
	for (int i = 0; i < 2; i++) {
		const int *bound = crew_local_get(&key);
		crew_time when = crew_deadline();

		crew__sim_check(!bound || bound == &number, "a binding of a scope that was left");
		crew__sim_check(when == INT64_MIN || when > 0, "a deadline of one");
		crew__sim_check(!crew_read_cancel_info(&info) || info.source == CREW_BY_CALL,
				"a cause of one");
		crew_yield();
	}
	return 0;
}

static int start_with_children(void *arg)
{
	struct crew_group *group = model_open(NULL);
	int rc;

	crew__store_release(&child_begun, 1);
	for (uintptr_t n = 0; n < 2; n++)
		crew_group_spawn_task(group, n == 0 ? sleep_long : look, (void *)n,
				      CREW_TASK(.flags = CREW_TASK_ATOMIC), NULL);
	crew_yield();
	crew__sim_check(crew_started(arg) == 0, "started");
	rc = model_close(group, 0);
	crew__sim_check(rc == CREW_ECANCELED, "nobody ended the sleep");
	crew__store_release(&child_ended, 1);
	return rc;
}

static void start_it(void)
{
	struct crew_local binding;
	void *value = NULL;
	int rc;

	crew_scope_open(&around, NULL);
	if (has_ref)
		ref = crew_scope_take_ref(&around);
	number = 7;
	crew_local_set(&binding, &key, &number);
	crew__store_release(&prepared, 1);
	rc = crew_group_start(target, start_with_children, &number, &value);
	crew__sim_check(rc == 0 ? value == &number : rc == CREW_ECANCELED && !value, "start");
	crew__sim_check(rc == 0 || crew__load_acquire(&child_ended) ==
					   crew__load_acquire(&child_begun),
			"start was interrupted, and the child runs");
	crew_scope_close(&around, rc);
	number = 0;
	memset(&binding, 0x5a, sizeof(binding));
	memset(&around, 0x5a, sizeof(around));
	crew_group_cancel(target, "model");
	crew_group_release(target);
}

static int start_task(void *arg)
{
	(void)arg;
	start_it();
	return 0;
}

static int cancel_around(void *arg)
{
	(void)arg;
	while (!crew__load_acquire(&prepared))
		crew_yield();
	crew_scope_ref_cancel(ref, "model");
	crew_scope_ref_drop(ref);
	return 0;
}

static int cancel_target(void *arg)
{
	(void)arg;
	crew_yield();
	crew_group_cancel(target, "model");
	return 0;
}

static void open_target(void)
{
	target = model_open(NULL);
	crew__sim_check(crew_group_hold(target) == 0, "hold");
	crew__init_word(&child_begun, 0);
	crew__init_word(&child_ended, 0);
}

/* It keeps the group open until the starter lets go of it. */
static int start_program(crew_task_fn *canceller, crew_task_fn *group_canceller)
{
	struct crew_group *starters;

	crew__init_word(&prepared, 0);
	has_ref = canceller;
	starters = model_open(NULL);
	open_target();
	crew_group_spawn(starters, start_task, NULL);
	if (canceller)
		crew_group_spawn(starters, canceller, NULL);
	if (group_canceller)
		crew_group_spawn(target, group_canceller, NULL);
	crew__sim_check(model_close(target, 0) == 0, "close of the group");
	return model_close(starters, 0);
}

static int group_cancelled_program(void *arg)
{
	(void)arg;
	return start_program(NULL, cancel_target);
}

static int starter_cancelled_program(void *arg)
{
	(void)arg;
	return start_program(cancel_around, NULL);
}

static int both_cancelled_program(void *arg)
{
	(void)arg;
	return start_program(cancel_around, cancel_target);
}

static int open_for_thread(void *arg)
{
	(void)arg;
	has_ref = false;
	open_target();
	crew__store_release(&model_now->numbers, 1);
	return model_close(target, 0);
}

static void start_beside(struct model *m)
{
	while (!crew__load_acquire(&m->numbers))
		crew__sim_yield();
	start_it();
}

Test(start, the_group_is_cancelled_meanwhile, .timeout = 300)
{
	model_search("start_group",
		     (struct model){ .program = group_cancelled_program, .lasts = -1 }, 1500);
}

Test(start, the_starter_is_cancelled_meanwhile, .timeout = 300)
{
	model_search("start_starter",
		     (struct model){ .program = starter_cancelled_program, .lasts = -1 }, 1500);
}

Test(start, both_are_cancelled_meanwhile, .timeout = 300)
{
	model_search("start_both", (struct model){ .program = both_cancelled_program, .lasts = -1 },
		     1500);
}

Test(start, a_plain_thread_starts, .timeout = 300)
{
	struct model model = {
		.program = open_for_thread, .beside = start_beside, .threads = 1, .lasts = -1
	};

	model_search("start_thread", model, 1500);
}
