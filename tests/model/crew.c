/* SPDX-License-Identifier: MIT */
/* model/crew.c - a crew and what its tasks do: trees, floods, waits, spare threads. */
#include "model/model.h"

#include <string.h>

/* ---- start and stop ----------------------------------------------------------- */

Test(crew, starts_and_stops, .timeout = 300)
{
	struct model model = { .program = NULL };

	model_search("start_stop", model, 3000);
}

/* ---- trees of tasks ------------------------------------------------------------- */

Test(crew, trees_of_groups, .timeout = 300)
{
	struct model model = { .program = model_tree_program };

	model_search("trees", model, 3000);
}

static int flat_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	for (uintptr_t i = 0; i < 12; i++)
		crew__sim_check(crew_group_spawn(group, model_leaf, (void *)i) == 0,
				"spawn failed");
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(0, 12);
	return 0;
}

Test(crew, many_children, .timeout = 300)
{
	struct model model = { .program = flat_program };

	model_search("flat", model, 3000);
}

/* The spawner computes until its child has run, and calls nothing of the library:
 * the child must not stay hidden in its deque (R7). */
static int computing_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	for (uintptr_t i = 0; i < 3; i++)
		crew_group_spawn(group, model_leaf, (void *)i);
	for (unsigned i = 0; i < 3; i++)
		while (!crew__load_relaxed(&model_now->ran[i]))
			;
	return model_close(group, 0);
}

Test(crew, a_computing_task_hides_no_tasks, .timeout = 300)
{
	struct model model = { .program = computing_program };

	model_search_from("computing", model, 2, 3000);
}

/* Three tasks that compute until all three have begun: each needs a worker of its own,
 * so whoever takes one has to see to it that the next one is taken. */
static int crowded_task(void *arg)
{
	model_ran((unsigned)(uintptr_t)arg);
	for (unsigned i = 0; i < 3; i++)
		while (!crew__load_relaxed(&model_now->ran[i]))
			;
	return 0;
}

static int crowd_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	crew_group_spawn(group, crowded_task, (void *)(uintptr_t)1);
	crew_group_spawn(group, crowded_task, (void *)(uintptr_t)2);
	crowded_task(NULL);
	return model_close(group, 0);
}

Test(crew, computing_tasks_spread, .timeout = 300)
{
	struct model model = { .program = crowd_program };

	model_search_from("crowd", model, 3, 10000);
}

/* What a plain thread spawns gets its turn while the only worker is in a close with
 * many children to run. */
static struct crew_word begun;	  /* leaves so far */
static struct crew_word injected; /* what that was when the spawn had returned, + 1 */

static int counted_leaf(void *arg)
{
	(void)arg;
	crew__add_relaxed(&begun, 1);
	return 0;
}

static int many_program(void *arg)
{
	(void)arg;
	for (int i = 0; i < 10; i++) {
		struct crew_group *group = model_open(NULL);

		for (int child = 0; child < 3; child++)
			crew_group_spawn(group, counted_leaf, NULL);
		crew__sim_check(model_close(group, 0) == 0, "close failed");
	}
	return 0;
}

static int injected_task(void *arg)
{
	uint64_t since = crew__load_relaxed(&injected);

	(void)arg;
	crew__sim_check(since == 0 || crew__load_relaxed(&begun) + 1 - since <= 6,
			"an injected task had to wait");
	return 0;
}

static void inject_beside(struct model *m)
{
	struct crew_group *group = model_open(m->crew);

	crew__store_relaxed(&begun, 0);
	crew__store_relaxed(&injected, 0);
	crew_group_spawn(group, injected_task, NULL);
	crew__store_relaxed(&injected, crew__load_relaxed(&begun) + 1);
	crew__sim_check(model_close(group, 0) == 0, "close failed");
}

Test(crew, injected_tasks_get_their_turn, .timeout = 300)
{
	struct model model = {
		.program = many_program, .beside = inject_beside, .threads = 1, .workers = 1
	};

	/* it counts by time, so all have to see the same */
	model_search_with("turns", model, (struct crew__sim_options){ .strong = true }, 5000);
	model_search_with("turns", model,
			  (struct crew__sim_options){ .strong = true, .no_membarrier = true },
			  5000);
}

/* ---- tasks that wait --------------------------------------------------------------- */

static int sleeps_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	for (uintptr_t i = 0; i < 6; i++)
		crew_group_spawn(group, model_sleep, (void *)i);
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(0, 6);
	return 0;
}

Test(crew, sleeping_tasks, .timeout = 300)
{
	struct model model = { .program = sleeps_program, .lasts = CREW_MS(3) };

	model_search("sleeps", model, 3000);
}

static int yields_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	for (uintptr_t i = 0; i < 4; i++)
		crew_group_spawn(group, model_yield, (void *)i);
	crew__sim_check(crew_group_wait(group) == 0, "wait failed");
	model_check_ran(0, 4);
	for (uintptr_t i = 4; i < 6; i++)
		crew_group_spawn(group, model_yield, (void *)i);
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(4, 6);
	return 0;
}

Test(crew, yielding_tasks, .timeout = 300)
{
	struct model model = { .program = yields_program };

	model_search("yields", model, 3000);
}

/* Children that spawn into their parent's group while it waits for them. */
static struct crew_group *shared_group;

static int spawning_task(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	model_ran((unsigned)n);
	if (n < 4)
		crew__sim_check(crew_group_spawn(shared_group, spawning_task, (void *)(n + 4)) == 0,
				"a child may spawn until it returns");
	if (n & 1)
		crew_yield();
	return 0;
}

static int spawning_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	shared_group = group;
	for (uintptr_t i = 0; i < 4; i++)
		crew_group_spawn(group, spawning_task, (void *)i);
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(0, 8);
	return 0;
}

Test(crew, children_that_spawn_siblings, .timeout = 300)
{
	struct model model = { .program = spawning_program };

	model_search("siblings", model, 3000);
}

/* ---- spare threads, pinned tasks, copies -------------------------------------------------- */

static int blocking_work(void *arg)
{
	struct crew__word32 word = { 0 };

	while (crew__port_wait(&word, 0, crew__port_now() + CREW_MS(1)))
		;
	model_ran((unsigned)(uintptr_t)arg);
	return 0;
}

static int blocking_task(void *arg)
{
	return crew_blocking(blocking_work, arg);
}

static int blocking_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	for (uintptr_t i = 0; i < 3; i++)
		crew_group_spawn(group, blocking_task, (void *)i);
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(0, 3);
	return 0;
}

Test(crew, blocking_calls, .timeout = 300)
{
	struct model model = { .program = blocking_program, .lasts = CREW_MS(1) };

	model_search("blocking", model, 2000);
}

static int pinned_task(void *arg)
{
	unsigned thread = crew__sim_thread();

	for (int i = 0; i < 2; i++)
		crew_yield();
	crew_sleep(CREW_US(10));
	crew__sim_check(crew__sim_thread() == thread, "a pinned task changed its thread");
	model_ran((unsigned)(uintptr_t)arg);
	return 0;
}

static int copied_task(void *arg)
{
	unsigned n;

	crew_yield();
	memcpy(&n, arg, sizeof(n));
	model_ran(n);
	return 0;
}

static int records_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	for (unsigned i = 0; i < 8; i++) {
		if (i % 2)
			crew_group_spawn_task(group, pinned_task, (void *)(uintptr_t)i,
					      CREW_TASK(.flags = CREW_TASK_PINNED), NULL);
		else
			crew_group_spawn_copy(group, copied_task, &i, sizeof(i));
	}
	crew__sim_check(model_close(group, 0) == 0, "close failed");
	model_check_ran(0, 8);
	return 0;
}

Test(crew, pinned_tasks_and_copies, .timeout = 300)
{
	struct model model = { .program = records_program, .lasts = -1 };

	model_search("records", model, 3000);
}

/* ---- years ---------------------------------------------------------------------- */

#define DAY CREW_S(86400)

/* Task n sleeps so many days at a time. */
static int sleep_for_years(void *n)
{
	for (crew_time days = 0; days < 720; days += (crew_time)(uintptr_t)n) {
		crew_time before = crew_now();

		crew__sim_check(crew_sleep((crew_time)(uintptr_t)n * DAY) == 0, "sleep failed");
		crew__sim_check(crew_now() == before + (crew_time)(uintptr_t)n * DAY,
				"a day is a day");
	}
	return 0;
}

static int two_years(void *arg)
{
	static const unsigned days[] = { 8, 24, 90, 720 };
	struct crew_group *group = model_open(NULL);

	(void)arg;
	for (unsigned i = 0; i < sizeof(days) / sizeof(days[0]); i++)
		crew_group_spawn(group, sleep_for_years, (void *)(uintptr_t)days[i]);
	return model_close(group, crew_sleep(730 * DAY));
}

Test(crew, two_years_of_timers, .timeout = 300)
{
	struct model model = { .program = two_years, .lasts = 730 * DAY, .workers = 2 };

	model_search_with("years", model, (struct crew__sim_options){ .seed = 0 }, 20);
}
