/* SPDX-License-Identifier: MIT */
/*
 * model/deadline.c - scopes with deadlines in a whole crew, in virtual time: the timer that
 * strikes against who leaves, moves, waits and is cancelled otherwise. A scope that was left
 * is filled with nonsense, which must still be there when the run ends.
 */
#include "exec/exec.h"
#include "model/model.h"

#include <string.h>

#define SCOPES 8
static struct crew_scope scopes[SCOPES];
static struct crew_word scopes_used;

static struct crew_scope *next_scope(void)
{
	uint64_t index = crew__add_relaxed(&scopes_used, 1);

	crew__sim_check(index < SCOPES, "SCOPES is too small");
	return &scopes[index];
}

static int close_scope(struct crew_scope *scope, int rc)
{
	rc = crew_scope_close(scope, rc);
	memset(scope, 0xa5, sizeof(*scope));
	return rc;
}

static void check_scopes(void)
{
	struct crew_scope nonsense;

	memset(&nonsense, 0xa5, sizeof(nonsense));
	for (uint64_t i = 0; i < crew__load_relaxed(&scopes_used); i++)
		crew__sim_check(memcmp(&scopes[i], &nonsense, sizeof(nonsense)) == 0,
				"a scope was touched after it was left");
	crew__store_relaxed(&scopes_used, 0);
}

static void check_end(struct model *m)
{
	(void)m;
	check_scopes();
}

/* ---- striking against leaving ------------------------------------------------------- */

/* The sleep and the deadline are over at the same moment: one of them wins. */
static int same_moment(void *arg)
{
	(void)arg;
	for (int i = 0; i < 2; i++) {
		struct crew_scope *scope = next_scope();
		int slept;
		int rc;

		crew_scope_fail_after(scope, CREW_MS(1));
		slept = crew_sleep(CREW_MS(1));
		crew__sim_check(slept == 0 || crew_check() == CREW_ECANCELED,
				"woken as cancelled, and a check says otherwise");
		rc = close_scope(scope, slept);
		crew__sim_check(slept == 0 ? rc == 0 :
					     slept == CREW_ECANCELED && rc == CREW_ETIMEDOUT,
				"neither slept nor timed out");
		crew__sim_check(crew_check() == 0, "a trace is left");
	}
	return 0;
}

Test(deadline, strikes_while_the_scope_is_left, .timeout = 300)
{
	struct model model = { .program = same_moment, .inside = check_end, .lasts = CREW_MS(2) };

	model_search("same_moment", model, 2000);
	model.workers = 1;
	model_enumerate("same_moment_all", model, 1);
}

/* ---- groups ---------------------------------------------------------------------------- */

static int late_group(void *arg)
{
	struct crew_group *group;
	int rc;

	(void)arg;
	crew_scope_fail_after(scopes, CREW_MS(2));
	crew__store_relaxed(&scopes_used, 1);
	group = model_open(NULL);
	for (uintptr_t i = 0; i < 4; i++)
		crew_group_spawn(group, model_sleep, (void *)i);
	rc = crew_sleep(CREW_S(1));
	rc = model_close(group, rc);
	crew__sim_check(rc == CREW_ECANCELED, "the group was not cancelled from outside");
	rc = close_scope(scopes, rc);
	crew__sim_check(rc == CREW_ETIMEDOUT, "it was the deadline");
	return 0;
}

Test(deadline, cancels_the_tasks_of_groups_inside, .timeout = 300)
{
	struct model model = { .program = late_group, .inside = check_end, .lasts = CREW_MS(2) };

	model_search("late_group", model, 2000);
}

/* A group's own, against a child that fails at the same moment: the first source decides. */
static int fail_at_1ms(void *arg)
{
	(void)arg;
	crew_sleep(CREW_MS(1));
	return 7;
}

static int timed_group(void *arg)
{
	struct crew_group group;
	int spawned;
	int rc;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.timeout_ns = CREW_MS(1)));
	spawned = crew_group_spawn(&group, fail_at_1ms, NULL);
	rc = crew_group_close(&group, 0);
	if (spawned == CREW_ECANCELED) /* time has passed early: nothing was stopped */
		crew__sim_check(rc == 0, "close");
	else
		crew__sim_check(rc == 7 || rc == CREW_ETIMEDOUT, "neither failure nor timeout");
	return 0;
}

Test(deadline, of_a_group_against_a_failure, .timeout = 300)
{
	struct model model = { .program = timed_group, .lasts = CREW_MS(1) };

	model_search("timed_group", model, 2000);
}

/* ---- handles ------------------------------------------------------------------------------ */

static struct crew_scope_ref *handle;

static void cancel_by_handle(struct model *m)
{
	while (!crew__load_acquire(&m->numbers))
		crew__sim_yield();
	crew_scope_ref_cancel(handle, "by handle");
	crew_scope_ref_drop(handle);
}

static int leave_beside_handle(void *arg)
{
	struct crew_scope *scope = next_scope();
	int rc;

	(void)arg;
	crew_scope_fail_after(scope, CREW_MS(2));
	handle = crew_scope_take_ref(scope);
	crew__store_release(&model_now->numbers, 1);
	rc = close_scope(scope, crew_sleep(CREW_MS(1)));
	crew__sim_check(rc == 0 || rc == CREW_ETIMEDOUT, "slept, or caught");
	return 0;
}

Test(deadline, and_handles_against_leaving, .timeout = 300)
{
	struct model model = { .program = leave_beside_handle,
			       .inside = check_end,
			       .beside = cancel_by_handle,
			       .threads = 1,
			       .lasts = -1 };

	model_search("handle", model, 2000);
}

/* ---- moved by others -------------------------------------------------------------- */

static struct crew_scope moved;
static struct crew_word moving;

static int move_it(void *arg)
{
	(void)arg;
	crew_scope_set_deadline(&moved, crew_now() + CREW_MS(5));
	crew_scope_set_deadline(&moved, crew_now() + CREW_MS(1));
	return 0;
}

static int sleep_while_moved(void *arg)
{
	struct crew_group *group;
	int rc;

	(void)arg;
	crew_scope_move_on_after(&moved, CREW_MS(1));
	group = model_open(NULL);
	crew_group_spawn(group, move_it, NULL);
	rc = crew_sleep(CREW_S(1));
	rc = model_close(group, rc);
	crew__sim_check(crew_scope_close(&moved, rc) == 0, "it was caught");
	memset(&moved, 0xa5, sizeof(moved));
	return 0;
}

Test(deadline, is_moved_while_the_owner_sleeps, .timeout = 300)
{
	struct model model = { .program = sleep_while_moved, .lasts = CREW_MS(1) };

	model_search("moved", model, 2000);
}

/* ---- plain threads ---------------------------------------------------------------- */

/* Outside of groups it serves itself; inside, the group's crew does. */
static void plain_beside(struct model *m)
{
	struct crew_scope *scope = next_scope();
	struct crew_group *group;
	int rc;

	crew_scope_fail_after(scope, CREW_MS(1));
	rc = close_scope(scope, crew_sleep(CREW_MS(9)));
	crew__sim_check(rc == CREW_ETIMEDOUT, "a plain thread's deadline");
	scope = next_scope();
	crew_scope_fail_after(scope, CREW_MS(1));
	group = model_open(m->crew);
	crew_group_spawn(group, model_sleep, (void *)2);
	rc = model_close(group, 0);
	crew__sim_check(rc == 0 || rc == CREW_ECANCELED || rc == CREW_ECLOSED, "close");
	rc = rc == CREW_ECLOSED ? crew_sleep(CREW_MS(9)) : rc;
	rc = close_scope(scope, rc);
	crew__sim_check(rc == CREW_ETIMEDOUT, "a deadline that was lent a timer");
}

static void leave_time(struct model *m)
{
	(void)m;
	crew_sleep(CREW_MS(4));
	check_scopes();
}

Test(deadline, of_plain_threads, .timeout = 300)
{
	struct model model = {
		.inside = leave_time, .beside = plain_beside, .threads = 1, .lasts = CREW_MS(4)
	};

	model_search_with("plain_1",
			  (struct model){ .inside = leave_time,
					  .beside = plain_beside,
					  .threads = 1,
					  .workers = 1,
					  .lasts = CREW_MS(4) },
			  (struct crew__sim_options){ .seed = 0 }, 4000);
	model.workers = 2;
	model_search_with("plain_2", model, (struct crew__sim_options){ .no_membarrier = true },
			  2000);
}

/* By another thread, while it sleeps. */
static void sleep_for_ever(void *arg)
{
	(void)arg;
	crew_scope_open(&moved, NULL);
	crew__store_release(&moving, 1);
	crew__sim_check(crew_sleep(CREW_NEVER) == CREW_ECANCELED, "nothing else ends it");
	crew__sim_check(crew_scope_close(&moved, CREW_ECANCELED) == 0, "it was caught");
}

static void moved_main(void *arg)
{
	uint64_t thread;

	crew__store_relaxed(&moving, 0);
	crew__port_thread_start(&thread, sleep_for_ever, arg, "sleeper");
	while (!crew__load_acquire(&moving))
		crew__sim_yield();
	crew_scope_set_deadline(&moved, crew_now() + CREW_MS(1));
	crew__port_thread_join(thread);
}

Test(deadline, of_a_sleeping_thread_is_moved, .timeout = 300)
{
	struct crew__sim_options options = { .name = "moved_thread" };
	struct crew__sim_result result = crew__sim_search_seeds(&options, moved_main, NULL, 10000);

	cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
	result = crew__sim_enumerate(&options, moved_main, NULL, 2);
	cr_assert(result.verdict == CREW__SIM_OK && result.complete, "%s", result.message);
}
