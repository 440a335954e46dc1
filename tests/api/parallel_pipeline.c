/* SPDX-License-Identifier: MIT */
/*
 * parallel_pipeline.c - pipelines: each item through each stage once, in order where a
 * stage is serial, no more of them than there are tokens; none is lost on the way out.
 */
#include "api/parallel.h"
#include "support/gate.h"

#include "base/alloc.h"

#include <errno.h>
#include <string.h>

#define ITEMS  400
#define STAGES 6

struct item {
	unsigned passed; /* stages */
	bool dropped;
};

struct stage_state {
	struct line *line;
	unsigned number;
	size_t inside; /* of a serial stage: no two at a time */
	size_t next;
};

/* A pipeline, and what it has seen. */
struct line {
	struct item items[ITEMS];
	size_t made;
	size_t count; /* to be made */
	struct stage_state states[STAGES];
	struct crew_stage stages[STAGES];
	size_t stage_count;
	struct crew_word alive;
	struct crew_word most;
	struct crew_word wrong;
	size_t fails_at; /* stage * ITEMS + item; 0: never */
	bool waits;
	size_t dropped;
};

static struct line line;

static int source(void **item, void *arg)
{
	struct stage_state *state = arg;
	uint64_t alive;

	crew__add_relaxed(&line.wrong, state->inside++ != 0);
	if (line.waits && line.made % 7 == 0)
		crew_sleep(CREW_US(5));
	state->inside--;
	if (line.fails_at && line.fails_at == line.made)
		return 77;
	if (line.made == line.count)
		return CREW_EEND;
	alive = crew__add_relaxed(&line.alive, 1) + 1;
	if (alive > crew__load_relaxed(&line.most))
		crew__store_relaxed(&line.most, alive);
	line.items[line.made].passed = 1;
	*item = &line.items[line.made++];
	return 0;
}

static int stage(void **item, void *arg)
{
	struct stage_state *state = arg;
	struct item *it = *item;
	size_t index = (size_t)(it - line.items);
	bool serial = line.stages[state->number].kind == CREW_STAGE_SERIAL;
	bool last = state->number + 1 == line.stage_count;

	crew__add_relaxed(&line.wrong, it->passed != state->number);
	if (serial) {
		crew__add_relaxed(&line.wrong, state->inside++ != 0);
		crew__add_relaxed(&line.wrong, state->next++ != index);
	}
	if (line.waits && (index * 5 + state->number) % 11 == 0 && crew_sleep(CREW_US(20)))
		crew__add_relaxed(&line.wrong, line.fails_at == 0);
	if (serial)
		state->inside--;
	if (line.fails_at == state->number * ITEMS + index)
		return 77;
	it->passed++;
	if (last)
		crew__add_relaxed(&line.alive, (uint64_t)-1);
	return 0;
}

static void drop(void *item, void *arg)
{
	struct item *it = item;

	if (it->dropped || arg != &line)
		crew__add_relaxed(&line.wrong, 1);
	it->dropped = true;
	line.dropped++;
}

/* Stages by the bits of `serial`. */
static void prepare(size_t count, size_t stages, unsigned serial)
{
	memset(&line, 0, sizeof(line));
	line.count = count;
	line.stage_count = stages;
	for (unsigned i = 0; i < stages; i++) {
		line.states[i] = (struct stage_state){ .line = &line, .number = i };
		line.stages[i] = (struct crew_stage){ i ? stage : source, &line.states[i],
						      serial >> i & 1 ? CREW_STAGE_SERIAL :
									CREW_STAGE_PARALLEL };
	}
}

static int passes(void *arg)
{
	uint64_t random = 41;

	(void)arg;
	for (int round = 0; round < 100; round++) {
		size_t tokens = crew__random_below(&random, 9);
		size_t stages = 1 + crew__random_below(&random, STAGES);

		prepare(crew__random_below(&random, ITEMS), stages,
			(unsigned)crew__random(&random));
		line.waits = round & 1;
		CHECK(crew_pipeline(line.stages, stages,
				    CREW_PIPELINE(.tokens = tokens, .drop = drop,
						  .drop_arg = &line)) == 0);
		CHECK(line.wrong.value == 0 && line.dropped == 0 && line.made == line.count);
		for (size_t i = 0; i < line.count; i++)
			CHECK(line.items[i].passed == stages);
		CHECK(tokens == 0 || stages == 1 || line.most.value <= tokens);
		CHECK(tokens || stages == 1 || line.most.value <= 4 * crew_worker_count(NULL));
	}
	return 0;
}

Test(parallel_pipeline, each_item_through_each_stage, .timeout = 120)
{
	in_tasks(passes, NULL);
}

static int fails(void *arg)
{
	uint64_t random = 42;

	(void)arg;
	for (int round = 0; round < 150; round++) {
		size_t stages = 2 + crew__random_below(&random, STAGES - 1);
		size_t through = 0;

		prepare(50, stages, (unsigned)crew__random(&random));
		line.waits = round & 1;
		line.fails_at = crew__random_below(&random, (uint32_t)stages) * ITEMS +
				crew__random_below(&random, 50);
		if (line.fails_at == 0)
			line.fails_at = 1;
		CHECK(crew_pipeline(line.stages, stages,
				    CREW_PIPELINE(.tokens = 1 + (size_t)round % 8, .drop = drop,
						  .drop_arg = &line)) == 77);
		CHECK(line.wrong.value == 0);
		/* what was made is through, or was dropped */
		for (size_t i = 0; i < line.made; i++) {
			through += line.items[i].passed == stages && !line.items[i].dropped;
			CHECK(line.items[i].passed == stages || line.items[i].dropped);
		}
		CHECK(through + line.dropped == line.made);
	}
	return 0;
}

Test(parallel_pipeline, a_failure_comes_out_and_items_are_dropped, .timeout = 120)
{
	in_tasks(fails, NULL);
}

static int endless(void **item, void *arg)
{
	*item = arg;
	return 0;
}

static int cancels_at_ten(void **item, void *arg)
{
	static struct crew_word count;

	if (crew__add_relaxed(&count, 1) % 10 == 9)
		crew_scope_cancel(arg, "enough");
	(void)item;
	return 0;
}

static int cancelled(void *arg)
{
	struct crew_scope scope;
	struct crew_stage stages[] = { { endless, NULL, CREW_STAGE_SERIAL },
				       { cancels_at_ten, &scope, CREW_STAGE_PARALLEL } };
	int rc;

	(void)arg;
	crew_scope_open(&scope, NULL);
	rc = crew_pipeline(stages, 2, NULL);
	CHECK(rc == CREW_ECANCELED);
	CHECK(crew_pipeline(stages, 2, NULL) == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, rc) == 0);
	return 0;
}

Test(parallel_pipeline, a_cancelled_one_ends)
{
	in_tasks(cancelled, NULL);
}

/* Any stage, the source among them. */
static int burns(void **item, void *arg)
{
	*item = NULL;
	burn((struct fuse *)arg);
	return 0;
}

/* However many stages and tokens there are, and wherever it is cancelled. */
static int stops_at_once(void *arg)
{
	(void)arg;
	for (size_t stages = 1; stages < 4; stages++)
		for (uint64_t calls = 1; calls < 13; calls++) {
			struct fuse fuse = { .left = { calls } };
			struct crew_stage line_of[3];
			int rc;

			for (size_t i = 0; i < stages; i++)
				line_of[i] = (struct crew_stage){ burns, &fuse,
								  i & 1 ? CREW_STAGE_PARALLEL :
									  CREW_STAGE_SERIAL };
			crew_scope_open(&fuse.scope, NULL);
			rc = crew_pipeline(line_of, stages, CREW_PIPELINE(.tokens = 1 + calls % 3));
			CHECK(crew_scope_close(&fuse.scope, rc) == 0);
			CHECK(rc == CREW_ECANCELED);
			/* the others may stand between their look and their stage */
			CHECK(fuse.late.value < crew_worker_count(NULL));
		}
	return 0;
}

Test(parallel_pipeline, a_cancelled_one_begins_no_stage, .timeout = 20)
{
	in_tasks(stops_at_once, NULL);
}

struct source_of {
	struct crew_word ran;
	int made;
};

static int until_it_ran(void **item, void *arg)
{
	struct source_of *made = arg;

	(void)item;
	return crew__load_acquire(&made->ran) || ++made->made > 100000 ? CREW_EEND : 0;
}

static int pass(void **item, void *arg)
{
	(void)item;
	(void)arg;
	return 0;
}

/* So many that the pipeline has begun by then. */
static int set_after_yields(void *arg)
{
	for (int i = 0; i < 1000; i++)
		crew_yield();
	crew__store_release(arg, 1);
	return 0;
}

static int lets_others_run(void *arg)
{
	(void)arg;
	for (size_t stages = 1; stages < 3; stages++) {
		struct source_of made = { .made = 0 };
		struct crew_stage line_of[2] = { { until_it_ran, &made, CREW_STAGE_SERIAL },
						 { pass, NULL, CREW_STAGE_PARALLEL } };
		struct crew_group group;

		crew_group_open(&group, NULL);
		crew_group_spawn(&group, set_after_yields, &made.ran);
		crew_yield(); /* it begins, yields, and is ready */
		CHECK(crew__load_acquire(&made.ran) == 0);
		CHECK(crew_pipeline(line_of, stages, CREW_PIPELINE(.tokens = 1)) == 0);
		CHECK(made.made <= 100000);
		CHECK(crew_group_close(&group, 0) == 0);
	}
	return 0;
}

Test(parallel_pipeline, R2_a_ready_fiber_runs_between_two_items)
{
	run_with(1, lets_others_run, NULL);
}

static struct crew_word inside;

/* Ends when two are inside at the same time. */
static int meet(void **item, void *arg)
{
	(void)item;
	(void)arg;
	crew__add_acq_rel(&inside, 1);
	for (crew_time end = crew_now() + patience(); crew__load_acquire(&inside) < 2;)
		if (crew_now() > end)
			return ETIMEDOUT;
	return 0;
}

static int two_items(void **item, void *arg)
{
	(void)item;
	return (*(int *)arg)++ < 2 ? 0 : CREW_EEND;
}

Test(parallel_pipeline, plain_threads_and_stages_at_the_same_time)
{
	struct crew *crew = NULL;
	int made = 0;
	struct crew_stage stages[] = { { two_items, &made, CREW_STAGE_SERIAL },
				       { meet, NULL, CREW_STAGE_PARALLEL } };

	crew__store_relaxed(&inside, 0);
	cr_assert_eq(crew_start(&crew, CREW_OPTIONS(.workers = 2)), 0);
	cr_assert_eq(crew_pipeline(stages, 2, CREW_PIPELINE(.crew = crew)), 0);
	cr_assert_eq(made, 3);
	cr_assert_eq(crew_pipeline(stages, 2, NULL), CREW_ESTATE);
	crew_cancel(crew, "enough");
	cr_assert_eq(crew_pipeline(stages, 2, CREW_PIPELINE(.crew = crew)), CREW_ECANCELED);
	cr_assert_eq(made, 3);
	cr_assert_eq(crew_stop(crew), 0);
}

static int bad(void *arg)
{
	struct crew_stage stages[2] = { { endless, NULL, CREW_STAGE_SERIAL } };
	/* nothing behind the size is read: it is not there */
	struct crew_pipeline_options small = { .size = 8, .crew = (struct crew *)8 };

	(void)arg;
	CHECK(crew_pipeline(NULL, 1, NULL) == CREW_EINVAL);
	CHECK(crew_pipeline(stages, 0, NULL) == CREW_EINVAL);
	CHECK(crew_pipeline(stages, 2, NULL) == CREW_EINVAL);
	CHECK(crew_pipeline(stages, 1, &small) == CREW_EINVAL);
	CHECK(crew_pipeline(stages, 1, CREW_PIPELINE(.tokens = SIZE_MAX / 8)) == CREW_ENOMEM);
	crew__alloc_fail_after(1);
	CHECK(crew_pipeline(stages, 1, NULL) == CREW_ENOMEM);
	crew__alloc_fail_after(0);
	return 0;
}

Test(parallel_pipeline, bad_arguments_and_no_memory_have_codes)
{
	in_tasks(bad, NULL);
}
