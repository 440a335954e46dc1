/* SPDX-License-Identifier: MIT */
/*
 * spawn.c - empty tasks.
 *
 *	flat		a million, spawned by one task into one group, in a fresh
 *			process: pages are cold; flat.rss is the peak memory
 *	flat_warm	the same again and again: pages are warm
 *	flat_thread	the same as flat from a plain thread
 *	launch		from a task: group, 8 tasks of 125 empty turns each, close
 *	launch_thread	the same from a plain thread, which sleeps until they end
 *	run		crew_run() of an empty function
 */
#include "../inside.h"

static int spawn_flat(struct crew *crew)
{
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.crew = crew));
	for (int i = 0; i < FLAT_TASKS; i++)
		crew_group_spawn(&group, inside_nothing, NULL);
	return crew_group_close(&group, 0);
}

static crew_time flat_loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++)
		if (spawn_flat(NULL))
			return -1;
	return crew_bench_now() - begin;
}

static crew_time flat(uint64_t n, long workers)
{
	crew_time took = inside(workers, flat_loop, n);

	peak_memory("flat.rss");
	return took;
}

static crew_time flat_warm(uint64_t n, long workers)
{
	return inside(workers, flat_loop, n);
}

static crew_time flat_thread(uint64_t n, long workers)
{
	struct crew *crew = inside_crew(workers);
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++)
		if (!crew || spawn_flat(crew))
			return -1;
	return crew_bench_now() - begin;
}

static int piece(void *arg)
{
	(void)arg;
	launch_piece();
	return 0;
}

static int spawn_pieces(struct crew *crew)
{
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.crew = crew));
	for (int i = 0; i < LAUNCH_PIECES; i++)
		crew_group_spawn(&group, piece, NULL);
	return crew_group_close(&group, 0);
}

static crew_time launch_loop(uint64_t n)
{
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++)
		if (spawn_pieces(NULL))
			return -1;
	return crew_bench_now() - begin;
}

static crew_time launch(uint64_t n, long workers)
{
	return inside(workers, launch_loop, n);
}

static crew_time launch_thread(uint64_t n, long workers)
{
	struct crew *crew = inside_crew(workers);
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++)
		if (!crew || spawn_pieces(crew))
			return -1;
	return crew_bench_now() - begin;
}

static crew_time run(uint64_t n, long workers)
{
	struct crew *crew = inside_crew(workers);
	crew_time begin = crew_bench_now();

	for (uint64_t i = 0; i < n; i++)
		if (!crew || crew_run(crew, inside_nothing, NULL))
			return -1;
	return crew_bench_now() - begin;
}

static const struct crew_bench benches[] = {
	{ .name = "flat", .fn = flat, .param = 2, .divisor = FLAT_TASKS, .n = 1, .fresh = true },
	{ .name = "flat_warm", .fn = flat_warm, .param = 2, .divisor = FLAT_TASKS },
	{ .name = "flat_thread",
	  .fn = flat_thread,
	  .param = 2,
	  .divisor = FLAT_TASKS,
	  .n = 1,
	  .fresh = true },
	{ .name = "launch", .fn = launch, .param = 2, .unit = "us", .divisor = 1e3 },
	{ .name = "launch_thread", .fn = launch_thread, .param = 2, .unit = "us", .divisor = 1e3 },
	{ .name = "run", .fn = run, .param = 2, .unit = "us", .divisor = 1e3 },
};

int main(int argc, char **argv)
{
	return crew_bench_main(argc, argv, "crew", benches, sizeof(benches) / sizeof(*benches));
}
