/* SPDX-License-Identifier: MIT */
/*
 * model/crew.c - a whole crew in the simulated world: workers, timer thread, spare
 * threads, plain threads, started and stopped anew in every run, with capacities so
 * small that every queue overflows. Each task runs once; nobody waits for ever;
 * nothing is left over. No time is lost either: virtual time stands still while
 * anybody could run, so a run takes exactly as long as its sleeps.
 */
#include "crew/crew.h"
#include "sim/sim.h"

#include "support/test.h"

#include <stdio.h>
#include <string.h>

#define TASKS_MAX  64
#define GROUPS_MAX 16

struct crew_model {
	unsigned workers;
	int (*program)(void *);	       /* run by crew_run(); NULL: none */
	void (*inside)(struct crew_model *m); /* what the main thread does */
	void (*beside)(struct crew_model *m); /* what plain threads do meanwhile */
	unsigned threads;	       /* how many of them */
	int expected;		       /* what crew_run() returns */
	crew_time lasts;	       /* in virtual time; -1: any */
	/* of one run */
	struct crew *crew;
	struct crew_word ran[TASKS_MAX];
	unsigned numbers;
	struct crew__word32 left;
};

static struct crew_model *now; /* the one that runs */

/* Task number n has run. */
static void ran(unsigned n)
{
	crew__sim_check(n < TASKS_MAX && crew__add_relaxed(&now->ran[n], 1) == 0,
			"a task ran twice");
}

static void check_ran(unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++)
		crew__sim_check(crew__load_relaxed(&now->ran[i]) == 1, "a task did not run");
}

/* Groups that are closed are filled with nonsense, which must still be there when
 * the run ends: nobody touches them any more. */
static struct crew_group groups[GROUPS_MAX];
static struct crew_word groups_used;

static struct crew_group *open_group(struct crew *crew)
{
	uint64_t index = crew__add_relaxed(&groups_used, 1);

	crew__sim_check(index < GROUPS_MAX, "GROUPS_MAX is too small");
	crew_group_open(&groups[index], crew ? CREW_GROUP(.crew = crew) : NULL);
	return &groups[index];
}

static int close_group(struct crew_group *group, int rc)
{
	rc = crew_group_close(group, rc);
	memset(group, 0xa5, sizeof(*group));
	return rc;
}

static void check_groups(void)
{
	struct crew_group nonsense;

	memset(&nonsense, 0xa5, sizeof(nonsense));
	for (uint64_t i = 0; i < groups_used.value; i++)
		crew__sim_check(memcmp(&groups[i], &nonsense, sizeof(nonsense)) == 0,
				"a group was touched after it was closed");
}

static void beside_main(void *opaque)
{
	struct crew_model *m = opaque;

	m->beside(m);
}

static void crew_main(void *opaque)
{
	struct crew_model *m = opaque;
	uint64_t threads[4];
	crew_time begun = crew__port_now();
	int rc;

	now = m;
	m->numbers = 0;
	m->left.value = m->threads;
	groups_used.value = 0;
	memset(m->ran, 0, sizeof(m->ran));
	rc = crew_start(&m->crew, CREW_OPTIONS(.workers = m->workers, .stack_bytes = 32768));
	crew__sim_check(rc == 0, "crew_start failed");
	for (unsigned i = 0; i < m->threads; i++)
		crew__port_thread_start(&threads[i], beside_main, m, "beside");
	if (m->program) {
		rc = crew_run(m->crew, m->program, NULL);
		if (rc != m->expected)
			crew__sim_fail(CREW__SIM_FAILED, "crew_run() returned %d", rc);
	}
	if (m->inside)
		m->inside(m);
	for (unsigned i = 0; i < m->threads; i++)
		crew__port_thread_join(threads[i]);
	crew__sim_check(crew_stop(m->crew) == 0, "crew_stop failed");
	check_groups();
	if (m->lasts >= 0)
		crew__sim_check(crew__port_now() - begun == m->lasts, "it took too long");
}

static void search_with(const char *name, struct crew_model model,
			struct crew__sim_options options, uint64_t n)
{
	char full[64];
	struct crew__sim_result result;

	snprintf(full, sizeof(full), "%s_%u%s%s", name, model.workers,
		 options.no_membarrier ? "_fences" : "", options.early_one_in ? "_early" : "");
	options.name = full;
	result = crew__sim_search_seeds(&options, crew_main, &model, n);
	cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", full, result.message);
}

/* The model with some workers, n seeds each: as it is; without membarrier; and with
 * spurious wakes, while time passes whenever it likes. */
static void search_from(const char *name, struct crew_model model, unsigned least, uint64_t n)
{
	for (model.workers = least; model.workers <= 3; model.workers++) {
		struct crew_model hostile = model;

		hostile.lasts = -1;
		search_with(name, model, (struct crew__sim_options){ .seed = 0 }, n);
		search_with(name, model, (struct crew__sim_options){ .no_membarrier = true }, n);
		search_with(name, hostile,
			    (struct crew__sim_options){ .spurious_one_in = 4, .early_one_in = 8 },
			    n);
	}
}

static void search(const char *name, struct crew_model model, uint64_t n)
{
	search_from(name, model, 1, n);
}

/* All runs with at most `bound` interruptions. */
static void enumerate(const char *name, struct crew_model model, unsigned bound)
{
	for (int fences = 0; fences < 2; fences++) {
		char full[64];
		struct crew__sim_options options = { .name = full, .no_membarrier = fences };
		struct crew__sim_result result;

		snprintf(full, sizeof(full), "%s%s", name, fences ? "_fences" : "");
		result = crew__sim_enumerate(&options, crew_main, &model, bound);
		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", full, result.message);
		cr_assert(result.complete);
	}
}

/* ---- start and stop ----------------------------------------------------------- */

Test(crew, starts_and_stops, .timeout = 300)
{
	struct crew_model model = { .program = NULL };

	search("start_stop", model, 3000);
}

/* ---- trees of tasks ------------------------------------------------------------- */

/* Task n has children 2n + 1 and 2n + 2, below 15. */
static int tree(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;
	struct crew_group *group;

	ran(n);
	if (n >= 7)
		return 0;
	group = open_group(NULL);
	crew_group_spawn(group, tree, (void *)(uintptr_t)(2 * n + 1));
	crew_group_spawn(group, tree, (void *)(uintptr_t)(2 * n + 2));
	return close_group(group, 0);
}

static int tree_program(void *arg)
{
	int rc = tree(arg);

	check_ran(0, 15);
	return rc;
}

Test(crew, trees_of_groups, .timeout = 300)
{
	struct crew_model model = { .program = tree_program };

	search("trees", model, 3000);
}

/* More children than a deque has slots: they overflow into the inject queue. */
static int leaf(void *arg)
{
	ran((unsigned)(uintptr_t)arg);
	return 0;
}

static int flat_program(void *arg)
{
	struct crew_group *group = open_group(NULL);

	(void)arg;
	for (uintptr_t i = 0; i < 12; i++)
		crew__sim_check(crew_group_spawn(group, leaf, (void *)i) == 0, "spawn failed");
	crew__sim_check(close_group(group, 0) == 0, "close failed");
	check_ran(0, 12);
	return 0;
}

Test(crew, many_children, .timeout = 300)
{
	struct crew_model model = { .program = flat_program };

	search("flat", model, 3000);
}

/* The spawner computes until its child has run, and calls nothing of the library:
 * the child must not stay hidden in its deque (R7). */
static int computing_program(void *arg)
{
	struct crew_group *group = open_group(NULL);

	(void)arg;
	for (uintptr_t i = 0; i < 3; i++)
		crew_group_spawn(group, leaf, (void *)i);
	for (unsigned i = 0; i < 3; i++)
		while (!crew__load_relaxed(&now->ran[i]))
			;
	return close_group(group, 0);
}

Test(crew, a_computing_task_hides_no_tasks, .timeout = 300)
{
	struct crew_model model = { .program = computing_program };

	search_from("computing", model, 2, 3000);
}

/* ---- tasks that wait --------------------------------------------------------------- */

static int sleepy_task(void *arg)
{
	unsigned n = (unsigned)(uintptr_t)arg;
	int rc = crew_sleep(CREW_MS(1) * (1 + n % 3));

	ran(n);
	return rc;
}

static int sleeps_program(void *arg)
{
	struct crew_group *group = open_group(NULL);

	(void)arg;
	for (uintptr_t i = 0; i < 6; i++)
		crew_group_spawn(group, sleepy_task, (void *)i);
	crew__sim_check(close_group(group, 0) == 0, "close failed");
	check_ran(0, 6);
	return 0;
}

Test(crew, sleeping_tasks, .timeout = 300)
{
	struct crew_model model = { .program = sleeps_program, .lasts = CREW_MS(3) };

	search("sleeps", model, 3000);
}

static int yielding_task(void *arg)
{
	for (int i = 0; i < 3; i++)
		crew_yield();
	ran((unsigned)(uintptr_t)arg);
	return crew_checkpoint();
}

static int yields_program(void *arg)
{
	struct crew_group *group = open_group(NULL);

	(void)arg;
	for (uintptr_t i = 0; i < 4; i++)
		crew_group_spawn(group, yielding_task, (void *)i);
	crew__sim_check(crew_group_wait(group) == 0, "wait failed");
	check_ran(0, 4);
	for (uintptr_t i = 4; i < 6; i++)
		crew_group_spawn(group, yielding_task, (void *)i);
	crew__sim_check(close_group(group, 0) == 0, "close failed");
	check_ran(4, 6);
	return 0;
}

Test(crew, yielding_tasks, .timeout = 300)
{
	struct crew_model model = { .program = yields_program };

	search("yields", model, 3000);
}

/* Children that spawn into their parent's group while it waits for them. */
static struct crew_group *shared_group;

static int spawning_task(void *arg)
{
	uintptr_t n = (uintptr_t)arg;

	ran((unsigned)n);
	if (n < 4)
		crew__sim_check(crew_group_spawn(shared_group, spawning_task, (void *)(n + 4)) == 0,
				"a child may spawn until it returns");
	if (n & 1)
		crew_yield();
	return 0;
}

static int spawning_program(void *arg)
{
	struct crew_group *group = open_group(NULL);

	(void)arg;
	shared_group = group;
	for (uintptr_t i = 0; i < 4; i++)
		crew_group_spawn(group, spawning_task, (void *)i);
	crew__sim_check(close_group(group, 0) == 0, "close failed");
	check_ran(0, 8);
	return 0;
}

Test(crew, children_that_spawn_siblings, .timeout = 300)
{
	struct crew_model model = { .program = spawning_program };

	search("siblings", model, 3000);
}

/* ---- plain threads ------------------------------------------------------------------- */

static void visit(struct crew_model *m)
{
	unsigned first = 4 * m->numbers++;
	struct crew_group *group = open_group(m->crew);

	for (uintptr_t i = first; i < first + 4; i++)
		crew__sim_check(crew_group_spawn(group, i & 1 ? leaf : yielding_task, (void *)i) ==
					0,
				"spawn from a plain thread failed");
	crew__sim_check(close_group(group, 0) == 0, "close by a plain thread failed");
	check_ran(first, first + 4);
}

Test(crew, plain_threads_spawn, .timeout = 300)
{
	struct crew_model model = { .beside = visit, .threads = 2 };

	search("visitors", model, 3000);
}

/* One task, one worker, one plain thread that waits for it. */
static void visit_once(struct crew_model *m)
{
	struct crew_group *group = open_group(m->crew);

	crew_group_spawn(group, leaf, NULL);
	crew__sim_check(close_group(group, 0) == 0, "close by a plain thread failed");
	check_ran(0, 1);
}

Test(crew, a_plain_thread_waits_all_interleavings, .timeout = 300)
{
	struct crew_model model = { .inside = visit_once, .workers = 1 };

	enumerate("visitor", model, 2);
}

static void run_beside(struct crew_model *m)
{
	unsigned n = 60 + m->numbers++;

	crew__sim_check(crew_run(m->crew, sleepy_task, (void *)(uintptr_t)n) == 0,
			"crew_run beside failed");
	check_ran(n, n + 1);
}

Test(crew, several_threads_run, .timeout = 300)
{
	struct crew_model model = { .program = tree_program,
				    .beside = run_beside,
				    .threads = 2,
				    .lasts = -1 };

	search("beside", model, 2000);
}

/* ---- stopping, and what meets it ---------------------------------------------------------- */

static void run_or_closed(struct crew_model *m)
{
	unsigned n = 60 + m->numbers++;
	int rc = crew_run(m->crew, sleepy_task, (void *)(uintptr_t)n);

	if (rc == 0)
		check_ran(n, n + 1);
	else
		crew__sim_check(rc == CREW_ECLOSED, "crew_run said something else");
	crew__add32_acq_rel(&m->left, (uint32_t)-1);
	crew__port_wake(&m->left, 1);
}

/* The crew is stopped while others run something on it, or try to; they have let go
 * of it before it is unmapped. */
static void stop_beside(struct crew_model *m)
{
	uint32_t left;

	/* the first call of a plain thread must not come when the crew is gone */
	while ((left = crew__load32_acquire(&m->left)) != 0)
		crew__port_wait(&m->left, left, CREW_NEVER);
}

Test(crew, runs_meet_each_other, .timeout = 300)
{
	struct crew_model model = { .inside = stop_beside,
				    .beside = run_or_closed,
				    .threads = 3,
				    .lasts = -1 };

	search("meet", model, 1000);
}

/* A task of one crew runs something on another, started and stopped by itself. */
static int other_crew_program(void *arg)
{
	struct crew *other;
	int rc = crew_start(&other, CREW_OPTIONS(.workers = 1, .stack_bytes = 32768));

	(void)arg;
	crew__sim_check(rc == 0, "crew_start failed");
	crew__sim_check(crew_run(other, sleepy_task, (void *)(uintptr_t)3) == 0,
			"crew_run on another crew failed");
	check_ran(3, 4);
	return crew_stop(other);
}

Test(crew, a_task_runs_another_crew, .timeout = 300)
{
	struct crew_model model = { .program = other_crew_program, .lasts = CREW_MS(1) };

	search("other_crew", model, 1000);
}

/* ---- failures and cancellation ---------------------------------------------------------- */

static int failing_task(void *arg)
{
	if (arg)
		crew_yield();
	return 7;
}

static int long_sleep(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_NEVER);
}

/* The first failure wakes the siblings and the owner's own waits: no time passes. */
static int failing_program(void *arg)
{
	struct crew_group *group = open_group(NULL);
	int rc;

	(void)arg;
	crew_group_spawn(group, failing_task, group);
	rc = crew_sleep(CREW_NEVER);
	crew__sim_check(rc == CREW_ECANCELED, "the owner's sleep was not cancelled");
	return close_group(group, rc);
}

Test(crew, a_failure_wakes_the_owner, .timeout = 300)
{
	struct crew_model model = { .program = failing_program, .expected = 7 };

	search("failing", model, 3000);
}

/* group_wait is interrupted by the failure, and disarms. */
static int waiting_program(void *arg)
{
	struct crew_group *group = open_group(NULL);
	int rc;

	(void)arg;
	crew_group_spawn(group, failing_task, NULL);
	crew_group_spawn(group, yielding_task, NULL);
	rc = crew_group_wait(group);
	crew__sim_check(rc == 0 || rc == CREW_ECANCELED, "wait said something else");
	return close_group(group, 0);
}

Test(crew, a_failure_interrupts_a_wait, .timeout = 300)
{
	struct crew_model model = { .program = waiting_program, .expected = 7 };

	search("interrupted_wait", model, 3000);
}

static void cancel_beside(struct crew_model *m)
{
	crew_cancel(m->crew, "enough");
}

static int cancelled_program(void *arg)
{
	struct crew_group *group = open_group(NULL);
	int rc;

	(void)arg;
	crew_group_spawn(group, long_sleep, NULL);
	/* refused, when the crew was cancelled before */
	rc = crew_group_spawn(group, long_sleep, NULL);
	return close_group(group, rc);
}

Test(crew, cancelling_the_crew_wakes_everybody, .timeout = 300)
{
	struct crew_model model = { .program = cancelled_program,
				    .beside = cancel_beside,
				    .threads = 1,
				    .expected = CREW_ECANCELED };

	search("cancelled", model, 3000);
}

/* ---- spare threads, pinned tasks, copies -------------------------------------------------- */

static int blocking_work(void *arg)
{
	struct crew__word32 word = { 0 };

	while (crew__port_wait(&word, 0, crew__port_now() + CREW_MS(1)))
		;
	ran((unsigned)(uintptr_t)arg);
	return 0;
}

static int blocking_task(void *arg)
{
	return crew_blocking(blocking_work, arg);
}

static int blocking_program(void *arg)
{
	struct crew_group *group = open_group(NULL);

	(void)arg;
	for (uintptr_t i = 0; i < 3; i++)
		crew_group_spawn(group, blocking_task, (void *)i);
	crew__sim_check(close_group(group, 0) == 0, "close failed");
	check_ran(0, 3);
	return 0;
}

Test(crew, blocking_calls, .timeout = 300)
{
	struct crew_model model = { .program = blocking_program, .lasts = CREW_MS(1) };

	search("blocking", model, 2000);
}

static int pinned_task(void *arg)
{
	unsigned thread = crew__sim_thread();

	for (int i = 0; i < 2; i++)
		crew_yield();
	crew_sleep(CREW_US(10));
	crew__sim_check(crew__sim_thread() == thread, "a pinned task changed its thread");
	ran((unsigned)(uintptr_t)arg);
	return 0;
}

static int copied_task(void *arg)
{
	unsigned n;

	crew_yield();
	memcpy(&n, arg, sizeof(n));
	ran(n);
	return 0;
}

static int records_program(void *arg)
{
	struct crew_group *group = open_group(NULL);

	(void)arg;
	for (unsigned i = 0; i < 8; i++) {
		if (i % 2)
			crew_group_spawn_task(group, pinned_task, (void *)(uintptr_t)i,
					      CREW_TASK(.flags = CREW_TASK_PINNED), NULL);
		else
			crew_group_spawn_copy(group, copied_task, &i, sizeof(i));
	}
	crew__sim_check(close_group(group, 0) == 0, "close failed");
	check_ran(0, 8);
	return 0;
}

Test(crew, pinned_tasks_and_copies, .timeout = 300)
{
	struct crew_model model = { .program = records_program, .lasts = -1 };

	search("records", model, 3000);
}

/* ---- those who look on ---------------------------------------------------------------------- */

static void look_on(struct crew_model *m)
{
	FILE *nowhere = fopen("/dev/null", "w");

	crew__sim_check(nowhere, "no /dev/null");
	for (int i = 0; i < 3; i++) {
		struct crew_stats stats = { .size = sizeof(stats) };

		crew__sim_check(crew_read_stats(m->crew, &stats) == 0, "crew_read_stats failed");
		crew__sim_check(stats.workers == m->workers, "workers were miscounted");
		crew__sim_check(crew_dump(m->crew, nowhere) == 0, "crew_dump failed");
	}
	fclose(nowhere);
}

Test(crew, is_dumped_meanwhile, .timeout = 300)
{
	struct crew_model model = { .program = records_program,
				    .beside = look_on,
				    .threads = 1,
				    .lasts = -1 };

	search("dumped", model, 500);
}

/* ---- no memory, no threads ------------------------------------------------------------------ */

/* crew_start says what it was refused, and leaves nothing; or what it started runs to
 * its end, at the latest when there is memory again (R11). */
static void refused_main(void *opaque)
{
	struct crew_model *m = opaque;
	int rc;

	now = m;
	memset(m->ran, 0, sizeof(m->ran));
	groups_used.value = 0;
	rc = crew_start(&m->crew, CREW_OPTIONS(.workers = m->workers, .stack_bytes = 32768));
	if (rc) {
		crew__sim_check(rc == CREW_ENOMEM || rc == CREW_EAGAIN, "another code");
		return;
	}
	rc = crew_run(m->crew, m->program, NULL);
	crew__sim_check(rc == 0 || rc == CREW_ENOMEM, "crew_run said something else");
	crew__sim_check(crew_stop(m->crew) == 0, "crew_stop failed");
}

static int modest_sleep(void *arg)
{
	ran((unsigned)(uintptr_t)arg);
	return crew_sleep(CREW_MS(1));
}

static int modest_program(void *arg)
{
	struct crew_group *group = open_group(NULL);
	unsigned spawned = 0;

	(void)arg;
	while (spawned < 10 &&
	       crew_group_spawn(group, modest_sleep, (void *)(uintptr_t)spawned) == 0)
		spawned++;
	crew__sim_check(close_group(group, 0) == 0, "close failed");
	check_ran(0, spawned);
	return 0;
}

/* Everything from the k-th mapping or thread on is refused, or only a few. */
static void refuse(const char *name, struct crew_model model, struct crew__sim_options options)
{
	char full[64];
	struct crew__sim_result result;

	snprintf(full, sizeof(full), "%s_%u_%u", name, model.workers,
		 options.map_fails_from + options.thread_fails_from);
	options.name = full;
	result = crew__sim_search_seeds(&options, refused_main, &model, 200);
	cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", full, result.message);
}

Test(crew, runs_on_when_memory_comes_back, .timeout = 300)
{
	struct crew_model model = { .program = modest_program };

	for (model.workers = 1; model.workers <= 2; model.workers++)
		for (uint32_t k = 1; k < 25; k++)
			refuse("no_memory", model,
			       (struct crew__sim_options){ .map_fails_from = k, .map_fails = 5 });
}

Test(crew, says_that_no_thread_could_be_created, .timeout = 300)
{
	struct crew_model model = { .program = modest_program, .workers = 3 };

	for (uint32_t k = 1; k < 6; k++)
		refuse("no_threads", model, (struct crew__sim_options){ .thread_fails_from = k });
}

/* ---- the world itself ---------------------------------------------------------------------- */

/* Nothing of one run is left in the next: a seed is the same run, whatever ran before. */
Test(crew, a_seed_is_the_same_run_after_others, .timeout = 300)
{
	struct crew_model model = { .program = tree_program,
				    .beside = run_beside,
				    .threads = 2,
				    .workers = 2,
				    .lasts = -1 };
	struct crew__sim_result first[8];

	for (int round = 0; round < 2; round++) {
		for (uint64_t seed = 0; seed < 8; seed++) {
			struct crew__sim_options options = { .seed = seed };
			struct crew__sim_result result =
				crew__sim_run(&options, crew_main, &model);

			cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
			if (round == 0)
				first[seed] = result;
			cr_assert(result.hash == first[seed].hash &&
					  result.steps == first[seed].steps,
				  "seed %u is another run now", (unsigned)seed);
		}
	}
}
