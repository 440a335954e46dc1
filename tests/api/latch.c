/* SPDX-License-Identifier: MIT */
/* latch.c - latches (crew/latch.h). */
#include "api/sync.h"

#include "crew/latch.h"

STATS_OF(latch)

static int wait_for_it(void *latch)
{
	return crew_latch_wait((struct crew_latch *)latch);
}

static int count_one(void *latch)
{
	return crew_latch_count_down((struct crew_latch *)latch, 1);
}

static int wakes_all(void *arg)
{
	struct crew_latch latch = CREW_LATCH_INIT(3);
	struct line line;

	(void)arg;
	line_open(&line);
	for (unsigned i = 0; i < 4; i++) {
		line_add(&line, wait_for_it, &latch);
		UNTIL(stats_of(&latch).waiting == i + 1);
	}
	CHECK(crew_latch_count_down(&latch, 2) == 0);
	CHECK(stats_of(&latch).left == 1 && stats_of(&latch).waiting == 4);
	CHECK(!crew_latch_is_done(&latch) && ended_of(&line) == 0);
	CHECK(crew_latch_count_down(&latch, 1) == 0);
	CHECK(stats_of(&latch).left == 0 && stats_of(&latch).waiting == 0);
	CHECK(crew_latch_is_done(&latch));
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(line.one[i].rc == 0);
	CHECK(crew_latch_wait(&latch) == 0);
	crew_latch_fini(&latch);
	return 0;
}

Test(latch, J12_at_0_it_wakes_all_and_stays)
{
	in_all_places(wakes_all);
}

static int counted_by_others(void *arg)
{
	struct crew_latch latch;
	struct line line;

	(void)arg;
	CHECK(crew_latch_init(&latch, LINE_MAX) == 0);
	line_open(&line);
	for (unsigned i = 0; i < LINE_MAX; i++)
		line_add(&line, count_one, &latch);
	CHECK(crew_latch_wait(&latch) == 0 && crew_latch_is_done(&latch));
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < LINE_MAX; i++)
		CHECK(line.one[i].rc == 0);
	return 0;
}

Test(latch, J13_is_counted_down_by_anybody)
{
	in_all_places(counted_by_others);
}

static int refused(void *arg)
{
	struct crew_latch latch = CREW_LATCH_INIT(2);
	struct crew_latch zero = { 0 };
	struct line line;

	(void)arg;
	CHECK(crew_latch_count_down(&latch, 0) == CREW_EINVAL);
	CHECK(crew_latch_count_down(&latch, 3) == CREW_ERANGE && stats_of(&latch).left == 2);
	line_open(&line);
	line_add(&line, wait_for_it, &latch);
	UNTIL(stats_of(&latch).waiting == 1);
	CHECK(crew_latch_count_down(&latch, 3) == CREW_ERANGE && stats_of(&latch).left == 2);
	CHECK(crew_latch_count_down(&latch, UINT64_MAX) == CREW_ERANGE);
	CHECK(stats_of(&latch).waiting == 1);
	CHECK(crew_latch_count_down(&latch, 2) == 0);
	CHECK(line_close(&line) == 0);
	CHECK(crew_latch_count_down(&latch, 1) == CREW_ERANGE);
	CHECK(crew_latch_is_done(&zero) && crew_latch_wait(&zero) == 0);
	CHECK(crew_latch_init(&latch, CREW_LATCH_MAX + 1) == CREW_EINVAL);
	CHECK(crew_latch_init(&latch, CREW_LATCH_MAX) == 0);
	CHECK(stats_of(&latch).left == CREW_LATCH_MAX);
	return 0;
}

Test(latch, Y7_no_more_is_counted_than_is_left)
{
	in_all_places(refused);
}

static int in_a_cancelled_scope(void *arg)
{
	struct crew_latch latch = CREW_LATCH_INIT(1);
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_latch_wait(&latch) == CREW_ECANCELED);
	CHECK(crew_latch_count_down(&latch, 1) == 0 && crew_latch_is_done(&latch));
	CHECK(crew_latch_wait(&latch) == CREW_ECANCELED);
	crew_scope_close(&scope, 0);
	CHECK(crew_latch_wait(&latch) == 0);
	return 0;
}

Test(latch, B13_Y3_who_is_cancelled_counts_and_does_not_wait)
{
	in_all_places(in_a_cancelled_scope);
}

static int cancelled_before_and_after(void *arg)
{
	struct crew_latch latch = CREW_LATCH_INIT(1);
	struct line line;

	(void)arg;
	line_open(&line);
	for (unsigned i = 0; i < 4; i++) {
		line_add(&line, wait_for_it, &latch);
		UNTIL(stats_of(&latch).waiting == i + 1);
	}
	crew_scope_cancel(&line.one[0].scope, NULL);
	crew_scope_cancel(&line.one[1].scope, NULL);
	CHECK(stats_of(&latch).waiting == 2);
	CHECK(crew_latch_count_down(&latch, 1) == 0);
	crew_scope_cancel(&line.one[2].scope, NULL);
	crew_scope_cancel(&line.one[3].scope, NULL);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(line.one[i].rc == (i < 2 ? CREW_ECANCELED : 0));
	return 0;
}

Test(latch, B8_B9_B10_cancelled_before_and_after)
{
	in_all_places(cancelled_before_and_after);
}
