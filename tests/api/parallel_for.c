/* SPDX-License-Identifier: MIT */
/*
 * parallel_for.c - loops: each index once, whatever the range, the grain, the workers and
 * the caller; what fails, or is cancelled, stops the rest within a piece.
 */
#include "api/parallel.h"
#include "support/gate.h"

#include "base/config.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#define SIZE 3000

static struct crew_word seen[SIZE];

static int mark_range(size_t begin, size_t end, void *arg)
{
	(void)arg;
	for (size_t i = begin; i < end; i++)
		crew__add_relaxed(&seen[i], 1);
	return 0;
}

/* Each index of [begin, end) was seen once, no other; forgets it all. */
static bool saw(size_t begin, size_t end)
{
	bool right = true;

	for (size_t i = 0; i < SIZE; i++)
		right &= crew__load_relaxed(&seen[i]) == (i >= begin && i < end);
	memset(seen, 0, sizeof(seen));
	return right;
}

/* ---- each index once ---- */

static int ranges(void *arg)
{
	uint64_t random = 7;

	(void)arg;
	for (int round = 0; round < 300; round++) {
		size_t begin = crew__random_below(&random, SIZE);
		size_t end = begin + crew__random_below(&random, (uint32_t)(SIZE - begin + 1));
		struct crew_parallel_options options = grain(crew__random_below(&random, 40));

		CHECK(crew_for(begin, end, mark_range, NULL, &options) == 0);
		CHECK(saw(begin, end));
	}
	CHECK(crew_for(5, 5, mark_range, NULL, NULL) == 0 && saw(0, 0));
	CHECK(crew_for(9, 5, mark_range, NULL, NULL) == 0 && saw(0, 0));
	return 0;
}

Test(parallel_for, ranges)
{
	in_tasks(ranges, NULL);
}

static int at_the_end(size_t begin, size_t end, void *arg)
{
	for (size_t i = begin; i < end; i++)
		crew__add_relaxed(arg, SIZE_MAX - i);
	return 0;
}

static int ends_of_the_world(void *arg)
{
	struct crew_word sum = { 0 };

	(void)arg;
	CHECK(crew_for(SIZE_MAX - 1000, SIZE_MAX, at_the_end, &sum, CREW_PARALLEL(.grain = 3)) ==
	      0);
	CHECK(sum.value == 500500);
	return 0;
}

Test(parallel_for, a_range_may_lie_at_the_end_of_all_indices)
{
	in_tasks(ends_of_the_world, NULL);
}

struct sides {
	size_t rows;
	size_t columns;
	size_t grain;
	size_t begin[3];
};

static int mark_block(const struct crew_block *piece, void *arg)
{
	const struct sides *sides = arg;
	size_t volume = 1;

	for (int i = 0; i < 3; i++)
		volume *= piece->end[i] - piece->begin[i];
	if (sides->grain && (volume == 0 || volume > sides->grain))
		return __LINE__;
	for (size_t x = piece->begin[0]; x < piece->end[0]; x++)
		for (size_t y = piece->begin[1]; y < piece->end[1]; y++)
			for (size_t z = piece->begin[2]; z < piece->end[2]; z++)
				crew__add_relaxed(&seen[((x - sides->begin[0]) * sides->rows + y -
							 sides->begin[1]) *
								sides->columns +
							z - sides->begin[2]],
						  1);
	return 0;
}

static int blocks(void *arg)
{
	uint64_t random = 8;

	(void)arg;
	for (int round = 0; round < 300; round++) {
		size_t planes = crew__random_below(&random, 15);
		struct sides sides = { .rows = crew__random_below(&random, 15),
				       .columns = crew__random_below(&random, 15),
				       .grain = crew__random_below(&random, 30) };
		struct crew_block whole = crew_block_3d(planes, sides.rows, sides.columns);
		struct crew_parallel_options options = grain(sides.grain);

		for (int i = 0; i < 3; i++) {
			sides.begin[i] = crew__random_below(&random, 100);
			whole.begin[i] += sides.begin[i];
			whole.end[i] += sides.begin[i];
		}
		CHECK(crew_for_blocks(&whole, mark_block, &sides, &options) == 0);
		CHECK(saw(0, planes * sides.rows * sides.columns));
	}
	return 0;
}

Test(parallel_for, blocks)
{
	in_tasks(blocks, NULL);
}

static int flat_block(void *arg)
{
	struct sides sides = { .rows = 50, .columns = 1 };
	struct crew_block whole = crew_block_2d(60, 50);

	(void)arg;
	CHECK(crew_for_blocks(&whole, mark_block, &sides, NULL) == 0 && saw(0, 3000));
	return 0;
}

Test(parallel_for, a_block_of_two_dimensions)
{
	in_tasks(flat_block, NULL);
}

static int first_is_one(const struct crew_block *piece, void *arg)
{
	for (int side = 0; side < 3; side++)
		if (piece->end[side] - piece->begin[side] != 1)
			return ERANGE;
	crew_scope_cancel(arg, "enough");
	return 0;
}

/* Nobody gets to its end; but it begins as any other. */
static int endless_blocks(void *arg)
{
	(void)arg;
	for (int shift = 20; shift < 64; shift++)
		for (int rows = 1; rows < 64; rows += 2) {
			struct crew_block whole =
				crew_block_2d((size_t)1 << rows, (size_t)1 << shift);
			struct crew_scope scope;
			int rc;

			crew_scope_open(&scope, NULL);
			rc = crew_for_blocks(&whole, first_is_one, &scope, NULL);
			CHECK(rc == CREW_ECANCELED);
			CHECK(crew_scope_close(&scope, rc) == 0);
		}
	return 0;
}

Test(parallel_for, a_block_may_have_more_indices_than_there_are_numbers)
{
	in_tasks(endless_blocks, NULL);
}

/* Long ranges whose turns cost nothing, but for the first, or the loop would run alone. HARD: each
 * piece is taken by another worker, and begins with the grain that was known when it was offered.
 */
static int count_turns(size_t begin, size_t end, void *arg)
{
	crew_time until = crew_later(CREW_US(20));

	while (begin == 0 && crew_now() < until)
		;
	crew__add_relaxed(arg, end - begin);
	return 0;
}

static int long_ranges(void *arg)
{
	static const size_t sizes[] = {
		0, 1, 2, 3, 15, 16, 17, SIZE_MAX / 2, SIZE_MAX - 1, SIZE_MAX
	};

	(void)arg;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++)
		for (int which = 0; which < 3; which++) {
			size_t turns = which == 0 ? 0 :
				       which == 1 ? sizes[i] / 100 :
						    sizes[i] / 2 + 1;
			struct crew_parallel_options options = grain(turns);
			struct crew_word sum = { 0 };

			CHECK(crew_for(0, sizes[i], count_turns, &sum, &options) == 0);
			CHECK(sum.value == sizes[i]);
		}
	return 0;
}

Test(parallel_for, ranges_as_long_as_can_be)
{
	in_tasks(long_ranges, NULL);
}

static int double_it(void *item, void *arg)
{
	*(int *)item *= *(int *)arg;
	return 0;
}

static int as_text(const void *from, void *to, void *arg)
{
	int number = *(const int *)from;
	char *text = to;

	(void)arg;
	text[0] = (char)('0' + number / 10 % 10);
	text[1] = (char)('0' + number % 10);
	text[2] = 0;
	return 0;
}

static int arrays(void *arg)
{
	int numbers[100];
	char texts[100][3];
	int two = 2;

	(void)arg;
	for (int i = 0; i < 100; i++)
		numbers[i] = i;
	CHECK(crew_for_each(numbers, 50, sizeof(int), double_it, &two, NULL) == 0);
	for (int i = 0; i < 100; i++)
		CHECK(numbers[i] == (i < 50 ? 2 * i : i));
	CHECK(crew_map(numbers, sizeof(int), texts, 3, 100, as_text, NULL,
		       CREW_PARALLEL(.grain = 7)) == 0);
	for (int i = 0; i < 100; i++)
		CHECK((texts[i][0] - '0') * 10 + texts[i][1] - '0' == numbers[i]);
	CHECK(crew_for_each(NULL, 0, 4, double_it, &two, NULL) == 0);
	CHECK(crew_map(NULL, 4, NULL, 4, 0, as_text, NULL, NULL) == 0);
	return 0;
}

Test(parallel_for, for_each_and_map)
{
	in_tasks(arrays, NULL);
}

/* ---- failures ---- */

static int fail_at(size_t begin, size_t end, void *arg)
{
	const size_t *where = arg;

	crew__add_relaxed(&seen[begin], 1);
	return begin <= *where && *where < end ? 42 : 0;
}

static int failures(void *arg)
{
	(void)arg;
	for (size_t where = 0; where < 200; where += 7)
		for (size_t turns = 0; turns < 20; turns += 5) {
			struct crew_parallel_options options = grain(turns);

			CHECK(crew_for(0, 200, fail_at, &where, &options) == 42);
			CHECK(crew_for(0, 200, mark_range, NULL, &options) == 0);
			memset(seen, 0, sizeof(seen));
		}
	return 0;
}

Test(parallel_for, the_first_failure_comes_out)
{
	in_tasks(failures, NULL);
}

/* The longer a turn waits, the earlier it fails: all wait for the first failure. */
static int wait_or_fail(size_t begin, size_t end, void *arg)
{
	(void)end;
	(void)arg;
	if (begin == 1)
		return 7;
	return crew_sleep(CREW_S(1000));
}

static int wake_who_waits(void *arg)
{
	(void)arg;
	for (size_t count = 2; count < 12; count++)
		CHECK(crew_for(0, count, wait_or_fail, NULL, NULL) == 7);
	return 0;
}

Test(parallel_for, a_failure_wakes_bodies_that_wait)
{
	in_tasks(wake_who_waits, NULL);
}

static int burn_once(size_t begin, size_t end, void *arg)
{
	(void)begin;
	(void)end;
	burn((struct fuse *)arg);
	return 0;
}

static int stops_within_a_piece(void *arg)
{
	(void)arg;
	for (size_t turns = 1; turns < 4; turns++) {
		struct crew_parallel_options options = grain(turns);
		struct fuse ten = { .left = { 10 } };
		int again;
		int empty;
		int rc;

		crew_scope_open(&ten.scope, NULL);
		rc = crew_for(0, SIZE, burn_once, &ten, &options);
		again = crew_for(0, SIZE, burn_once, &ten, NULL);
		empty = crew_for(0, 0, burn_once, &ten, NULL);
		CHECK(crew_scope_close(&ten.scope, rc) == 0);
		CHECK(rc == CREW_ECANCELED && again == rc && empty == rc);
		/* the others may stand between their look and their body */
		CHECK(ten.late.value < crew_worker_count(NULL));
	}
	return 0;
}

Test(parallel_for, a_cancelled_scope_leaves_out_what_has_not_begun)
{
	in_tasks(stops_within_a_piece, NULL);
}

static int give_up(size_t begin, size_t end, void *arg)
{
	(void)begin;
	(void)end;
	(void)arg;
	return CREW_ECANCELED;
}

static int give_up_for_no_reason(void *arg)
{
	(void)arg;
	CHECK(crew_for(0, 5, give_up, NULL, NULL) == CREW_ECANCELED);
	CHECK(crew_for(0, 500, give_up, NULL, NULL) == CREW_ECANCELED);
	CHECK(crew_check() == 0);
	return 0;
}

Test(parallel_for, a_cancellation_that_nobody_asked_for_is_a_failure)
{
	in_tasks(give_up_for_no_reason, NULL);
}

/* ---- bodies are as free as tasks ---- */

static int inner(size_t begin, size_t end, void *arg)
{
	for (size_t i = begin; i < end; i++) {
		struct crew_parallel_options options = grain(*(size_t *)arg);
		int rc = crew_for(i * 50, i * 50 + 50, mark_range, NULL, &options);

		if (rc)
			return rc;
	}
	return 0;
}

static int nested(void *arg)
{
	(void)arg;
	for (size_t turns = 0; turns < 3; turns++) {
		struct crew_parallel_options options = grain(turns);

		CHECK(crew_for(0, SIZE / 50, inner, &turns, &options) == 0 && saw(0, SIZE));
	}
	return 0;
}

Test(parallel_for, loops_nest)
{
	in_tasks(nested, NULL);
}

static int mark_one(void *arg)
{
	crew__add_relaxed(arg, 1);
	return 0;
}

static int spawn_each(size_t begin, size_t end, void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	for (size_t i = begin; i < end; i++)
		crew_group_spawn(&group, mark_one, &seen[i]);
	crew_yield();
	return crew_group_close(&group, 0);
}

static int groups_inside(void *arg)
{
	(void)arg;
	CHECK(crew_for(0, 500, spawn_each, NULL, CREW_PARALLEL(.grain = 9)) == 0 && saw(0, 500));
	CHECK(crew_for(0, 500, spawn_each, NULL, NULL) == 0 && saw(0, 500));
	return 0;
}

Test(parallel_for, bodies_open_groups_and_yield)
{
	in_tasks(groups_inside, NULL);
}

static int sleep_each(size_t begin, size_t end, void *arg)
{
	(void)arg;
	for (size_t i = begin; i < end; i++) {
		int rc = crew_sleep(CREW_US(20));

		if (rc)
			return rc;
		crew__add_relaxed(&seen[i], 1);
	}
	return 0;
}

static int sleepers(void *arg)
{
	(void)arg;
	CHECK(crew_for(0, 200, sleep_each, NULL, CREW_PARALLEL(.grain = 1)) == 0 && saw(0, 200));
	CHECK(crew_for(0, 200, sleep_each, NULL, NULL) == 0 && saw(0, 200));
	return 0;
}

Test(parallel_for, bodies_wait)
{
	in_tasks(sleepers, NULL);
}

/* ---- who runs it ---- */

static struct crew_word running;

/* Ends when both run at the same time. */
static int meet(void *arg)
{
	(void)arg;
	crew__add_acq_rel(&running, 1);
	for (crew_time end = crew_now() + patience(); crew__load_acquire(&running) < 2;)
		if (crew_now() > end)
			return ETIMEDOUT;
	return 0;
}

static int meet_in_a_loop(size_t begin, size_t end, void *arg)
{
	return end - begin == 1 ? meet(arg) : EINVAL;
}

static int long_turns(void *arg)
{
	struct crew_call calls[2] = { { .fn = meet }, { .fn = meet } };

	(void)arg;
	crew__store_relaxed(&running, 0);
	CHECK(crew_for(0, 2, meet_in_a_loop, NULL, NULL) == 0);
	crew__store_relaxed(&running, 0);
	CHECK(crew_invoke(calls, 2, NULL) == 0);
	return 0;
}

Test(parallel_for, few_turns_are_shared_at_once, .timeout = 60)
{
	run_with(2, long_turns, NULL);
}

static int set_after_yields(void *arg)
{
	crew_yield();
	crew__store_release(arg, 1);
	return 0;
}

static int until_it_ran(size_t begin, size_t end, void *arg)
{
	(void)begin;
	(void)end;
	return crew__load_acquire(arg) ? 5 : 0;
}

static int lets_others_run(void *arg)
{
	struct crew_word ran = { 0 };
	struct crew_group group;
	int rc;

	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, set_after_yields, &ran);
	crew_yield(); /* it begins, yields, and is ready */
	CHECK(crew__load_acquire(&ran) == 0);
	rc = crew_for(0, 100000, until_it_ran, &ran, CREW_PARALLEL(.grain = 1));
	CHECK(crew_group_close(&group, 0) == 0);
	return rc == 5 ? 0 : __LINE__;
}

Test(parallel_for, R2_a_ready_fiber_runs_between_two_pieces)
{
	run_with(1, lets_others_run, NULL);
}

static int mark_on_a_worker(size_t begin, size_t end, void *arg)
{
	return crew_in_task() ? mark_range(begin, end, arg) : EPERM;
}

struct elsewhere {
	struct crew *crew;
	int rc;
};

static void *on_a_thread(void *arg)
{
	struct elsewhere *elsewhere = arg;

	elsewhere->rc =
		crew_for(0, SIZE, mark_on_a_worker, NULL, CREW_PARALLEL(.crew = elsewhere->crew));
	return NULL;
}

static int of_another_crew(void *arg)
{
	on_a_thread(arg);
	return 0;
}

static int on_a_spare_thread(void *arg)
{
	return crew_for(0, SIZE, mark_on_a_worker, NULL, NULL);
	(void)arg;
}

static int blocking(void *arg)
{
	return crew_blocking(on_a_spare_thread, arg);
}

Test(parallel_for, plain_threads_other_crews_and_spare_threads)
{
	struct elsewhere elsewhere = { .rc = -1 };
	struct crew *other = NULL;
	pthread_t thread;

	cr_assert_eq(crew_start(&elsewhere.crew, CREW_OPTIONS(.workers = 2)), 0);
	cr_assert_eq(crew_start(&other, CREW_OPTIONS(.workers = 1)), 0);
	on_a_thread(&elsewhere);
	cr_assert(elsewhere.rc == 0 && saw(0, SIZE));
	cr_assert_eq(pthread_create(&thread, NULL, on_a_thread, &elsewhere), 0);
	pthread_join(thread, NULL);
	cr_assert(elsewhere.rc == 0 && saw(0, SIZE));
	cr_assert_eq(crew_run(other, of_another_crew, &elsewhere), 0);
	cr_assert(elsewhere.rc == 0 && saw(0, SIZE));
	cr_assert_eq(crew_run(other, blocking, NULL), 0);
	cr_assert(saw(0, SIZE));
	crew_cancel(other, "enough");
	cr_assert_eq(crew_for(0, SIZE, mark_range, NULL, CREW_PARALLEL(.crew = other)),
		     CREW_ECANCELED);
	cr_assert(saw(0, 0));
	cr_assert_eq(crew_stop(other), 0);
	cr_assert_eq(crew_stop(elsewhere.crew), 0);
}

static int bad_in_a_task(void *arg)
{
	struct crew_block whole = crew_block_2d(2, 2);
	struct crew_parallel_options small = { .size = 8 };
	struct crew_call none = { 0 };

	(void)arg;
	CHECK(crew_for(0, 1, NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_for(0, 1, mark_range, NULL, &small) == CREW_EINVAL);
	CHECK(crew_for_blocks(NULL, mark_block, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_for_blocks(&whole, NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_for_each(&whole, 1, 1, NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_map(&whole, 1, &whole, 1, 1, NULL, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_invoke(&none, 1, NULL) == CREW_EINVAL);
	CHECK(crew_invoke(NULL, 1, NULL) == CREW_EINVAL);
	CHECK(crew_invoke(NULL, 0, NULL) == 0);
	CHECK(saw(0, 0));
	return 0;
}

Test(parallel_for, bad_arguments_have_codes)
{
	in_tasks(bad_in_a_task, NULL);
	cr_assert_eq(crew_for(0, 1, mark_range, NULL, NULL), CREW_ESTATE);
	cr_assert(saw(0, 0));
}
