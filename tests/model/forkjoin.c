/* SPDX-License-Identifier: MIT */
/* model/forkjoin.c - the protocol of src/exec/fork.h: every fork runs once, every join
 * gets its value, nobody touches a frame that was left. */
#include "crew/fork.h"
#include "model/model.h"

#include <string.h>

/* Frames are filled with nonsense when they have been joined: a late touch shows. */
static void leave_frame(void *frame, size_t bytes)
{
	memset(frame, 0xa5, bytes);
}

/* ---- a tree ---------------------------------------------------------------------------- */

static unsigned tree(unsigned n);
CREW_FORK1(tree, unsigned, unsigned)

static unsigned tree(unsigned n)
{
	struct tree_forked left;
	unsigned right;
	unsigned sum;

	model_ran(n);
	if (n >= 7)
		return n;
	tree_fork(&left, 2 * n + 1);
	right = tree(2 * n + 2);
	sum = n + right + tree_join(&left);
	leave_frame(&left, sizeof(left));
	return sum;
}

static int tree_program(void *arg)
{
	(void)arg;
	crew__sim_check(tree(0) == 105, "a value was lost");
	model_check_ran(0, 15);
	return 0;
}

Test(forkjoin, trees, .timeout = 300)
{
	struct model model = { .program = tree_program };

	model_search("fork_tree", model, 3000);
}

/* ---- one fork ----------------------------------------------------------------------------- */

static unsigned leaf(unsigned n)
{
	model_ran(n);
	return n + 10;
}
CREW_FORK1(leaf, unsigned, unsigned)

static int one_program(void *arg)
{
	struct leaf_forked fork;

	(void)arg;
	leaf_fork(&fork, 1);
	model_ran(0);
	crew__sim_check(leaf_join(&fork) == 11, "a value was lost");
	leave_frame(&fork, sizeof(fork));
	model_check_ran(0, 2);
	return 0;
}

Test(forkjoin, one_fork, .timeout = 300)
{
	struct model model = { .program = one_program };

	model_search("fork_one", model, 5000);
}

/* ---- the forker, or the forked, waits ------------------------------------------------------- */

static unsigned sleepy(unsigned n)
{
	crew__sim_check(crew_sleep(CREW_MS(1)) == 0, "a sleep failed");
	model_ran(n);
	return n;
}
CREW_FORK1(sleepy, unsigned, unsigned)

static int waits_program(void *arg)
{
	struct sleepy_forked a;
	struct leaf_forked b;
	struct crew_group *group = model_open(NULL);

	(void)arg;
	crew_group_spawn(group, model_yield, (void *)(uintptr_t)3);
	sleepy_fork(&a, 1);
	crew_yield();
	leaf_fork(&b, 2);
	crew__sim_check(crew_sleep(CREW_MS(1)) == 0, "a sleep failed");
	crew__sim_check(leaf_join(&b) == 12, "a value was lost");
	leave_frame(&b, sizeof(b));
	crew__sim_check(sleepy_join(&a) == 1, "a value was lost");
	leave_frame(&a, sizeof(a));
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(1, 4);
	return 0;
}

Test(forkjoin, forker_and_forked_wait, .timeout = 300)
{
	struct model model = { .program = waits_program, .lasts = -1 };

	model_search("fork_waits", model, 3000);
}

/* ---- others fill the deque to where the fork lay (F4) ------------------------------- */

static struct crew_word others_are_forked;
static struct crew_word is_joining;

static unsigned yields(unsigned n)
{
	model_ran(n);
	while (!crew__load_acquire(&is_joining))
		crew_yield();
	return n;
}
CREW_FORK1(yields, unsigned, unsigned)

static int joins_late(void *arg)
{
	struct yields_forked fork;

	(void)arg;
	yields_fork(&fork, 0);
	while (!crew__load_acquire(&others_are_forked))
		crew_yield();
	crew__store_release(&is_joining, 1);
	crew__sim_check(yields_join(&fork) == 0, "a value was lost");
	leave_frame(&fork, sizeof(fork));
	return 0;
}

static int fills_up(void *arg)
{
	struct leaf_forked first;
	struct leaf_forked second;

	(void)arg;
	leaf_fork(&first, 1);
	leaf_fork(&second, 2);
	crew__store_release(&others_are_forked, 1);
	crew_yield();
	crew__sim_check(leaf_join(&second) == 12, "a value was lost");
	leave_frame(&second, sizeof(second));
	crew__sim_check(leaf_join(&first) == 11, "a value was lost");
	leave_frame(&first, sizeof(first));
	return 0;
}

static int filled_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	crew__store_relaxed(&others_are_forked, 0);
	crew__store_relaxed(&is_joining, 0);
	crew_group_spawn(group, fills_up, arg);
	crew_group_spawn(group, joins_late, arg);
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(0, 3);
	return 0;
}

Test(forkjoin, a_deque_that_others_filled_to_the_same_place_is_another, .timeout = 300)
{
	struct model model = { .program = filled_program };

	model_search("fork_filled", model, 300);
}

/* ---- a deque that is full gives away no fork (F4) ------------------------------------ */

static int overflow_program(void *arg)
{
	struct leaf_forked fork;
	struct crew_group *group = model_open(NULL);

	(void)arg;
	crew_group_spawn(group, model_leaf, (void *)(uintptr_t)0);
	leaf_fork(&fork, 1);
	for (uintptr_t i = 2; i < 5; i++) /* the last but one is too many, the last has room */
		crew_group_spawn(group, model_leaf, (void *)i);
	crew__sim_check(leaf_join(&fork) == 11, "a value was lost");
	leave_frame(&fork, sizeof(fork));
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(0, 5);
	return 0;
}

Test(forkjoin, what_a_full_deque_gives_away_is_no_fork, .timeout = 300)
{
	struct model model = { .program = overflow_program };

	model_search("fork_overflow", model, 3000);
}

/* ---- a task with the address of a fork is no fork (F3) -------------------------------- */

struct aliased {
	struct leaf_forked fork; /* first: both have one address */
	unsigned n;
};

static int has_run(void *arg)
{
	model_ran(((struct aliased *)arg)->n);
	return 0;
}

static int aliased_program(void *arg)
{
	struct aliased both = { .n = 0 };
	struct crew_group *group = model_open(NULL);

	(void)arg;
	leaf_fork(&both.fork, 1);
	crew_group_spawn(group, has_run, &both);
	crew__sim_check(leaf_join(&both.fork) == 11, "a value was lost");
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(0, 2);
	return 0;
}

Test(forkjoin, a_task_with_the_address_of_a_fork_is_no_fork, .timeout = 300)
{
	struct model model = { .program = aliased_program };

	model_search("fork_aliased", model, 1000);
}

/* ---- children that have ended are counted off before a fork runs ------------------------- */

static struct crew_word group_is_closed;

static unsigned computes(unsigned n)
{
	while (!crew__load_acquire(&group_is_closed))
		;
	return n;
}
CREW_FORK1(computes, unsigned, unsigned)

static int counted_program(void *arg)
{
	struct computes_forked fork;
	struct crew_group *group = model_open(NULL);

	(void)arg;
	crew__store_relaxed(&group_is_closed, 0);
	computes_fork(&fork, 5);
	crew_group_spawn(group, model_leaf, (void *)(uintptr_t)0);
	crew_group_spawn(group, model_leaf, (void *)(uintptr_t)1);
	crew__sim_check(crew_group_wait(group) == 0, "wait failed");
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	crew__store_release(&group_is_closed, 1);
	crew__sim_check(computes_join(&fork) == 5, "a value was lost");
	return 0;
}

Test(forkjoin, who_runs_a_fork_has_counted_off_what_it_ran_before, .timeout = 300)
{
	/* the owner that got ready naps for a moment beside a computing worker */
	struct model model = { .program = counted_program, .lasts = -1 };

	model_search_from("fork_counted", model, 2, 3000);
}

/* ---- in a cancelled scope ------------------------------------------------------------------- */

/* A thief has looked in a scope that is clean; what it takes then is in one that is not. */
static struct crew_word cancelled;
static struct crew_word checked;

static int check_then(void *arg)
{
	(void)arg;
	while (!crew__load_acquire(&cancelled))
		;
	return crew_check();
}

static int check_inside(struct crew_word *when)
{
	int rc = check_then(NULL);

	crew__store_release(when, 1);
	return rc;
}
CREW_FORK1(check_inside, int, struct crew_word *)

static int cancelled_program(void *arg)
{
	struct crew_group *group = model_open(NULL);
	struct check_inside_forked forked;
	struct crew_scope scope;

	(void)arg;
	crew__init_word(&cancelled, 0);
	crew__init_word(&checked, 0);
	crew_group_spawn(group, check_then, NULL);
	crew_scope_open(&scope, NULL);
	check_inside_fork(&forked, &checked);
	crew_scope_cancel(&scope, "model");
	crew__store_release(&cancelled, 1);
	while (!crew__load_acquire(&checked))
		;
	crew__sim_check(check_inside_join(&forked) == CREW_ECANCELED, "it is not cancelled");
	crew_scope_close(&scope, 0);
	return model_close(group, 0);
}

Test(forkjoin, a_call_that_was_taken_elsewhere_is_cancelled, .timeout = 300)
{
	model_search_from("fork_cancelled", (struct model){ .program = cancelled_program }, 2, 300);
}
