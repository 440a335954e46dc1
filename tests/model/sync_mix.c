/* SPDX-License-Identifier: MIT */
/*
 * model/sync_mix.c - random operations on all that can be waited for (support/ops.h), in the
 * simulated world: rounds of a few tasks and a plain thread or two, each in a few schedules. A
 * wake-up that is lost ends as a deadlock. The search of round n is called "ops_n"; SEEDS=n
 * tries more schedules of each.
 */
#include "model/model.h"

#define OPS_CHECK(condition, message) crew__sim_check(condition, message)
#include "support/ops_run.h"

#include <stdio.h>

static void thread_main(void *arg)
{
	ops_act((unsigned)(uintptr_t)arg);
}

static void ops_main(void *arg)
{
	const struct ops_round *round = (const struct ops_round *)arg;
	uint64_t threads[2];
	struct crew *crew;
	int rc;

	rc = crew_start(&crew, CREW_OPTIONS(.workers = 1 + round->seed % 3, .stack_bytes = 65536));
	crew__sim_check(rc == 0, "start");
	ops_begin(crew, round);
	for (unsigned i = 0; i < round->threads; i++)
		crew__port_thread_start(&threads[i], thread_main,
					(void *)(uintptr_t)(round->tasks + i), "actor");
	crew__sim_check(crew_run(crew, ops_tasks_main, NULL) == 0, "the actors");
	for (unsigned i = 0; i < round->threads; i++)
		crew__port_thread_join(threads[i]);
	ops_end();
	crew__sim_check(crew_stop(crew) == 0, "stop");
}

/* Who waits for what. */
static void describe(void *arg)
{
	(void)arg;
	crew_dump(ops.crew, stderr);
}

static void search(uint64_t first, uint64_t rounds, struct crew__sim_options options)
{
	for (uint64_t seed = first; seed < first + rounds; seed++) {
		struct ops_round round = {
			.seed = seed, .tasks = 2 + seed % 3, .threads = 1 + seed % 2, .steps = 6
		};
		struct crew__sim_result result;
		char name[32];

		snprintf(name, sizeof(name), "ops_%llu", (unsigned long long)seed);
		options.name = name;
		options.step_max = 1000000;
		options.describe = describe;
		result = crew__sim_search_seeds(&options, ops_main, &round, 6);
		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", name, result.message);
	}
}

Test(sync_mix, nothing_is_lost, .timeout = 300)
{
	search(1, 300, (struct crew__sim_options){ .seed = 0 });
}

Test(sync_mix, nothing_is_lost_without_membarrier, .timeout = 300)
{
	search(1001, 100, (struct crew__sim_options){ .no_membarrier = true });
}

Test(sync_mix, nothing_is_lost_whatever_the_time, .timeout = 300)
{
	search(2001, 200, (struct crew__sim_options){ .spurious_one_in = 4, .early_one_in = 8 });
}
