/* SPDX-License-Identifier: MIT */
/* barrier.c - barriers (crew/barrier.h). */
#include "api/sync.h"

#include "crew/barrier.h"

STATS_OF(barrier)

static int come(void *barrier)
{
	return crew_barrier_wait((struct crew_barrier *)barrier, NULL);
}

/* So many are there. */
static int line_up(struct line *line, struct crew_barrier *barrier, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		line_add(line, come, barrier);
		UNTIL(stats_of(barrier).waiting == i + 1);
	}
	return 0;
}

static int all_wait_for_all(void *arg)
{
	struct crew_barrier barrier;
	struct line line;
	bool last = false;

	(void)arg;
	CHECK(crew_barrier_init(&barrier, 5) == 0);
	line_open(&line);
	CHECK(line_up(&line, &barrier, 4) == 0);
	CHECK(ended_of(&line) == 0 && stats_of(&barrier).parties == 5);
	CHECK(crew_barrier_wait(&barrier, &last) == 0 && last);
	CHECK(stats_of(&barrier).waiting == 0 && !stats_of(&barrier).broken);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(line.one[i].rc == 0);
	crew_barrier_fini(&barrier);
	return 0;
}

Test(barrier, J20_all_wait_for_all)
{
	in_all_places(all_wait_for_all);
}

#define ROUNDS 50

static struct crew_barrier steps;
static struct crew_word lasts;

static int walk(void *arg)
{
	for (int i = 0; i < ROUNDS; i++) {
		bool last = false;
		int rc = crew_barrier_wait(&steps, &last);

		if (rc)
			return rc;
		crew__add_relaxed(&lasts, last);
	}
	(void)arg;
	return 0;
}

static int again_and_again(void *arg)
{
	struct line line;

	(void)arg;
	CHECK(crew_barrier_init(&steps, LINE_MAX) == 0);
	crew__init_word(&lasts, 0);
	line_open(&line);
	for (unsigned i = 0; i < LINE_MAX; i++)
		line_add(&line, walk, NULL);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < LINE_MAX; i++)
		CHECK(line.one[i].rc == 0);
	CHECK(crew__load_relaxed(&lasts) == ROUNDS);
	return 0;
}

Test(barrier, one_is_the_last_in_every_round)
{
	in_all_places(again_and_again);
}

static int cancelled_while_it_waits(void *arg)
{
	struct crew_barrier barrier = CREW_BARRIER_INIT(5);
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(line_up(&line, &barrier, 4) == 0);
	crew_scope_cancel(&line.one[1].scope, NULL);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(line.one[i].rc == (i == 1 ? CREW_ECANCELED : CREW_EBROKEN));
	CHECK(stats_of(&barrier).broken && stats_of(&barrier).waiting == 0);
	CHECK(crew_barrier_wait(&barrier, NULL) == CREW_EBROKEN);
	CHECK(crew_barrier_init(&barrier, 1) == 0 && crew_barrier_wait(&barrier, NULL) == 0);
	return 0;
}

Test(barrier, J20_who_is_cancelled_breaks_it_for_all)
{
	in_all_places(cancelled_while_it_waits);
}

static int cancelled_before_or_after(void *arg)
{
	struct crew_barrier barrier = CREW_BARRIER_INIT(3);
	struct crew_scope scope;
	struct line line;
	bool last = true;

	(void)arg;
	line_open(&line);
	CHECK(line_up(&line, &barrier, 2) == 0);
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_barrier_wait(&barrier, &last) == CREW_ECANCELED && !last);
	crew_scope_close(&scope, 0);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_EBROKEN && line.one[1].rc == CREW_EBROKEN);
	/* B8 */
	CHECK(crew_barrier_init(&barrier, 3) == 0);
	line_open(&line);
	CHECK(line_up(&line, &barrier, 2) == 0);
	CHECK(crew_barrier_wait(&barrier, NULL) == 0);
	crew_scope_cancel(&line.one[0].scope, NULL);
	crew_scope_cancel(&line.one[1].scope, NULL);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == 0 && line.one[1].rc == 0 && !stats_of(&barrier).broken);
	return 0;
}

Test(barrier, B8_B13_cancelled_before_or_after)
{
	in_all_places(cancelled_before_or_after);
}

static int broken_by_a_call(void *arg)
{
	struct crew_barrier barrier = CREW_BARRIER_INIT(4);
	struct crew_barrier zero = { 0 };
	struct line line;
	bool last = true;

	(void)arg;
	line_open(&line);
	CHECK(line_up(&line, &barrier, 3) == 0);
	crew_barrier_break(&barrier);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK(line.one[i].rc == CREW_EBROKEN);
	CHECK(crew_barrier_wait(&barrier, &last) == CREW_EBROKEN && !last);
	CHECK(crew_barrier_init(&barrier, 0) == CREW_EINVAL);
	CHECK(crew_barrier_wait(&zero, &last) == 0 && last);
	return 0;
}

Test(barrier, J20_is_broken_by_a_call)
{
	in_all_places(broken_by_a_call);
}
