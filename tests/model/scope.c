/* SPDX-License-Identifier: MIT */
/*
 * model/scope.c - the tree of scopes (exec/cancel.h): the functions themselves, driven by two
 * or three plain threads, all interleavings within a bound and many seeds.
 */
#include "exec/exec.h"
#include "model/model.h"
#include "model/under.h"

#include <string.h>

/* outer > upper > middle > inner[0], inner[1] */
static struct crew_scope outer;
static struct crew_scope upper;
static struct crew_scope middle;
static struct crew_scope inner[2];
static struct crew_word waits[2]; /* the word of who is parked there */
static struct crew__parker *waiting[2];
static uint64_t threads[3];

/* What unlocks the lot: from now on it is parked. */
static void parked(void *opaque)
{
	struct crew__waiter *waiter = opaque;
	ptrdiff_t n = crew__self_scope() - inner;

	waiting[n] = waiter->parker;
	crew__store_release(&waits[n], waiter->expected);
}

/* In its own scope below middle: waits, for a cancellation only. */
static void wait_below(struct crew_scope *scope)
{
	struct crew__waiter waiter;

	crew__self_set_scope(scope);
	crew__waiter_init(&waiter, true);
	crew__sim_check(!crew__park(&waiter, parked, &waiter, CREW_NEVER, "model"),
			"nobody grants this wait");
	crew__sim_check(crew__scope_cancelled(scope), "woken, and not cancelled");
	crew__self_set_scope(NULL);
}

static void wait_in(void *scope)
{
	struct crew_scope *own = scope;

	open_under(own, &middle);
	wait_below(own);
	crew__scope_leave(own, NULL);
}

static void cancel_middle(void *arg)
{
	(void)arg;
	crew__scope_cancel(&middle, &by_call);
}

/* C4: a cancel that returns has woken all that waited before it began. */
static void cancel_outer(void *arg)
{
	uint64_t before[2];

	(void)arg;
	for (int i = 0; i < 2; i++) {
		before[i] = crew__load_acquire(&waits[i]);
		if (before[i] && crew__load_acquire(&waiting[i]->word) != before[i])
			before[i] = 0; /* over */
	}
	crew__scope_cancel(&outer, &by_call);
	for (int i = 0; i < 2; i++)
		crew__sim_check(!before[i] || crew__load_acquire(&waiting[i]->word) != before[i],
				"cancel has returned, and somebody is asleep");
}

static void begin(void)
{
	open_under(&outer, NULL);
	open_under(&upper, &outer);
	open_under(&middle, &upper);
	memset(waits, 0, sizeof(waits));
}

static void start(unsigned n, void (*fn)(void *), void *arg)
{
	crew__port_thread_start(&threads[n], fn, arg, "model");
}

static void end(unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		crew__port_thread_join(threads[i]);
	crew__scope_leave(&middle, NULL);
	crew__scope_leave(&upper, NULL);
	crew__scope_leave(&outer, NULL);
}

static void check(const char *name, void (*main)(void *), unsigned bound, uint64_t seeds)
{
	for (int fences = 0; fences < 2; fences++) {
		struct crew__sim_options options = { .name = name, .no_membarrier = fences };
		struct crew__sim_result result = crew__sim_enumerate(&options, main, NULL, bound);

		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", name, result.message);
		cr_assert(result.complete);
		result = crew__sim_search_seeds(&options, main, NULL, seeds);
		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", name, result.message);
	}
}

/* ---- registering, waiting, cancelling ------------------------------------------------ */

static void one_waits(void *arg)
{
	(void)arg;
	begin();
	start(0, wait_in, &inner[0]);
	cancel_outer(NULL);
	end(1);
}

Test(scope, registration_against_cancel, .timeout = 300)
{
	check("scope_one", one_waits, 3, 10000);
}

static void two_wait(void *arg)
{
	(void)arg;
	begin();
	start(0, wait_in, &inner[0]);
	start(1, wait_in, &inner[1]);
	cancel_outer(NULL);
	end(2);
}

Test(scope, two_register_the_same_way, .timeout = 300)
{
	check("scope_two", two_wait, 2, 10000);
}

static void two_cancel(void *arg)
{
	(void)arg;
	begin();
	start(0, wait_in, &inner[0]);
	start(1, cancel_middle, NULL);
	cancel_outer(NULL);
	end(2);
}

Test(scope, cancels_of_ancestor_and_descendant, .timeout = 300)
{
	check("scope_cancels", two_cancel, 2, 10000);
}

/* ---- entering ------------------------------------------------------------------------- */

static void cancel_scope(void *arg)
{
	crew_scope_cancel(arg, "model");
}

static void enter_against_cancel(void *arg)
{
	(void)arg;
	crew_scope_open(&outer, NULL);
	crew_scope_init(&upper, NULL);
	start(0, cancel_scope, &upper);
	crew_scope_enter(&upper);
	crew__port_thread_join(threads[0]);
	crew__sim_check(crew_check() == CREW_ECANCELED, "entered, and not cancelled");
	crew__sim_check(crew_scope_close(&upper, CREW_ECANCELED) == 0, "close");
	crew__sim_check(crew_scope_close(&outer, crew_check()) == 0, "close");
}

Test(scope, is_entered_while_it_is_cancelled, .timeout = 300)
{
	check("scope_enter", enter_against_cancel, 3, 10000);
}

/* ---- shields -------------------------------------------------------------------------- */

static void wait_in_shield(void *arg)
{
	(void)arg;
	wait_below(&inner[0]);
}

static void shield_off(void *arg)
{
	(void)arg;
	crew__scope_shield(&inner[0], false);
}

static void shield_is_switched(void *arg)
{
	(void)arg;
	begin();
	open_under(&inner[0], &middle);
	crew__scope_shield(&inner[0], true);
	start(0, wait_in_shield, NULL);
	start(1, shield_off, NULL);
	crew__scope_cancel(&outer, &by_call);
	crew__port_thread_join(threads[0]);
	crew__port_thread_join(threads[1]);
	crew__scope_leave(&inner[0], NULL);
	end(0);
}

Test(scope, a_shield_is_switched_off_while_somebody_parks, .timeout = 300)
{
	check("scope_shield", shield_is_switched, 2, 10000);
}

/* Up and down again beside a cancellation: what is left is what the flags say. */
static void shield_twice(void *arg)
{
	(void)arg;
	crew__scope_shield(&inner[0], true);
	crew__sim_check(!crew__scope_cancelled(&inner[0]), "cancelled behind a shield");
	crew__scope_shield(&inner[0], false);
}

static void shield_against_cancel(void *arg)
{
	(void)arg;
	begin();
	open_under(&inner[0], &middle);
	start(0, shield_twice, NULL);
	crew__scope_cancel(&outer, &by_call);
	crew__port_thread_join(threads[0]);
	crew__sim_check(crew__scope_cancelled(&inner[0]), "the shield is down");
	crew__scope_leave(&inner[0], NULL);
	end(0);
}

Test(scope, a_shield_goes_up_and_down_while_the_outside_is_cancelled, .timeout = 300)
{
	check("scope_up_down", shield_against_cancel, 2, 10000);
}

/* Who is linked below a scope whose shield goes up meanwhile is behind it. */
static void shield_middle(void *arg)
{
	(void)arg;
	crew__scope_shield(&middle, true);
}

static void register_against_shield(void *arg)
{
	struct crew__delivery delivery;

	(void)arg;
	begin();
	crew__delivery_init(&delivery);
	crew__scope_complete(&middle, &delivery);
	crew__scope_cancel(&outer, &by_call);
	open_under(&inner[0], &middle);
	start(0, shield_middle, NULL);
	crew__scope_complete(&inner[0], &delivery);
	crew__port_thread_join(threads[0]);
	crew__sim_check(!crew__scope_cancelled(&inner[0]), "cancelled behind a shield");
	crew__scope_leave(&inner[0], NULL);
	end(0);
}

Test(scope, a_shield_goes_up_while_somebody_registers, .timeout = 300)
{
	check("scope_behind", register_against_shield, 2, 1000);
}

/* ---- the epoch -------------------------------------------------------------------------- */

static struct crew a_crew;
static struct crew__fiber a_fiber;

static void look_twice(void *arg)
{
	(void)arg;
	crew__fiber_look(&a_fiber);
	crew__fiber_look(&a_fiber);
}

static void epoch_is_remembered(void *arg)
{
	(void)arg;
	begin();
	memset(&a_crew, 0, sizeof(a_crew));
	memset(&a_fiber, 0, sizeof(a_fiber));
	a_crew.forks = crew__port_fork_count();
	a_fiber.crew = &a_crew;
	a_fiber.scope = &middle;
	start(0, look_twice, NULL);
	crew__scope_cancel(&outer, &by_call);
	crew__port_thread_join(threads[0]);
	crew__sim_check(!crew__fiber_clean(&a_fiber) && !crew__fiber_look(&a_fiber),
			"an epoch was remembered too early");
	end(0);
}

Test(scope, an_epoch_is_not_remembered_too_early, .timeout = 300)
{
	check("scope_epoch", epoch_is_remembered, 3, 10000);
}
