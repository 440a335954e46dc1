/* SPDX-License-Identifier: MIT */
/*
 * model/join.c - counting the children of a group (exec/join.h): plain threads call what workers
 * call, the main of the run is the owner. All interleavings within a bound, and many seeds; then
 * tasks own groups.
 *
 * What a child has written, in plain memory, is there when the owner goes on. A group that was
 * left is filled with nonsense, which must still be there when everybody has ended.
 */
#include "exec/exec.h"
#include "model/model.h"
#include "model/under.h"

#include <string.h>

#define CHILDREN 4

static struct crew_group group;
static struct crew_scope outer;
static uint64_t written[CHILDREN];
static uint64_t threads[3];
static unsigned started;

static void begin(void)
{
	memset(&group, 0xa5, sizeof(group));
	memset(written, 0, sizeof(written));
	started = 0;
	open_under(&outer, NULL);
	open_under(&group.scope, &outer);
	crew__self_set_scope(&group.scope);
	group.private_.own = 0;
	group.private_.back = 0;
	group.private_.lock = 0;
	crew__init_word(&group.private_.count, 0);
}

static void start(void (*fn)(void *))
{
	crew__port_thread_start(&threads[started++], fn, NULL, "model");
}

/* The owner spawns what `fn` counts off, if it is a child. */
static void spawn(void (*fn)(void *))
{
	group.private_.own++;
	start(fn);
}

static void check_written(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		crew__sim_check(written[i] == i + 1, "a child has ended, and not all is seen");
}

/* J1: both counters are 0 after a wait that was granted. */
static bool wait_for_all(bool interruptible)
{
	bool over = crew__join_left(&group) == 0 || crew__join_park(&group, interruptible, "model");

	crew__sim_check(over || interruptible, "close was cancelled");
	crew__sim_check(!over || crew__join_left(&group) == 0, "there are children left");
	crew__sim_check((int64_t)crew__load_relaxed(&group.private_.count) <= CHILDREN,
			"the count is armed");
	return over;
}

/* Closes the group, with n children that have written; and ends the run. */
static void end(unsigned n)
{
	struct crew_group nonsense;

	wait_for_all(false);
	check_written(n);
	crew__self_set_scope(NULL);
	crew__scope_leave(&group.scope, NULL);
	memset(&nonsense, 0xa5, sizeof(nonsense));
	memset(&group, 0xa5, sizeof(group));
	for (unsigned i = 0; i < started; i++)
		crew__port_thread_join(threads[i]);
	crew__scope_leave(&outer, NULL);
	crew__sim_check(memcmp(&group, &nonsense, sizeof(nonsense)) == 0,
			"a group was touched after it was closed");
}

/* One interruption less without membarrier, which only a canceller uses. */
static void check(const char *name, void (*main)(void *), unsigned bound)
{
	for (int fences = 0; fences < 2; fences++) {
		struct crew__sim_options options = { .name = name, .no_membarrier = fences };
		struct crew__sim_result result =
			crew__sim_enumerate(&options, main, NULL, bound - (unsigned)fences);

		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", name, result.message);
		cr_assert(result.complete);
		result = crew__sim_search_seeds(&options, main, NULL, 10000);
		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", name, result.message);
	}
}

/* ---- children ----------------------------------------------------------------------- */

static void child_0(void *arg)
{
	(void)arg;
	written[0] = 1;
	crew__join_ended(&group, 1);
}

static void child_1(void *arg)
{
	(void)arg;
	written[1] = 2;
	crew__join_ended(&group, 1);
}

static void child_2(void *arg)
{
	(void)arg;
	written[2] = 3;
	crew__join_ended(&group, 1);
}

/* Spawns another one, as group.c counts it elsewhere, and runs that as well. */
static void parent_1(void *arg)
{
	crew__add_acq_rel(&group.private_.count, 1);
	child_1(arg);
	child_2(arg);
}

/* The same, counted off together. */
static void batch_1(void *arg)
{
	(void)arg;
	crew__add_acq_rel(&group.private_.count, 1);
	written[1] = 2;
	written[2] = 3;
	crew__join_ended(&group, 2);
}

static void cancel(void *arg)
{
	(void)arg;
	crew__scope_cancel(&outer, &by_call);
}

/* ---- close -------------------------------------------------------------------------- */

static void close_two(void *arg)
{
	(void)arg;
	begin();
	spawn(child_0);
	spawn(child_1);
	end(2);
}

/* The count is below 0 when the first child ends before close begins. */
Test(join, close_against_two_children_with_four_interruptions, .timeout = 300)
{
	check("join_two", close_two, 4);
}

static void close_three(void *arg)
{
	(void)arg;
	begin();
	spawn(child_0);
	spawn(child_1);
	spawn(child_2);
	end(3);
}

Test(join, close_against_three_children_with_two_interruptions, .timeout = 300)
{
	check("join_three", close_three, 2);
}

static void close_parent(void *arg)
{
	(void)arg;
	begin();
	spawn(child_0);
	spawn(parent_1);
	end(3);
}

static void close_batch(void *arg)
{
	(void)arg;
	begin();
	spawn(child_0);
	spawn(batch_1);
	end(3);
}

Test(join, children_spawn_while_it_closes_with_three_interruptions, .timeout = 300)
{
	check("join_parent", close_parent, 3);
	check("join_batch", close_batch, 3);
}

/* ---- wait --------------------------------------------------------------------------- */

/* Again, and with more children, after it was granted; or close, after it was cancelled. */
static void wait_and_close(void *arg)
{
	uint64_t own;
	bool granted;

	(void)arg;
	begin();
	start(cancel);
	spawn(child_0);
	own = crew__join_own(&group);
	granted = wait_for_all(true);
	if (granted)
		check_written(1);
	else
		crew__sim_check(crew__join_own(&group) == own &&
					crew__scope_cancelled(&group.scope),
				"a cancelled wait has lost a child");
	spawn(child_1);
	if (!granted)
		wait_for_all(true);
	end(2);
}

Test(join, a_wait_is_cancelled_and_disarms_with_two_interruptions, .timeout = 300)
{
	check("join_wait", wait_and_close, 2);
}

static void wait_against_last(void *arg)
{
	(void)arg;
	begin();
	spawn(child_0);
	spawn(child_1);
	start(cancel);
	if (wait_for_all(true))
		check_written(2);
	end(2);
}

Test(join, last_child_against_canceller_with_two_interruptions, .timeout = 300)
{
	check("join_last", wait_against_last, 2);
}

/* ---- tasks -------------------------------------------------------------------------- */

static int task_child(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	written[n] = n + 1;
	return 0;
}

/* Owns a group; what it has in its frame before each wait is there afterwards. */
static int owning_program(void *arg)
{
	uint64_t guards[2] = { 0 };
	struct crew_group *own = model_open(NULL);

	(void)arg;
	memset(written, 0, sizeof(written));
	for (uintptr_t round = 0; round < 2; round++) {
		guards[round] = ~(uint64_t)round;
		crew_group_spawn(own, task_child, (void *)(2 * round));
		crew_group_spawn(own, task_child, (void *)(2 * round + 1));
		if (round == 0)
			crew__sim_check(crew_group_wait(own) == 0, "wait failed");
		else
			crew__sim_check(model_close(own, 0) == 0, "close failed");
		crew__sim_check(guards[round] == ~(uint64_t)round, "another frame");
		check_written(2 * (unsigned)round + 2);
	}
	return 0;
}

Test(join, tasks_own_groups, .timeout = 300)
{
	struct model model = { .program = owning_program };

	model_search("join_tasks", model, 300);
}
