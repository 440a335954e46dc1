/* SPDX-License-Identifier: MIT */
/*
 * model/turns.c - nobody is forgotten: who computes hides no work, who parks counts off what has
 * ended, who was poked is awake once. Mutants of the engine showed what other models missed.
 */
#include "exec/exec.h"
#include "model/model.h"

#include <string.h>

/* ---- a worker that parks has counted off -------------------------------------------- */

/* Its worker goes on from `parting`, which parks, to `computing`, which was made ready there
 * and computes until the group is closed. One child of that group has ended there before. */
static struct crew_word closed;
static struct crew_word parked; /* the group that `computing` waits for */
static struct crew_group *outer;

static int computing(void *arg)
{
	struct crew_group *own = model_open(NULL);
	int rc;

	(void)arg;
	crew__add_acq_rel(&own->private_.count, 1); /* as a child that `parting` counts off */
	crew__store_release(&parked, (uint64_t)(uintptr_t)own);
	rc = model_close(own, 0);
	while (!crew__load_relaxed(&closed))
		;
	return rc;
}

static int parting(void *arg)
{
	(void)arg;
	crew__join_ended((struct crew_group *)(uintptr_t)crew__load_acquire(&parked), 1);
	crew_yield();
	return 0;
}

static int parting_program(void *arg)
{
	struct crew_group *group;
	int rc;

	(void)arg;
	crew__store_relaxed(&closed, 0);
	crew__store_relaxed(&parked, 0);
	outer = model_open(NULL);
	crew_group_spawn(outer, computing, NULL);
	while (!crew__load_acquire(&parked))
		crew_yield();
	group = model_open(NULL);
	crew_group_spawn(group, parting, NULL);
	crew_group_spawn(group, model_leaf, NULL);
	crew_sleep(CREW_US(50));
	rc = model_close(group, 0);
	crew__store_relaxed(&closed, 1);
	return model_close(outer, rc);
}

Test(turns, children_are_counted_off_when_their_worker_parks, .timeout = 300)
{
	struct model model = { .program = parting_program, .lasts = -1 };

	model_search_from("parting", model, 2, 700);
}

/* ---- what was injected together is work for two ------------------------------------- */

static struct crew_word arrived;

static int meets(void *arg)
{
	(void)arg;
	crew__add_relaxed(&arrived, 1);
	while (crew__load_relaxed(&arrived) < 2)
		;
	return 0;
}

static void inject_two(struct model *m)
{
	struct crew_group *group = model_open(m->crew);

	crew__store_relaxed(&arrived, 0);
	crew_group_spawn(group, meets, NULL);
	crew_group_spawn(group, meets, NULL);
	crew__sim_check(model_close(group, 0) == 0, "close failed");
}

Test(turns, what_was_injected_together_is_work_for_two, .timeout = 300)
{
	struct model model = {
		.program = model_yield, .beside = inject_two, .threads = 1, .lasts = -1
	};

	model_search_from("together", model, 2, 1500);
}

/* ---- woken twice -------------------------------------------------------------------- */

/* A pinned task is ready at the moment at which something is injected; later more is. */
static int pinned_sleep(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_US(50));
}

static int pinned_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	crew_group_spawn_task(group, pinned_sleep, NULL, CREW_TASK(.flags = CREW_TASK_PINNED),
			      NULL);
	return model_close(group, 0);
}

static void inject_in_time(struct model *m)
{
	for (unsigned n = 0; n < 2; n++) {
		struct crew_group *group = model_open(m->crew);

		crew_sleep(CREW_US(50));
		crew_group_spawn(group, model_leaf, (void *)(uintptr_t)n);
		crew__sim_check(model_close(group, 0) == 0, "close failed");
	}
}

Test(turns, a_worker_is_poked_and_woken, .timeout = 300)
{
	struct model model = {
		.program = pinned_program, .beside = inject_in_time, .threads = 1, .lasts = -1
	};

	model_search("poked", model, 700);
}

/* ---- a cancelled group -------------------------------------------------------------- */

static int never(void *arg)
{
	(void)arg;
	crew__sim_check(false, "a child of a cancelled group has run");
	return 0;
}

/* R16: its own children are not run in place. */
static int cancelled_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	crew_group_spawn(group, never, NULL);
	return model_close(group, 7);
}

Test(turns, children_of_a_cancelled_group_are_not_run_in_place, .timeout = 300)
{
	struct model model = { .program = cancelled_program, .expected = 7, .workers = 1 };

	model_search_with("in_place", model, (struct crew__sim_options){ .seed = 0 }, 100);
}

/* ---- behind a shield ---------------------------------------------------------------- */

/* outside > inside > shielded. The shield goes up after a first cancellation has gone through. */
static struct crew_scope scopes[3];
static struct crew__lock lot;
static struct crew__waiter *waiting; /* guarded by lot */

static void unlock_lot(void *arg)
{
	(void)arg;
	crew__lock_release(&lot);
}

static void wait_behind(void *arg)
{
	struct crew__waiter waiter;

	(void)arg;
	crew__self_set_scope(&scopes[2]);
	crew__waiter_init(&waiter, true);
	crew__lock_acquire(&lot);
	waiting = &waiter;
	crew__sim_check(crew__park(&waiter, unlock_lot, NULL, CREW_NEVER, "model"),
			"a wait behind a shield was cancelled");
}

static void wake_behind(void)
{
	struct crew__parker *parker = NULL;
	bool won = false;

	for (; !won; crew__sim_yield()) {
		crew__lock_acquire(&lot);
		won = waiting && crew__grant(waiting, &parker);
		crew__lock_release(&lot);
	}
	crew__ready(parker);
}

static void shielded_main(void *arg)
{
	static const struct crew__cause by_call = { .source = CREW_BY_CALL };
	uint64_t thread;

	(void)arg;
	memset(scopes, 0, sizeof(scopes));
	lot = (struct crew__lock){ .word = { 0 } };
	waiting = NULL;
	for (int i = 1; i < 3; i++)
		scopes[i].private_.parent = &scopes[i - 1];
	crew__scope_shield(&scopes[2], true);
	crew__scope_shield(&scopes[2], false);
	crew__scope_cancel(&scopes[1], &by_call);
	crew__sim_check(crew__scope_cancelled(&scopes[2]), "nothing is there to hold it back");
	crew__scope_shield(&scopes[2], true);
	crew__port_thread_start(&thread, wait_behind, NULL, "model");
	crew__scope_cancel(&scopes[0], &by_call);
	wake_behind();
	crew__port_thread_join(thread);
	for (int i = 2; i >= 0; i--)
		crew__scope_leave(&scopes[i], NULL);
}

Test(turns, who_waits_behind_a_shield_is_left_alone, .timeout = 300)
{
	struct crew__sim_options options = { .name = "behind" };
	struct crew__sim_result result =
		crew__sim_search_seeds(&options, shielded_main, NULL, 2000);

	cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
}

/* ---- no memory for a child ---------------------------------------------------------- */

/* Its owner has counted it already: close does not wait for it. */
static int refused_program(void *arg)
{
	struct crew_group *group = model_open(NULL);
	char copy[64] = { 0 };
	int rc = 0;

	(void)arg;
	for (int i = 0; i < 40 && rc == 0; i++)
		rc = crew_group_spawn_copy(group, pinned_sleep, copy, sizeof(copy));
	crew__sim_check(rc == 0 || rc == CREW_ENOMEM, "spawn said something else");
	return model_close(group, 0);
}

static void refused_main(void *opaque)
{
	struct model *m = opaque;
	int rc;

	model_begin(m);
	if (crew_start(&m->crew, CREW_OPTIONS(.workers = m->workers, .stack_bytes = 32768)))
		return;
	rc = crew_run(m->crew, m->program, NULL);
	crew__sim_check(rc == 0 || rc == CREW_ENOMEM, "crew_run said something else");
	crew__sim_check(crew_stop(m->crew) == 0, "crew_stop failed");
}

Test(turns, a_child_that_was_refused_is_not_waited_for, .timeout = 300)
{
	struct model model = { .program = refused_program, .workers = 1 };

	for (uint32_t k = 1; k < 30; k++) {
		struct crew__sim_options options = { .name = "uncounted", .map_fails_from = k };
		struct crew__sim_result result;

		options.map_fails = 3;
		result = crew__sim_search_seeds(&options, refused_main, &model, 20);
		cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
	}
}
