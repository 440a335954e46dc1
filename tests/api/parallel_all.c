/* SPDX-License-Identifier: MIT */
/*
 * parallel_all.c - what all algorithms have in common: wherever one is cancelled, fails or
 * finds no memory, it stops there and says so; they nest, and plain threads may call them.
 *
 * Each is run by a function of the same form, whose bodies pass point(): that is where
 * something happens.
 */
#include "api/parallel.h"

#include "base/alloc.h"
#include "support/child.h"

#include <pthread.h>
#include <string.h>

#define COUNT 300 /* items: the numbers below, each once */
#define WRONG (-7777)
#define FAILS 42

struct probe;

struct cell {
	struct probe *probe;
	size_t index;
};

struct probe {
	struct crew_parallel_options options;
	struct crew_scope *scope;
	struct crew_word points;
	struct crew_word late; /* since it was cancelled */
	struct crew_word cancelled;
	uint64_t stop_at; /* at that point ... */
	int fails;	  /* ... it fails so, or 0: the scope is cancelled */
	size_t made;	  /* by the pipeline */
	int from[COUNT];
	int to[COUNT];
	struct cell cells[COUNT];
};

static int point(struct probe *probe)
{
	uint64_t number = crew__add_relaxed(&probe->points, 1) + 1;

	crew__add_relaxed(&probe->late, crew__load_acquire(&probe->cancelled));
	if (number != probe->stop_at)
		return 0;
	if (probe->fails)
		return probe->fails;
	crew_scope_cancel(probe->scope, "enough");
	crew__store_release(&probe->cancelled, 1);
	return 0;
}

/* The grain is `turns`; 0 is by time. */
static void init(struct probe *probe, size_t turns)
{
	memset(probe, 0, sizeof(*probe));
	probe->options = grain(turns);
	for (size_t i = 0; i < COUNT; i++) {
		probe->from[i] = (int)(i * 7919 % COUNT);
		probe->cells[i] = (struct cell){ probe, i };
	}
}

/* ---- loops ---- */

static int put(struct probe *probe, size_t i)
{
	probe->to[i] += probe->from[i] + 1;
	return point(probe);
}

static int all_put(const struct probe *probe, int rc)
{
	for (size_t i = 0; i < COUNT && rc == 0; i++)
		if (probe->to[i] != probe->from[i] + 1)
			rc = WRONG;
	return rc;
}

static int put_range(size_t begin, size_t end, void *arg)
{
	int rc = 0;

	for (size_t i = begin; i < end && rc == 0; i++)
		rc = put(arg, i);
	return rc;
}

static int run_for(struct probe *probe)
{
	return all_put(probe, crew_for(0, COUNT, put_range, probe, &probe->options));
}

static int put_block(const struct crew_block *piece, void *arg)
{
	int rc = 0;

	for (size_t row = piece->begin[0]; row < piece->end[0] && rc == 0; row++)
		rc = put_range(row * 20 + piece->begin[1], row * 20 + piece->end[1], arg);
	return rc;
}

static int run_blocks(struct probe *probe)
{
	struct crew_block whole = crew_block_2d(COUNT / 20, 20);

	return all_put(probe, crew_for_blocks(&whole, put_block, probe, &probe->options));
}

static int put_cell(void *item, void *arg)
{
	const struct cell *cell = item;

	(void)arg;
	return put(cell->probe, cell->index);
}

static int run_each(struct probe *probe)
{
	return all_put(probe, crew_for_each(probe->cells, COUNT, sizeof(struct cell), put_cell,
					    NULL, &probe->options));
}

static int map_one(const void *from, void *to, void *arg)
{
	*(int *)to = *(const int *)from + 1;
	return point(arg);
}

static int run_map(struct probe *probe)
{
	return all_put(probe, crew_map(probe->from, sizeof(int), probe->to, sizeof(int), COUNT,
				       map_one, probe, &probe->options));
}

static int put_called(void *arg)
{
	return put_cell(arg, NULL);
}

static int run_invoke(struct probe *probe)
{
	struct crew_call calls[COUNT];

	for (size_t i = 0; i < COUNT; i++)
		calls[i] = (struct crew_call){ put_called, &probe->cells[i] };
	return all_put(probe, crew_invoke(calls, COUNT, &probe->options));
}

/* ---- reductions ---- */

static int add(void *into, size_t begin, size_t end, void *arg)
{
	struct probe *probe = arg;
	int rc = 0;

	for (size_t i = begin; i < end && rc == 0; i++) {
		*(long *)into += probe->from[i];
		rc = point(probe);
	}
	return rc;
}

static void join(void *into, const void *right, void *arg)
{
	(void)arg;
	*(long *)into += *(const long *)right;
}

static int run_reduce(struct probe *probe)
{
	struct crew_reducer reducer = { .bytes = 200, .add = add, .join = join };
	long sums[25];
	int rc = crew_reduce(0, COUNT, sums, &reducer, probe, &probe->options);

	return rc == 0 && sums[0] != COUNT * (COUNT - 1) / 2 ? WRONG : rc;
}

static int run_fixed(struct probe *probe)
{
	probe->options.fixed_order = true;
	return run_reduce(probe);
}

static int compare(const void *a, const void *b, void *arg)
{
	point(arg);
	return *(const int *)a - *(const int *)b;
}

static int run_max(struct probe *probe)
{
	size_t found;
	int rc = crew_find_max(probe->from, COUNT, sizeof(int), compare, probe, &found,
			       &probe->options);

	return rc == 0 && probe->from[found] != COUNT - 1 ? WRONG : rc;
}

static size_t bin_of(const void *item, void *arg)
{
	point(arg);
	return (size_t) * (const int *)item % 30;
}

static int run_histogram(struct probe *probe)
{
	uint64_t counts[30];
	int rc = crew_histogram(probe->from, COUNT, sizeof(int), bin_of, probe, counts, 30,
				&probe->options);

	for (int i = 0; i < 30 && rc == 0; i++)
		rc = counts[i] == COUNT / 30 ? 0 : WRONG;
	return rc;
}

/* ---- arrays ---- */

static bool is_last(const void *item, void *arg)
{
	const struct probe *probe = arg;

	point(arg);
	return item == probe->from + COUNT - 1;
}

static int run_find(struct probe *probe)
{
	size_t found;
	int rc = crew_find_first(probe->from, COUNT, sizeof(int), is_last, probe, &found,
				 &probe->options);

	return rc == 0 && found != COUNT - 1 ? WRONG : rc;
}

static bool is_even(const void *item, void *arg)
{
	point(arg);
	return *(const int *)item % 2 == 0;
}

/* Those that pass in order, at the beginning; behind them the others or nothing. */
static int chosen(const struct probe *probe, size_t passed, bool both)
{
	size_t at[2] = { passed, 0 };

	for (size_t i = 0; i < COUNT; i++) {
		bool passes = probe->from[i] % 2 == 0;

		if ((passes || both) && probe->to[at[passes]++] != probe->from[i])
			return WRONG;
	}
	return at[true] == passed ? 0 : WRONG;
}

static int run_copy_if(struct probe *probe)
{
	size_t passed;
	int rc = crew_copy_if(probe->from, COUNT, sizeof(int), probe->to, &passed, is_even, probe,
			      &probe->options);

	return rc ? rc : chosen(probe, passed, false);
}

static int run_partition(struct probe *probe)
{
	size_t passed;
	int rc = crew_partition(probe->from, COUNT, sizeof(int), probe->to, &passed, is_even, probe,
				&probe->options);

	return rc ? rc : chosen(probe, passed, true);
}

static void sum_up(void *into, const void *right, void *arg)
{
	*(int *)into += *(const int *)right;
	point(arg);
}

static int run_scan(struct probe *probe)
{
	int rc = crew_scan_inclusive(probe->from, probe->to, COUNT, sizeof(int), NULL, sum_up,
				     probe, &probe->options);
	int sum = 0;

	for (size_t i = 0; i < COUNT && rc == 0; i++) {
		sum += probe->from[i];
		rc = probe->to[i] == sum ? 0 : WRONG;
	}
	return rc;
}

/* ---- sorts ---- */

/* None is lost; and sorted, if it says so. */
static int sorted(const struct probe *probe, int rc, bool lost)
{
	bool seen[COUNT] = { false };

	for (size_t i = 0; i < COUNT; i++) {
		if (rc == 0 && probe->to[i] != (int)i)
			return WRONG;
		if (!lost && (probe->to[i] < 0 || probe->to[i] >= COUNT || seen[probe->to[i]]))
			return WRONG;
		if (!lost)
			seen[probe->to[i]] = true;
	}
	return rc;
}

static int run_sort(struct probe *probe)
{
	memcpy(probe->to, probe->from, sizeof(probe->to));
	return sorted(probe,
		      crew_sort(probe->to, COUNT, sizeof(int), compare, probe, &probe->options),
		      false);
}

static int run_stable(struct probe *probe)
{
	memcpy(probe->to, probe->from, sizeof(probe->to));
	return sorted(
		probe,
		crew_sort_stable(probe->to, COUNT, sizeof(int), compare, probe, &probe->options),
		false);
}

static int run_merge(struct probe *probe)
{
	struct crew_merge merge = { probe->from, COUNT / 3, probe->from + COUNT / 3,
				    COUNT - COUNT / 3, probe->to };

	for (size_t i = 0; i < COUNT; i++) /* every third one is in the first array */
		probe->from[i % 3 == 0 ? i / 3 : COUNT / 3 + i - i / 3 - 1] = (int)i;
	return sorted(probe,
		      crew_merge_sorted(&merge, sizeof(int), compare, probe, &probe->options),
		      true);
}

/* ---- pipeline, divide ---- */

static int make(void **item, void *arg)
{
	struct probe *probe = arg;

	*item = &probe->cells[probe->made];
	return probe->made < COUNT && ++probe->made ? point(probe) : CREW_EEND;
}

static int put_passing(void **item, void *arg)
{
	(void)arg;
	return put_cell(*item, NULL);
}

static int pass(void **item, void *arg)
{
	(void)item;
	return point(arg);
}

static int run_pipeline(struct probe *probe)
{
	struct crew_stage stages[] = { { make, probe, CREW_STAGE_SERIAL },
				       { put_passing, probe, CREW_STAGE_PARALLEL },
				       { pass, probe, CREW_STAGE_SERIAL } };

	return all_put(probe, crew_pipeline(stages, 3,
					    CREW_PIPELINE(.crew = probe->options.crew,
							  .tokens = probe->options.grain)));
}

struct span {
	size_t begin;
	size_t end;
	char rest[200];
};

static bool is_small(const void *problem, void *arg)
{
	const struct span *span = problem;

	(void)arg;
	return span->end - span->begin <= 3;
}

static int solve(void *problem, void *arg)
{
	const struct span *span = problem;

	return put_range(span->begin, span->end, arg);
}

static int divide(void *problem, void *other, void *arg)
{
	struct span *span = problem;
	struct span *right = other;

	*right = *span;
	right->begin = span->end = span->begin + (span->end - span->begin) / 3;
	return point(arg);
}

static int unite(void *problem, void *other, void *arg)
{
	(void)problem;
	(void)other;
	return point(arg);
}

static int run_divide(struct probe *probe)
{
	struct crew_divider divider = { sizeof(struct span), is_small, solve, divide, unite };
	struct span span = { .end = COUNT };

	return all_put(probe, crew_divide(&span, &divider, probe, &probe->options));
}

/* ---- all of them ---- */

static const struct algorithm {
	const char *name;
	int (*run)(struct probe *probe);
	bool fails;    /* its bodies can */
	unsigned late; /* points that a worker may pass after the cancellation: a grain */
} algorithms[] = {
	{ "for", run_for, true, 4 },
	{ "for_blocks", run_blocks, true, 4 },
	{ "for_each", run_each, true, 4 },
	{ "map", run_map, true, 4 },
	{ "invoke", run_invoke, true, 1 },
	{ "reduce", run_reduce, true, 4 },
	{ "reduce, fixed", run_fixed, true, 4 },
	{ "find_max", run_max, false, 4 + 64 }, /* and a join for each piece that was taken */
	{ "histogram", run_histogram, false, 4 },
	{ "find_first", run_find, false, 4 },
	{ "copy_if", run_copy_if, false, 64 },
	{ "partition", run_partition, false, 64 },
	{ "scan", run_scan, false, 64 + 75 }, /* and a join for each piece */
	{ "sort", run_sort, false, 200 },
	{ "sort_stable", run_stable, false, 50 },
	{ "merge_sorted", run_merge, false, 20 },
	{ "pipeline", run_pipeline, true, 1 },
	{ "divide", run_divide, true, 3 },
};

#define ALGORITHMS (sizeof(algorithms) / sizeof(*algorithms))

/* What is right, or a word about who was not. */
static bool holds(bool right, const struct algorithm *algorithm, uint64_t at, int rc)
{
	if (!right)
		fprintf(stderr, "%s, stopped at %llu: %s\n", algorithm->name,
			(unsigned long long)at, crew_strerror(rc));
	return right;
}

/* 1: there are no more points; 2: wrong. */
static int cancel_at(const struct algorithm *algorithm, size_t turns, uint64_t stop_at)
{
	static struct probe probe;
	struct crew_scope scope;
	bool right;
	int rc;

	init(&probe, turns);
	probe.stop_at = stop_at;
	probe.scope = &scope;
	crew_scope_open(&scope, NULL);
	rc = algorithm->run(&probe);
	crew_scope_close(&scope, 0);
	right = rc == CREW_ECANCELED || (rc == 0 && probe.points.value >= COUNT / 2);
	right &= !turns || probe.late.value <= algorithm->late * crew_worker_count(NULL);
	if (!holds(right, algorithm, stop_at, rc))
		return 2;
	return !probe.cancelled.value;
}

static int cancel_everywhere(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < 2 * ALGORITHMS; i++) {
		int rc = 0;

		for (uint64_t at = 1; rc == 0; at += 1 + at / 9)
			rc = cancel_at(&algorithms[i / 2], i % 2 * 4, at);
		CHECK(rc == 1);
	}
	return 0;
}

Test(parallel_all, stop_where_they_are_cancelled, .timeout = 120)
{
	in_tasks(cancel_everywhere, NULL);
}

static int fail_everywhere(void *arg)
{
	(void)arg;
	for (size_t i = 0; i < 2 * ALGORITHMS; i++) {
		const struct algorithm *algorithm = &algorithms[i / 2];

		for (uint64_t at = 1; algorithm->fails && at <= COUNT; at += 1 + at / 9) {
			static struct probe probe;
			int rc;

			init(&probe, i % 2 * 4);
			probe.stop_at = at;
			probe.fails = FAILS;
			rc = algorithm->run(&probe);
			CHECK(holds(rc == FAILS && crew_check() == 0, algorithm, at, rc));
		}
	}
	return 0;
}

Test(parallel_all, return_the_failure_wherever_it_is, .timeout = 120)
{
	in_tasks(fail_everywhere, NULL);
}

/* One allocation fails, the first, the second, ... */
static int starve(void *arg)
{
	for (size_t i = 0; i < ALGORITHMS; i++)
		for (unsigned long n = 1; n < 200; n += 1 + n / 9) {
			static struct probe probe;
			int rc;

			init(&probe, n % 2 * 4);
			probe.options.crew = arg;
			crew__alloc_fail_after(n);
			rc = algorithms[i].run(&probe);
			crew__alloc_fail_after(0);
			CHECK(holds(rc == 0 || rc == CREW_ENOMEM, &algorithms[i], n, rc));
		}
	return 0;
}

Test(parallel_all, no_memory_is_a_code, .timeout = 120)
{
	struct crew *crew = start(2);

	in_tasks(starve, NULL);
	cr_assert_eq(starve(crew), 0);
	stop(crew);
}

/* ---- inside of each other ---- */

static int run_one(size_t begin, size_t end, void *arg)
{
	int rc = 0;

	for (size_t i = begin; i < end && rc == 0; i++) {
		struct probe *probe = crew__alloc(sizeof(*probe));

		if (!probe)
			return CREW_ENOMEM;
		init(probe, i / ALGORITHMS % 2 * 4);
		probe->options.crew = arg;
		rc = algorithms[i % ALGORITHMS].run(probe);
		crew__free(probe);
	}
	return rc;
}

static int count_runs(void *into, size_t begin, size_t end, void *arg)
{
	int rc = crew_for(begin, end, run_one, arg, NULL);

	*(size_t *)into += end - begin;
	return rc;
}

static void add_counts(void *into, const void *right, void *arg)
{
	(void)arg;
	*(size_t *)into += *(const size_t *)right;
}

/* All of them in loops, in a reduction. */
static int reduce_all(void *arg)
{
	struct crew_reducer reducer = { .bytes = sizeof(size_t),
					.add = count_runs,
					.join = add_counts };
	size_t runs;
	int rc = crew_reduce(0, 2 * ALGORITHMS, &runs, &reducer, arg, CREW_PARALLEL(.grain = 5));

	return rc ? rc : runs == 2 * ALGORITHMS ? 0 : WRONG;
}

/* That in tasks of a group. */
static int nest(void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	for (int i = 0; i < 5; i++)
		crew_group_spawn(&group, reduce_all, arg);
	return crew_group_close(&group, 0);
}

Test(parallel_all, nest_in_each_other_and_in_tasks, .timeout = 120)
{
	in_tasks(nest, NULL);
}

static void *on_a_thread(void *crew)
{
	return (void *)(intptr_t)run_one(0, 2 * ALGORITHMS, crew);
}

Test(parallel_all, are_called_by_plain_threads_at_the_same_time, .timeout = 120)
{
	for (unsigned workers = 1; workers <= 4; workers++) {
		struct crew *crew = start(workers);
		pthread_t threads[3];
		void *rc;

		for (int i = 0; i < 3; i++)
			cr_assert_eq(pthread_create(&threads[i], NULL, on_a_thread, crew), 0);
		for (int i = 0; i < 3; i++) {
			cr_assert_eq(pthread_join(threads[i], &rc), 0);
			cr_assert_null(rc);
		}
		stop(crew);
	}
}

#ifndef CREW__TSAN /* which loses its own threads at a fork */

/* 0, or the number of the first that did not say so. */
static int all_say_forked(struct crew *crew)
{
	static struct probe probe;

	for (size_t i = 0; i < ALGORITHMS; i++) {
		init(&probe, 4);
		probe.options.crew = crew;
		if (algorithms[i].run(&probe) != CREW_EFORKED || probe.points.value)
			return (int)i + 1;
	}
	return 0;
}

static int in_a_child(void *crew)
{
	pid_t pid = fork_child();

	if (pid == 0)
		_exit(all_say_forked(crew));
	return reap(pid);
}

Test(parallel_all, R15_say_forked_in_a_child_process, .timeout = 60)
{
	struct crew *crew = start(2);

	cr_assert_eq(in_a_child(crew), 0);
	cr_assert_eq(crew_run(crew, in_a_child, NULL), 0);
	stop(crew);
}

#endif
