/* SPDX-License-Identifier: MIT */
/*
 * model/park.c - waiting (exec/park.h): who waits, who wakes it and who cancels it, with lots of
 * the model's own. Plain threads drive the real functions, all interleavings within a bound and
 * many seeds; then tasks of a crew do, whose registers have to be saved when they are woken.
 *
 * A lot is for one wait. Its letter is handed over by nothing but the wait itself, in plain
 * memory. Who has got it fills lot and waiter with nonsense, which must still be there at the end.
 */
#include "exec/exec.h"
#include "model/model.h"
#include "model/under.h"

#include <string.h>

#define LOTS 4

struct lot {
	struct crew__lock lock;
	bool posted; /* guarded by lock, as is waiter */
	struct crew__waiter *waiter;
	uint64_t letter;
};

static struct lot lots[LOTS];
static bool won[LOTS]; /* the waker ended the wait */
static enum {
	OPEN,
	GOT,
	CANCELLED
} outcome[LOTS];
static uint64_t guards[LOTS]; /* what who waits has written before */
static struct crew_scope outer;
static struct crew_scope inner; /* of who can be cancelled */

static void begin(void)
{
	memset(lots, 0, sizeof(lots));
	memset(won, 0, sizeof(won));
	memset(outcome, 0, sizeof(outcome));
	open_under(&outer, NULL);
}

/* ---- one wait ------------------------------------------------------------------------ */

static void unlock_lot(void *opaque)
{
	struct lot *lot = opaque;

	crew__lock_release(&lot->lock);
}

static void receive_until(unsigned n, bool interruptible, crew_time when)
{
	struct lot *lot = &lots[n];
	struct crew__waiter waiter;
	bool granted = true;
	bool posted = true;

	guards[n] = ~(uint64_t)n;
	crew__waiter_init(&waiter, interruptible);
	crew__lock_acquire(&lot->lock);
	if (!lot->posted) {
		lot->waiter = &waiter;
		granted = crew__park(&waiter, unlock_lot, lot, when, "model");
	} else {
		crew__lock_release(&lot->lock);
		crew__waiter_fini(&waiter);
	}
	crew__sim_check(guards[n] == ~(uint64_t)n, "something else goes on");
	if (!granted || when != CREW_NEVER) {
		crew__lock_acquire(&lot->lock);
		posted = lot->posted;
		lot->waiter = NULL;
		crew__lock_release(&lot->lock);
	}
	memset(&waiter, 0xa5, sizeof(waiter));
	if (!granted) {
		crew__sim_check(interruptible, "a firm wait was cancelled");
		outcome[n] = CANCELLED;
	} else if (posted) {
		crew__sim_check(lot->letter == n + 1, "it goes on without its letter");
		outcome[n] = GOT;
		memset(lot, 0xa5, sizeof(*lot));
	}
}

static void receive(unsigned n, bool interruptible)
{
	receive_until(n, interruptible, CREW_NEVER);
}

static void post(unsigned n)
{
	struct lot *lot = &lots[n];
	struct crew__parker *parker = NULL;
	bool ended = false;

	crew__lock_acquire(&lot->lock);
	lot->letter = n + 1;
	lot->posted = true;
	if (lot->waiter)
		ended = crew__grant(lot->waiter, &parker);
	lot->waiter = NULL;
	crew__lock_release(&lot->lock); /* LAST TOUCH */
	if (ended)
		crew__ready(parker);
	won[n] = ended;
}

/* ---- threads, and what is left in the end --------------------------------------------- */

/* In a scope of its own below outer. */
static void enter(void)
{
	open_under(&inner, &outer);
	crew__self_set_scope(&inner);
}

static void leave(void)
{
	crew__self_set_scope(NULL);
	crew__scope_leave(&inner, NULL);
	memset(&inner, 0xa5, sizeof(inner));
}

static void check_lots(void)
{
	struct lot nonsense;

	memset(&nonsense, 0xa5, sizeof(nonsense));
	for (unsigned i = 0; i < LOTS; i++) {
		crew__sim_check(!won[i] || outcome[i] == GOT, "a wait has ended twice");
		crew__sim_check(outcome[i] != GOT ||
					memcmp((const char *)&lots[i], (const char *)&nonsense,
					       sizeof(nonsense)) == 0,
				"a lot was touched after the wait");
	}
}

/* What two threads do, and the main of the run beside them. */
struct scenario {
	void (*threads[2])(void *);
	void (*main)(void *);
};

static void run(void *opaque)
{
	const struct scenario *scenario = opaque;
	uint64_t threads[2];

	begin();
	for (int i = 0; i < 2; i++)
		crew__port_thread_start(&threads[i], scenario->threads[i], NULL, "model");
	scenario->main(NULL);
	for (int i = 0; i < 2; i++)
		crew__port_thread_join(threads[i]);
	crew__scope_leave(&outer, NULL);
	check_lots();
}

/* One interruption less without membarrier. */
static void check(const char *name, struct scenario scenario, unsigned bound)
{
	for (int fences = 0; fences < 2; fences++) {
		struct crew__sim_options options = { .name = name, .no_membarrier = fences };
		struct crew__sim_result result =
			crew__sim_enumerate(&options, run, &scenario, bound - (unsigned)fences);

		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", name, result.message);
		cr_assert(result.complete);
		result = crew__sim_search_seeds(&options, run, &scenario, 10000);
		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", name, result.message);
	}
}

static void cancel_outer(void *arg)
{
	(void)arg;
	crew__scope_cancel(&outer, &by_call);
}

/* ---- one wait: woken and cancelled at once -------------------------------------------- */

static void receive_first(void *arg)
{
	(void)arg;
	enter();
	receive(0, true);
	crew__sim_check(outcome[0] == GOT || crew__scope_cancelled(&inner),
			"woken, and not cancelled");
	leave();
}

static void post_three(void *arg)
{
	(void)arg;
	for (unsigned n = 0; n < 3; n++)
		post(n);
}

Test(park, woken_and_cancelled_at_once_with_three_interruptions, .timeout = 300)
{
	struct scenario scenario = { { receive_first, post_three }, cancel_outer };

	check("park_one", scenario, 3);
}

/* ---- several waits in a row: a late wake, a late canceller ------------------------------ */

static void receive_three(void *arg)
{
	(void)arg;
	enter();
	receive(0, true);
	receive(1, false);
	receive(2, true);
	leave();
}

Test(park, waits_in_a_row_with_two_interruptions, .timeout = 300)
{
	struct scenario scenario = { { receive_three, post_three }, cancel_outer };

	check("park_row", scenario, 2);
}

/* ---- the parker of a wait that was cancelled serves another thread ----------------------- */

static void receive_elsewhere(void *arg)
{
	(void)arg;
	receive(1, true);
	crew__sim_check(outcome[1] == GOT, "nobody cancels this one");
}

static void cancel_and_post(void *arg)
{
	cancel_outer(arg);
	post_three(arg);
}

Test(park, a_parker_is_handed_on_with_two_interruptions, .timeout = 300)
{
	struct scenario scenario = { { receive_first, receive_elsewhere }, cancel_and_post };

	check("park_handed_on", scenario, 2);
}

/* ---- made firm against its canceller ------------------------------------------------------ */

/* Takes the job first, if it still is one, and does it with the lot unlocked (threads.c). */
static void make_firm(void *arg)
{
	struct crew__waiter *waiter;
	struct crew__parker *parker;
	bool firm;

	(void)arg;
	crew__lock_acquire(&lots[0].lock);
	waiter = lots[0].waiter;
	firm = waiter && crew__make_firm(waiter);
	crew__lock_release(&lots[0].lock);
	if (!firm) {
		post(0);
		return;
	}
	crew__lock_acquire(&lots[0].lock);
	lots[0].letter = 1;
	crew__sim_check(lots[0].waiter == waiter, "a firm wait was left");
	crew__sim_check(crew__grant(waiter, &parker), "a firm wait was cancelled");
	crew__lock_release(&lots[0].lock);
	crew__ready(parker);
	won[0] = true;
}

Test(park, made_firm_or_cancelled_with_two_interruptions, .timeout = 300)
{
	struct scenario scenario = { { receive_first, make_firm }, cancel_outer };

	check("park_firm", scenario, 2);
}

/* ---- until a moment ------------------------------------------------------------------------ */

/* Ends by itself, or by who comes at that moment; then another wait. */
static void receive_in_time(void *arg)
{
	crew_time when = crew__port_now() + CREW_US(10);

	(void)arg;
	enter();
	receive_until(0, true, when);
	crew__sim_check(crew__port_now() >= when, "woken too early");
	receive(1, false);
	leave();
}

static void sleep_as_long(void)
{
	static struct crew__word32 never;

	crew__port_wait(&never, 0, crew__port_now() + CREW_US(10));
}

static void cancel_in_time(void *arg)
{
	sleep_as_long();
	cancel_outer(arg);
}

static void post_in_time(void *arg)
{
	sleep_as_long();
	post_three(arg);
}

Test(park, the_time_is_up_or_it_is_cancelled_with_two_interruptions, .timeout = 300)
{
	struct scenario scenario = { { receive_in_time, post_in_time }, cancel_in_time };

	check("park_time", scenario, 2);
}

/* ---- tasks ---------------------------------------------------------------------------------- */

static int receiving_task(void *first)
{
	unsigned n = (unsigned)(uintptr_t)first;

	receive(n, true);
	receive(n + 1, false);
	return 0;
}

static int failing_task(void *arg)
{
	(void)arg;
	return model_now->expected;
}

/* Two that wait twice; and one that fails, if that is expected. */
static int receiving_program(void *arg)
{
	struct crew_group *group = model_open(NULL);
	int rc;

	crew_group_spawn(group, receiving_task, arg);
	crew_group_spawn(group, receiving_task, (void *)(uintptr_t)2);
	if (model_now->expected)
		crew_group_spawn(group, failing_task, NULL);
	rc = model_close(group, 0);
	for (unsigned n = 0; n < LOTS; n++)
		crew__sim_check(rc || outcome[n] == GOT, "nobody cancels");
	return rc;
}

static void post_all(struct model *m)
{
	post_three(m);
	post(3);
}

static void tasks_main(void *opaque)
{
	begin();
	model_main(opaque);
	check_lots();
}

static void check_tasks(const char *name, struct model model)
{
	for (model.workers = 1; model.workers <= 3; model.workers++) {
		struct crew__sim_options options = { .name = name,
						     .no_membarrier = model.workers == 3 };
		struct crew__sim_result result =
			crew__sim_search_seeds(&options, tasks_main, &model, 1000);

		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", name, result.message);
	}
}

/* Their workers, and who is woken where, change between the waits. */
Test(park, tasks_wait, .timeout = 300)
{
	struct model model = { .program = receiving_program, .beside = post_all, .threads = 1 };

	check_tasks("park_tasks", model);
	model.expected = 7;
	check_tasks("park_failing", model);
}
