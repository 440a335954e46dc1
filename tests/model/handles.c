/* SPDX-License-Identifier: MIT */
/*
 * model/handles.c - tasks that somebody holds (scope/handle.h): joined while they end, while
 * they are cancelled, while the joiner is; dropped by whoever comes last; lazy ones between
 * the one who joins and the one who closes; handed out to several who ask for the next.
 *
 * Every argument is freed once, every value is taken or freed once, and crew_stop() finds
 * every handle dropped.
 */
#include "model/model.h"

static struct crew_word args_freed;
static struct crew_word values_freed;
static struct crew_task *the_task;
/* Plain memory: who has joined the task sees it. */
static int written;

static void free_arg(void *arg)
{
	(void)arg;
	crew__add_acq_rel(&args_freed, 1);
}

static void free_value(void *value)
{
	(void)value;
	crew__add_acq_rel(&values_freed, 1);
}

static void begin(void)
{
	crew__init_word(&args_freed, 0);
	crew__init_word(&values_freed, 0);
	written = 0;
}

static int give_later(void *arg)
{
	int rc = crew_checkpoint();

	written = 1;
	crew_return(arg);
	return rc;
}

static void spawn(struct crew_group *group, uint32_t flags)
{
	int rc = crew_group_spawn_task(
		group, give_later, group,
		CREW_TASK(.arg_free = free_arg, .value_free = free_value, .flags = flags),
		&the_task);

	crew__sim_check(rc == 0, "spawn failed");
}

/* Joins, and the state says the same as the code. True: it took the value. */
static bool join(void)
{
	void *value = NULL;
	int rc = 0;
	int joined = crew_task_join(the_task, &rc, &value);
	enum crew_task_state state = crew_task_status(the_task);

	if (joined) {
		crew__sim_check(joined == CREW_ECANCELED, "join failed");
		return false;
	}
	if (state == CREW_TASK_FINISHED)
		crew__sim_check(rc == 0 && value && written, "it finished without a value");
	else if (state == CREW_TASK_CANCELLED)
		crew__sim_check(rc == CREW_ECANCELED && value && written,
				"no code of cancellation");
	else
		crew__sim_check(state == CREW_TASK_NEVER_STARTED && rc == CREW_ECANCELED &&
					!value && !written,
				"a state that cannot be");
	crew__sim_check(crew__load_relaxed(&args_freed) == 1, "joined before arg_free");
	return value;
}

static int join_task(void *arg)
{
	(void)arg;
	join();
	return 0;
}

static int cancel_task(void *arg)
{
	(void)arg;
	crew__sim_check(crew_task_cancel(the_task, "model") == 0, "cancel failed");
	return 0;
}

/* ---- joined, cancelled ---------------------------------------------------------------- */

static int joined_program(void *arg)
{
	struct crew_group *group;
	struct crew_group *others;
	struct crew_scope scope;
	bool value;

	begin();
	group = model_open(NULL);
	spawn(group, 0);
	others = model_open(NULL);
	crew_group_spawn(others, join_task, NULL);
	if (arg)
		crew_group_spawn(others, cancel_task, NULL);
	crew_scope_move_on_after(&scope, CREW_US(1));
	join();
	crew_scope_close(&scope, CREW_ECANCELED);
	crew__sim_check(model_close(others, 0) == 0, "others failed");
	crew__sim_check(model_close(group, 0) == 0, "a cancelled task is no failure");
	value = join();
	crew_task_drop(the_task);
	crew__sim_check(crew__load_relaxed(&args_freed) == 1, "the argument was not freed once");
	crew__sim_check(crew__load_relaxed(&values_freed) == 0, "a value was freed that was taken");
	(void)value;
	return 0;
}

static int joined_and_cancelled_program(void *arg)
{
	(void)arg;
	return joined_program(&the_task);
}

Test(handles, are_joined_by_several, .timeout = 300)
{
	model_search("joined", (struct model){ .program = joined_program, .lasts = -1 }, 2000);
}

Test(handles, are_cancelled_while_the_task_ends, .timeout = 300)
{
	model_search("joined_cancelled",
		     (struct model){ .program = joined_and_cancelled_program, .lasts = -1 }, 2000);
}

/* ---- dropped -------------------------------------------------------------------------- */

/* A plain thread has the handle; the group does not wait for it. */
static struct crew_word spawned;

static int dropped_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	begin();
	spawn(group, 0);
	crew__store_release(&spawned, 1);
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	return 0;
}

static void drop_beside(struct model *m)
{
	(void)m;
	while (!crew__exchange_acq_rel(&spawned, 0))
		crew_sleep(CREW_US(1));
	cancel_task(NULL);
	crew_task_drop(the_task);
}

static void check_freed(struct model *m)
{
	(void)m;
	while (crew__load_acquire(&args_freed) != 1)
		crew_sleep(CREW_US(1));
	crew__sim_check(crew__load_acquire(&values_freed) <= 1, "a value was freed twice");
}

Test(handles, are_dropped_while_the_task_ends, .timeout = 300)
{
	struct model model = { .program = dropped_program,
			       .beside = drop_beside,
			       .inside = check_freed,
			       .threads = 1,
			       .lasts = -1 };

	model_search("dropped", model, 3000);
}

/* ---- lazy ------------------------------------------------------------------------------ */

static void join_beside(struct model *m)
{
	(void)m;
	while (!crew__exchange_acq_rel(&spawned, 0))
		crew_sleep(CREW_US(1));
	join();
	crew_task_drop(the_task);
}

static int lazy_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	begin();
	spawn(group, CREW_TASK_LAZY);
	for (uintptr_t i = 0; i < 2; i++)
		crew_group_spawn(group, model_yield, (void *)i);
	crew__store_release(&spawned, 1);
	crew_yield();
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	return 0;
}

Test(handles, a_lazy_task_begins_or_never_does, .timeout = 300)
{
	struct model model = { .program = lazy_program,
			       .beside = join_beside,
			       .inside = check_freed,
			       .threads = 1,
			       .lasts = -1 };

	model_search("lazy", model, 3000);
}

/* ---- the next --------------------------------------------------------------------------- */

#define NEXT 4

struct next {
	struct crew_group *group;
	struct crew_word handed[NEXT];
};

static int take_next(void *arg)
{
	struct next *next = (struct next *)arg;
	struct crew_task *task;
	int rc;

	while ((rc = crew_group_next(next->group, &task)) == 0) {
		uintptr_t number = (uintptr_t)crew_task_arg(task);

		crew__sim_check(crew_task_join_nowait(task, NULL, NULL) == 0, "it has not ended");
		crew__sim_check(crew__add_acq_rel(&next->handed[number], 1) == 0,
				"handed out twice");
		crew_task_drop(task);
	}
	crew__sim_check(rc == CREW_EEMPTY, "next failed");
	return 0;
}

static int take_spawned(void *arg)
{
	struct next *next = (struct next *)arg;
	struct crew_task *task;

	if (crew_group_next_spawned(next->group, &task) == 0) {
		crew__add_acq_rel(&next->handed[(uintptr_t)crew_task_arg(task)], 1);
		crew_task_drop(task);
	}
	return 0;
}

static int next_program(void *arg)
{
	struct next next = { .group = NULL };
	struct crew_task *task;

	(void)arg;
	for (int i = 0; i < NEXT; i++)
		crew__init_word(&next.handed[i], 0);
	next.group = model_open(NULL);
	for (uintptr_t i = 0; i < NEXT; i++) {
		crew__sim_check(crew_group_spawn_task(next.group, i & 1 ? model_yield : model_leaf,
						      (void *)i, NULL, &task) == 0,
				"spawn failed");
		crew_task_drop(task);
	}
	crew_group_spawn(next.group, take_next, &next);
	crew_group_spawn(next.group, take_spawned, &next);
	take_next(&next);
	crew__sim_check(model_close(next.group, 0) == 0, "close failed");
	for (int i = 0; i < NEXT; i++)
		crew__sim_check(crew__load_relaxed(&next.handed[i]) == 1, "not handed out once");
	return 0;
}

Test(handles, the_next_is_handed_out_once, .timeout = 300)
{
	model_search("next", (struct model){ .program = next_program }, 2000);
}

/* ---- given back and taken again ----------------------------------------------------------- */

/* Nobody holds them: each is given back as it ends, and is soon another worker's next task. */
#define AGAIN 6

static int end_at_once(void *arg)
{
	(void)arg;
	return 0;
}

static int yield_once(void *arg)
{
	(void)arg;
	crew_yield();
	return 0;
}

static int spawn_and_forget(void *arg)
{
	struct crew_group *group = (struct crew_group *)arg;

	for (unsigned i = 0; i < AGAIN; i++) {
		crew__sim_check(crew_group_spawn_task(group, i & 1 ? yield_once : end_at_once, NULL,
						      CREW_TASK(.arg_free = free_arg), NULL) == 0,
				"spawn failed");
	}
	return 0;
}

static int again_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	begin();
	for (unsigned i = 0; i < 3; i++)
		crew_group_spawn(group, spawn_and_forget, group);
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	crew__sim_check(crew__load_relaxed(&args_freed) == UINT64_C(3) * AGAIN,
			"an argument was not freed once");
	return 0;
}

Test(handles, are_given_back_and_taken_again, .timeout = 300)
{
	model_search_from("again", (struct model){ .program = again_program }, 2, 300);
}
