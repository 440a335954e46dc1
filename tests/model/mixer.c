/* SPDX-License-Identifier: MIT */
/*
 * model/mixer.c - random programs over all calls (support/mixer.h) in the simulated
 * world: small ones, each with some hundred schedules, on 1 to 3 workers.
 *
 * MIXED=n makes n programs of each size, FROM=n begins with that seed. A program that
 * fails is made smaller as long as some schedule makes it fail, and printed.
 */
#include "support/mixer_run.h"

#include "model/model.h"

#include <stdlib.h>

uint64_t mix_thread(void)
{
	return crew__sim_thread();
}

void mix_fail(const struct mix_program *p, const char *what, int node, int rc)
{
	crew__sim_fail(CREW__SIM_FAILED, "program %llu, node %d: %s (%d)",
		       (unsigned long long)p->seed, node, what, rc);
}

static void mixer_main(void *program)
{
	mix_run(program);
}

static struct crew__sim_result search(struct mix_program *program, const char *name, bool quiet)
{
	struct crew__sim_options options = { .name = name,
					     .quiet = quiet,
					     .step_max = 1000000,
					     .no_membarrier = program->seed & 1,
					     .spurious_one_in = program->seed & 2 ? 4 : 0,
					     .early_one_in = program->seed & 2 ? 8 : 0 };

	mix_expect_all(program);
	return crew__sim_search_seeds(&options, mixer_main, program, 200);
}

/* Drops nodes, those below them first, while it still fails. */
static void shorten(struct mix_program *program, const char *name)
{
	for (int i = program->count - 1; i >= program->threads; i--) {
		bool leaf = true;

		for (int j = i + 1; j < program->count; j++)
			leaf &= program->nodes[j].parent != i || program->nodes[j].dropped;
		program->nodes[i].dropped = leaf;
		if (leaf && search(program, name, true).verdict == CREW__SIM_OK)
			program->nodes[i].dropped = false;
	}
	mix_expect_all(program);
}

static void mix_programs(uint64_t from, unsigned most)
{
	static struct mix_program program;
	const char *mixed = getenv("MIXED");
	const char *text = getenv("FROM");
	uint64_t count = mixed ? strtoull(mixed, NULL, 10) : 40;

	if (text)
		from = strtoull(text, NULL, 10);
	for (uint64_t seed = from; seed < from + count; seed++) {
		char name[32];
		struct crew__sim_result result;

		snprintf(name, sizeof(name), "mixed_%u_%llu", most, (unsigned long long)seed);
		mix_make(&program, seed, 1 + seed % 3, most);
		result = search(&program, name, false);
		if (result.verdict != CREW__SIM_OK) {
			shorten(&program, name);
			mix_print(&program, stderr);
		}
		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", name, result.message);
	}
}

Test(mixer, small_programs, .timeout = 300)
{
	mix_programs(1, 5);
}

Test(mixer, middle_programs, .timeout = 300)
{
	mix_programs(1001, 10);
}

Test(mixer, large_programs, .timeout = 300)
{
	mix_programs(2001, 16);
}

/* ---- found by it ------------------------------------------------------------------ */

static struct crew *second;
static struct crew_word asleep;

static int sleep_for_ever(void *arg)
{
	(void)arg;
	crew__store_relaxed(&asleep, 1);
	return crew_sleep(CREW_NEVER);
}

static int run_on_the_second(void *arg)
{
	return crew_run(second, sleep_for_ever, arg);
}

static int fail_later(void *arg)
{
	while (!crew__load_relaxed(&asleep))
		crew_yield();
	crew_sleep(CREW_US(10));
	return arg ? 7 : 0;
}

/* What a child runs on another crew lies below the group that a sibling cancels, or
 * below the crew that is cancelled. */
static int cancel_across(void *cancels)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, run_on_the_second, NULL);
	crew_group_spawn(&group, fail_later, cancels ? NULL : &group);
	if (cancels) {
		fail_later(NULL);
		crew_cancel(NULL, "test");
	}
	return crew_group_close(&group, 0);
}

static void across_main(void *cancels)
{
	struct crew *first;
	int rc;

	crew__init_word(&asleep, 0);
	crew__sim_check(crew_start(&first, CREW_OPTIONS(.workers = 1)) == 0, "start");
	crew__sim_check(crew_start(&second, CREW_OPTIONS(.workers = 1)) == 0, "start");
	rc = crew_run(first, cancel_across, cancels);
	crew__sim_check(rc == (cancels ? CREW_ECANCELED : 7), "the close of the group");
	crew__sim_check(crew_stop(first) == 0 && crew_stop(second) == 0, "stop");
}

Test(mixer, a_cancellation_reaches_what_runs_on_another_crew, .timeout = 300)
{
	struct crew__sim_options options = { .name = "across" };
	struct crew__sim_result result = crew__sim_search_seeds(&options, across_main, NULL, 300);

	cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
	options.name = "across_crew";
	result = crew__sim_search_seeds(&options, across_main, &second, 300);
	cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
}

static void nothing(void *arg)
{
	(void)arg;
}

static void start_and_join(void *arg)
{
	uint64_t thread;

	(void)arg;
	crew__sim_check(crew__port_thread_start(&thread, nothing, NULL, "short") == 0, "start");
	crew__port_thread_join(thread);
}

/* Two threads that know nothing of each other: the second gets the stack of the first
 * one's thread, and that is no race. */
static void stack_main(void *arg)
{
	uint64_t other;

	(void)arg;
	crew__sim_check(crew__port_thread_start(&other, start_and_join, NULL, "other") == 0,
			"start");
	start_and_join(NULL);
	crew__port_thread_join(other);
}

Test(mixer, a_joined_threads_stack_is_used_again, .timeout = 300)
{
	struct crew__sim_options options = { .name = "stack_again" };
	struct crew__sim_result result = crew__sim_search_seeds(&options, stack_main, NULL, 1000);

	cr_assert(result.verdict == CREW__SIM_OK, "%s", result.message);
}
