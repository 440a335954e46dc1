/* SPDX-License-Identifier: MIT */
/*
 * model/tangle.c - random programs over what scopes and groups can do (support/tangle.h), in
 * the simulated world: each in a few schedules, by a task or by a plain thread. The search of
 * program n is called "tangle_n"; SEEDS=n tries more schedules of each.
 */
#include "model/model.h"

#define TANGLE_CHECK(condition, message) crew__sim_check(condition, message)
#include "support/tangle.h"

#include <stdio.h>

struct program {
	uint64_t seed;
	unsigned workers;
	bool on_thread;
};

static void release_main(void *arg)
{
	const struct program *program = (const struct program *)arg;

	tangle_release(program->seed + 1);
}

static void join_main(void *arg)
{
	const struct program *program = (const struct program *)arg;

	tangle_join_given(program->seed + 2);
}

static void tangle_main(void *arg)
{
	const struct program *program = (const struct program *)arg;
	struct tangle_node *root;
	struct crew *crew;
	uint64_t threads[2];
	int rc;

	rc = crew_start(&crew, CREW_OPTIONS(.workers = program->workers, .stack_bytes = 65536));
	crew__sim_check(rc == 0, "start");
	tangle_begin(crew);
	crew__port_thread_start(&threads[0], release_main, arg, "release");
	crew__port_thread_start(&threads[1], join_main, arg, "join");
	root = tangle_make(NULL, program->seed);
	if (program->on_thread)
		tangle_run(root);
	else
		crew_run(crew, tangle_run, root);
	crew__sim_check(root->ended, "the root did not run");
	tangle_end();
	crew__port_thread_join(threads[0]);
	crew__port_thread_join(threads[1]);
	crew__sim_check(crew_stop(crew) == 0, "stop");
}

/* Who waits for what. */
static void describe(void *arg)
{
	(void)arg;
	crew_dump(tangle.crew, stderr);
}

/* Searches stop at the first failure, and each program is a search of its own. */
static void search(uint64_t first, uint64_t programs, struct crew__sim_options options)
{
	for (uint64_t seed = first; seed < first + programs; seed++) {
		struct program program = { .seed = seed,
					   .workers = 1 + seed % 3,
					   .on_thread = seed % 4 == 0 };
		struct crew__sim_result result;
		char name[32];

		snprintf(name, sizeof(name), "tangle_%llu", (unsigned long long)seed);
		options.name = name;
		options.describe = describe;
		result = crew__sim_search_seeds(&options, tangle_main, &program, 6);
		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", name, result.message);
	}
}

Test(tangle, ends_as_it_must, .timeout = 300)
{
	search(1, 600, (struct crew__sim_options){ .seed = 0 });
}

Test(tangle, ends_as_it_must_without_membarrier, .timeout = 300)
{
	search(1001, 200, (struct crew__sim_options){ .no_membarrier = true });
}

Test(tangle, ends_as_it_must_whatever_the_time, .timeout = 300)
{
	search(2001, 200, (struct crew__sim_options){ .spurious_one_in = 4, .early_one_in = 8 });
}
