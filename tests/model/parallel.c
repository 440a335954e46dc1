/* SPDX-License-Identifier: MIT */
/* model/parallel.c - the splitter (src/parallel/split.h): every index once, whoever takes
 * the halves; none twice when something fails or is cancelled meanwhile. */
#include "crew/parallel.h"
#include "model/model.h"

static int ran_range(size_t begin, size_t end, void *arg)
{
	(void)arg;
	for (size_t i = begin; i < end; i++)
		model_ran((unsigned)i);
	return 0;
}

/* ---- all goes well ---- */

static int whole_program(void *arg)
{
	(void)arg;
	crew__sim_check(crew_for(0, 9, ran_range, NULL, CREW_PARALLEL(.grain = 1)) == 0,
			"a loop failed");
	model_check_ran(0, 9);
	return 0;
}

Test(parallel, each_index_once, .timeout = 300)
{
	struct model model = { .program = whole_program };

	model_search("parallel_each", model, 3000);
}

static int sleeps_too(size_t begin, size_t end, void *arg)
{
	if (begin % 3 == 1)
		crew__sim_check(crew_sleep(CREW_MS(1)) == 0, "a sleep failed");
	if (begin % 3 == 2)
		crew_yield();
	return ran_range(begin, end, arg);
}

static int waits_program(void *arg)
{
	(void)arg;
	crew__sim_check(crew_for(0, 7, sleeps_too, NULL, CREW_PARALLEL(.grain = 1)) == 0,
			"a loop failed");
	model_check_ran(0, 7);
	return 0;
}

Test(parallel, bodies_that_wait, .timeout = 300)
{
	struct model model = { .program = waits_program, .lasts = -1 };

	model_search("parallel_waits", model, 3000);
}

static int inner_loop(size_t begin, size_t end, void *arg)
{
	(void)end;
	return crew_for(begin * 4, begin * 4 + 4, ran_range, arg, CREW_PARALLEL(.grain = 1));
}

static int nested_program(void *arg)
{
	(void)arg;
	crew__sim_check(crew_for(0, 3, inner_loop, NULL, CREW_PARALLEL(.grain = 1)) == 0,
			"a loop failed");
	model_check_ran(0, 12);
	return 0;
}

Test(parallel, loops_in_loops, .timeout = 300)
{
	struct model model = { .program = nested_program };

	model_search("parallel_nested", model, 2000);
}

/* ---- what is folded is in order ---- */

struct stretch {
	size_t begin;
	size_t end;
};

static int extends(void *into, size_t begin, size_t end, void *arg)
{
	struct stretch *stretch = into;

	if (stretch->begin == stretch->end)
		stretch->begin = stretch->end = begin;
	crew__sim_check(stretch->end == begin, "added out of order");
	stretch->end = end;
	return ran_range(begin, end, arg);
}

static void appends(void *into, const void *right, void *arg)
{
	struct stretch *stretch = into;
	const struct stretch *other = right;

	(void)arg;
	crew__sim_check(stretch->end == other->begin, "joined out of order");
	stretch->end = other->end;
}

static int folding_program(void *arg)
{
	struct crew_reducer reducer = { .bytes = sizeof(struct stretch),
					.add = extends,
					.join = appends };
	struct stretch all;

	(void)arg;
	crew__sim_check(crew_reduce(1, 8, &all, &reducer, NULL, CREW_PARALLEL(.grain = 1)) == 0,
			"a reduction failed");
	crew__sim_check(all.begin == 1 && all.end == 8, "something is missing");
	model_check_ran(1, 8);
	return 0;
}

Test(parallel, reductions_keep_the_order, .timeout = 300)
{
	struct model model = { .program = folding_program };

	model_search("parallel_reduce", model, 3000);
}

/* ---- a body fails ---- */

static int fails_at_four(size_t begin, size_t end, void *arg)
{
	ran_range(begin, end, arg);
	return begin == 4 ? 5 : 0;
}

static int failing_program(void *arg)
{
	(void)arg;
	return crew_for(0, 8, fails_at_four, NULL, CREW_PARALLEL(.grain = 1));
}

Test(parallel, a_failure_comes_out_and_nothing_runs_twice, .timeout = 300)
{
	struct model model = { .program = failing_program, .expected = 5 };

	model_search("parallel_fails", model, 3000);
}

static int fails_or_sleeps(size_t begin, size_t end, void *arg)
{
	ran_range(begin, end, arg);
	return begin == 2 ? 6 : crew_sleep(CREW_S(1000));
}

static int waking_program(void *arg)
{
	(void)arg;
	return crew_for(0, 4, fails_or_sleeps, NULL, CREW_PARALLEL(.grain = 1));
}

Test(parallel, a_failure_wakes_who_waits, .timeout = 300)
{
	struct model model = { .program = waking_program, .expected = 6 };

	model_search("parallel_wakes", model, 3000);
}

/* ---- it is cancelled from outside ---- */

static int cancels(void *scope)
{
	crew_scope_cancel(scope, "enough");
	return 0;
}

/* run() while a child of a group cancels what is around both. */
static int cancel_meanwhile(int (*run)(void))
{
	struct crew_scope outer;
	struct crew_group *group;
	int rc;

	crew_scope_open(&outer, NULL);
	group = model_open(NULL);
	crew_group_spawn(group, cancels, &outer);
	rc = run();
	crew__sim_check(rc == 0 || rc == CREW_ECANCELED, "another code");
	rc = model_close(group, rc);
	crew__sim_check(rc == 0 || rc == CREW_ECANCELED, "close failed");
	return crew_scope_close(&outer, rc);
}

static int loop_of_eight(void)
{
	int rc = crew_for(0, 8, ran_range, NULL, CREW_PARALLEL(.grain = 1));

	if (rc == 0)
		model_check_ran(0, 8);
	return rc;
}

static int cancelled_program(void *arg)
{
	(void)arg;
	return cancel_meanwhile(loop_of_eight);
}

Test(parallel, a_cancelled_loop_runs_nothing_twice, .timeout = 300)
{
	struct model model = { .program = cancelled_program };

	model_search("parallel_cancelled", model, 3000);
}

/* ---- sorts ---- */

CREW_SORT(sort_numbers, unsigned, CREW_LESS)

static int compare_numbers(const void *a, const void *b, void *arg)
{
	(void)arg;
	return *(const unsigned char *)a - *(const unsigned char *)b;
}

static int sorting_program(void *arg)
{
	static unsigned numbers[9];
	static unsigned char bytes[30];

	(void)arg;
	for (unsigned i = 0; i < 30; i++)
		bytes[i] = (unsigned char)(i * 7 % 30);
	for (unsigned i = 0; i < 9; i++)
		numbers[i] = i * 5 % 9;
	crew__sim_check(sort_numbers(numbers, 9, CREW_PARALLEL(.grain = 2)) == 0, "a sort failed");
	crew__sim_check(crew_sort(bytes, 30, 1, compare_numbers, NULL, CREW_PARALLEL(.grain = 4)) ==
				0,
			"a sort failed");
	for (unsigned i = 0; i < 30; i++)
		crew__sim_check(bytes[i] == i, "not sorted");
	for (unsigned i = 0; i < 9; i++)
		crew__sim_check(numbers[i] == i, "not sorted");
	return 0;
}

Test(parallel, sorts, .timeout = 300)
{
	struct model model = { .program = sorting_program };

	model_search("parallel_sorts", model, 1000);
}

/* ---- pipelines ---- */

static struct {
	unsigned made;
	unsigned next[2];
	unsigned fails_at;
	unsigned dropped;
} line;

static int makes(void **item, void *arg)
{
	(void)arg;
	if (line.made == 5)
		return CREW_EEND;
	*item = (void *)(uintptr_t)line.made++;
	return 0;
}

static int any_order(void **item, void *arg)
{
	unsigned number = (unsigned)(uintptr_t)*item;

	(void)arg;
	if (number == 1)
		crew_yield();
	model_ran(number);
	return number == line.fails_at ? 8 : 0;
}

static int in_order(void **item, void *arg)
{
	unsigned *next = arg;

	crew__sim_check(*next == (unsigned)(uintptr_t)*item, "an item was overtaken");
	if (*next == 2)
		crew_yield();
	++*next;
	return 0;
}

static void drops(void *item, void *arg)
{
	(void)item;
	(void)arg;
	line.dropped++;
}

static int run_line(unsigned fails_at)
{
	struct crew_stage stages[] = { { makes, NULL, CREW_STAGE_SERIAL },
				       { in_order, &line.next[0], CREW_STAGE_SERIAL },
				       { any_order, NULL, CREW_STAGE_PARALLEL },
				       { in_order, &line.next[1], CREW_STAGE_SERIAL } };
	int rc;

	line.made = line.next[0] = line.next[1] = line.dropped = 0;
	line.fails_at = fails_at;
	rc = crew_pipeline(stages, 4, CREW_PIPELINE(.tokens = 3, .drop = drops));
	crew__sim_check(line.made == line.next[1] + line.dropped, "an item was lost");
	return rc;
}

static int line_program(void *arg)
{
	(void)arg;
	crew__sim_check(run_line(100) == 0, "a pipeline failed");
	crew__sim_check(line.dropped == 0, "an item was dropped");
	model_check_ran(0, 5);
	return 0;
}

Test(parallel, pipelines, .timeout = 300)
{
	struct model model = { .program = line_program };

	model_search("parallel_pipeline", model, 2000);
}

static int failing_line_program(void *arg)
{
	(void)arg;
	return run_line(3);
}

Test(parallel, pipelines_that_fail, .timeout = 300)
{
	struct model model = { .program = failing_line_program, .expected = 8 };

	model_search("parallel_pipeline_fails", model, 2000);
}

static int line_of_five(void)
{
	int rc = run_line(100);

	if (rc == 0)
		model_check_ran(0, 5);
	return rc;
}

static int cancelled_line_program(void *arg)
{
	(void)arg;
	return cancel_meanwhile(line_of_five);
}

Test(parallel, pipelines_that_are_cancelled, .timeout = 300)
{
	struct model model = { .program = cancelled_line_program };

	model_search("parallel_pipeline_cancelled", model, 2000);
}
