/* SPDX-License-Identifier: MIT */
/*
 * search.c - many runs, until one fails; then a shorter way to the same failure.
 *
 * Shortening leaves out choices, half of them at a time, then a quarter, down to
 * one by one, then any two, as long as the run still fails with the same verdict
 * (Zeller, Hildebrandt, "Simplifying and isolating failure-inducing input", 2002).
 * What is left is mostly a handful of switches, and is run once more to be reported.
 */
#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHORTENING_RUNS 2000

struct search {
	struct crew__sim_options options;
	bool loud;
	void (*main)(void *);
	void *arg;
	struct crew__sim_result result;
	uint64_t runs;
	uint64_t steps;
	uint64_t seeds;	  /* of the runs, those with a seed */
	uint32_t threads; /* of a run, at most */
	struct timespec begun;
	enum crew__sim_verdict failure; /* what is being shortened */
	unsigned shortening_runs;
};

/* What the environment wants of the search of this name. */
struct wish {
	bool skip;
	const char *seed;
	const char *choices;
	uint64_t times;
};

static struct wish read_wish(const struct crew__sim_options *options)
{
	const char *only = getenv("SIM");
	const char *times = getenv("SEEDS");
	struct wish wish = { .times = times ? strtoull(times, NULL, 10) : 1 };

	if (wish.times == 0)
		wish.times = 1;
	if (!only)
		return wish;
	wish.skip = !options->name || strcmp(options->name, only) != 0;
	if (wish.skip) {
		wish.skip = !options->quiet; /* its test expects it to fail */
		return wish;
	}
	wish.seed = getenv("SEED");
	wish.choices = getenv("CHOICES");
	return wish;
}

static struct search begin_search(const struct crew__sim_options *options, void (*main)(void *),
				  void *arg)
{
	struct search search = { .options = *options, .main = main, .arg = arg };

	if (!search.options.name)
		search.options.name = "unnamed";
	search.loud = !options->quiet;
	search.options.quiet = true;
	search.result.verdict = CREW__SIM_OK;
	clock_gettime(CLOCK_MONOTONIC, &search.begun);
	return search;
}

/* True: it did not fail. */
static bool run_once(struct search *search)
{
	search->result = crew__sim_run(&search->options, search->main, search->arg);
	search->runs++;
	search->seeds += search->options.strategy <= CREW__SIM_PCT;
	search->steps += search->result.steps;
	if (search->threads < crew__sim_world.used)
		search->threads = crew__sim_world.used;
	return search->result.verdict == CREW__SIM_OK;
}

/* What PCT promises (choice.c), and how often it was tried. */
static void print_promise(const struct search *search)
{
	bool mixed = search->options.strategy == CREW__SIM_MIXED;
	double worst = search->threads;

	if (search->seeds == 0 || search->options.strategy == CREW__SIM_UNIFORM)
		return;
	fprintf(stderr, "sim: %s: PCT, %llu runs of each depth; one hits a bug of depth",
		search->options.name, (unsigned long long)(search->seeds / (mixed ? 8 : 1)));
	for (uint32_t depth = 1; depth <= 4; depth++) {
		if (mixed || depth == search->options.depth)
			fprintf(stderr, "%s %u in %.3g", depth == 1 || !mixed ? "" : ",",
				(unsigned)depth, worst);
		worst *= (double)search->options.length;
	}
	fprintf(stderr, " at worst\n");
}

static void print_cost(const struct search *search)
{
	struct timespec now;
	double seconds;

	if (!getenv("STATS"))
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	seconds = (double)(now.tv_sec - search->begun.tv_sec) +
		  (double)(now.tv_nsec - search->begun.tv_nsec) / 1e9;
	fprintf(stderr, "sim: %s: %llu runs, %llu steps, %.2f s, %.2f M steps/s\n",
		search->options.name, (unsigned long long)search->runs,
		(unsigned long long)search->steps, seconds,
		(double)search->steps / 1e6 / (seconds > 0 ? seconds : 1));
	print_promise(search);
}

static struct crew__sim_result end_search(struct search *search)
{
	search->result.runs = search->runs;
	search->result.all_steps = search->steps;
	print_cost(search);
	return search->result;
}

/* ---- a failure ------------------------------------------------------------- */

static void copy_choices(struct crew__sim_choices *to, const struct crew__sim_choices *from)
{
	to->count = 0;
	for (size_t i = 0; i < from->count; i++)
		crew__sim_choices_add(to, from->list[i]);
}

/* Replays `best` without [a, a + part) and without the b-th. When that fails in the
 * same way with fewer choices, it is the best from now on. */
static bool without(struct search *search, struct crew__sim_choices *best, size_t a, size_t part,
		    size_t b)
{
	enum crew__sim_verdict verdict = search->failure;

	if (search->shortening_runs++ > SHORTENING_RUNS)
		return false;
	crew__sim_given.count = 0;
	for (size_t i = 0; i < best->count; i++)
		if ((i < a || i >= a + part) && i != b)
			crew__sim_choices_add(&crew__sim_given, best->list[i]);
	run_once(search);
	if (search->result.verdict != verdict || crew__sim_made.count >= best->count)
		return false;
	copy_choices(best, &crew__sim_made);
	return true;
}

static bool without_two(struct search *search, struct crew__sim_choices *best)
{
	for (size_t a = 0; a < best->count; a++)
		for (size_t b = a + 1; b < best->count; b++)
			if (without(search, best, a, 1, b))
				return true;
	return false;
}

static void shorten(struct search *search, struct crew__sim_choices *best)
{
	for (size_t part = best->count; part > 0; part /= 2)
		for (size_t from = 0; from < best->count;)
			if (!without(search, best, from, part, SIZE_MAX))
				from += part;
	while (best->count > 1 && without_two(search, best))
		;
}

/* search->result has failed: finds out more, and says it. */
static void explain(struct search *search)
{
	struct crew__sim_choices best = { .list = NULL };
	struct crew__sim_result failure = search->result;

	if (search->loud)
		fprintf(stderr, "sim: %s: failed in run %llu\n", search->options.name,
			(unsigned long long)search->runs);
	search->failure = failure.verdict;
	copy_choices(&best, &crew__sim_made);
	search->options.strategy = CREW__SIM_REPLAY;
	search->options.choices = NULL;
	copy_choices(&crew__sim_given, &best);
	run_once(search);
	if (search->result.verdict == failure.verdict) {
		shorten(search, &best);
		copy_choices(&crew__sim_given, &best);
		search->options.quiet = !search->loud;
		run_once(search);
		search->result.seed = failure.seed;
		if (search->result.verdict == failure.verdict)
			failure = search->result; /* else it depends on earlier runs */
	} else if (search->loud) {
		fprintf(stderr, "sim: %s: %s; not so when its choices were replayed\n",
			search->options.name, failure.message);
	}
	search->result = failure;
	if (search->loud)
		crew__sim_report_replay(&search->options, &search->result);
	free(best.list);
}

/* ---- searches ---------------------------------------------------------------- */

static void replay_wish(struct search *search, const struct wish *wish)
{
	search->options.quiet = false;
	if (wish->choices) {
		search->options.strategy = CREW__SIM_REPLAY;
		search->options.choices = wish->choices;
	} else {
		search->options.seed = strtoull(wish->seed, NULL, 10);
	}
	run_once(search);
	search->result.complete = true;
	fprintf(stderr, "sim: %s: %s, %llu steps, hash %016llx\n", search->options.name,
		crew__sim_verdict_name(search->result.verdict),
		(unsigned long long)search->result.steps, (unsigned long long)search->result.hash);
}

/* Without any interruption: seed 0. It tells PCT how long a run is. */
static bool measure(struct search *search)
{
	enum crew__sim_strategy strategy = search->options.strategy;
	bool fine;

	search->options.strategy = CREW__SIM_REPLAY;
	search->options.choices = "";
	search->options.seed = 0;
	fine = run_once(search);
	search->options.strategy = strategy;
	search->options.choices = NULL;
	if (!search->options.length)
		search->options.length = search->result.steps + 1;
	return fine;
}

/* What has failed before does not fail again. */
static bool replay_found(struct search *search)
{
	enum crew__sim_strategy strategy = search->options.strategy;
	bool fine = true;

	if (!crew__sim_found)
		return true;
	search->options.strategy = CREW__SIM_REPLAY;
	for (const struct crew__sim_found *found = crew__sim_found; found->name && fine; found++) {
		if (strcmp(found->name, search->options.name) != 0)
			continue;
		search->options.choices = found->choices;
		fine = run_once(search);
		if (!fine && search->loud)
			fprintf(stderr, "sim: %s: failed before: %s\n", found->name, found->what);
	}
	search->options.choices = NULL;
	if (fine)
		search->options.strategy = strategy;
	return fine;
}

struct crew__sim_result crew__sim_search_seeds(const struct crew__sim_options *options,
					       void (*main)(void *), void *arg, uint64_t n)
{
	struct search search = begin_search(options, main, arg);
	struct wish wish = read_wish(options);
	bool fine;

	if (wish.skip)
		return search.result;
	fine = measure(&search);
	if (wish.choices || wish.seed) {
		replay_wish(&search, &wish);
		return end_search(&search);
	}
	fine = fine && replay_found(&search);
#ifdef CREW__SIM_ASAN
	n = n / 10 + 1; /* each costs ten times as much */
#endif
	for (uint64_t seed = 1; fine && seed <= n * wish.times; seed++) {
		search.options.seed = seed;
		fine = run_once(&search);
	}
	if (!fine)
		explain(&search);
	return end_search(&search);
}

struct crew__sim_result crew__sim_enumerate(const struct crew__sim_options *options,
					    void (*main)(void *), void *arg, unsigned bound)
{
	struct search search = begin_search(options, main, arg);
	struct wish wish = read_wish(options);

	search.result.complete = true;
	if (wish.skip)
		return search.result;
	if (wish.choices) {
		replay_wish(&search, &wish);
		return end_search(&search);
	}
	search.options.strategy = CREW__SIM_ENUMERATE;
	/* the smallest bound first: so what is found is found with few interruptions */
	for (unsigned now = 0; now <= bound; now++) {
		crew__sim_enumerate_begin(now);
		do {
			if (options->run_max && search.runs >= options->run_max)
				return end_search(&search);
			if (!run_once(&search)) {
				explain(&search);
				return end_search(&search);
			}
		} while (crew__sim_enumerate_next());
	}
	search.result.complete = true;
	return end_search(&search);
}
