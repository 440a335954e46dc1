/* SPDX-License-Identifier: MIT */
/* semaphore.c - semaphores (crew/semaphore.h). */
#include "api/sync.h"

#include "crew/semaphore.h"

#include <string.h>

STATS_OF(semaphore)

static uint64_t waiting(const struct crew_semaphore *semaphore)
{
	return stats_of(semaphore).waiting;
}

static uint64_t value(const struct crew_semaphore *semaphore)
{
	return stats_of(semaphore).value;
}

struct want {
	struct crew_semaphore *semaphore;
	uint64_t count;
};

static int take(void *arg)
{
	const struct want *want = (const struct want *)arg;

	return crew_semaphore_acquire(want->semaphore, want->count);
}

/* Those who want so many each, in line one after the other. */
static int line_up(struct line *line, struct want wants[], unsigned count)
{
	unsigned before = line->count;

	for (unsigned i = 0; i < count; i++) {
		line_add(line, take, &wants[i]);
		UNTIL(waiting(wants[i].semaphore) == before + i + 1);
	}
	return 0;
}

static int released_to_the_first(void *arg)
{
	struct crew_semaphore seats = CREW_SEMAPHORE_INIT(0, 0);
	struct want want = { &seats, 1 };
	struct line line;

	(void)arg;
	line_open(&line);
	for (unsigned i = 0; i < 4; i++) {
		line_add(&line, take, &want);
		UNTIL(waiting(&seats) == i + 1);
	}
	for (unsigned i = 0; i < 4; i++) {
		CHECK(crew_semaphore_release(&seats, 1) == 0);
		CHECK(value(&seats) == 0 && waiting(&seats) == 3 - i);
		CHECK(crew_semaphore_acquire_nowait(&seats, 1) == CREW_EWOULDBLOCK);
		UNTIL(has_ended(&line.one[i]));
		CHECK(ended_of(&line) == i + 1);
	}
	CHECK(crew_semaphore_release(&seats, 1) == 0 && value(&seats) == 1);
	CHECK(line_close(&line) == 0);
	crew_semaphore_fini(&seats);
	return 0;
}

Test(semaphore, J6_a_release_goes_to_the_first_in_line)
{
	in_all_places(released_to_the_first);
}

static int bounded(void *arg)
{
	struct crew_semaphore seats;
	struct want want = { &seats, 2 };
	struct line line;

	(void)arg;
	CHECK(crew_semaphore_init(&seats, 3, 2) == CREW_EINVAL);
	CHECK(crew_semaphore_init(&seats, 0, UINT64_MAX) == CREW_EINVAL);
	CHECK(crew_semaphore_init(&seats, UINT64_MAX, 0) == CREW_EINVAL);
	CHECK(crew_semaphore_init(&seats, 1, 2) == 0);
	CHECK(crew_semaphore_acquire(&seats, 0) == CREW_EINVAL);
	CHECK(crew_semaphore_acquire_nowait(&seats, 0) == CREW_EINVAL);
	CHECK(crew_semaphore_release(&seats, 0) == CREW_EINVAL);
	CHECK(crew_semaphore_release(&seats, 2) == CREW_ERANGE && value(&seats) == 1);
	CHECK(crew_semaphore_release(&seats, UINT64_MAX) == CREW_ERANGE && value(&seats) == 1);
	CHECK(crew_semaphore_release(&seats, 1) == 0 && value(&seats) == 2);
	CHECK(crew_semaphore_acquire(&seats, 1) == 0);
	/* what those in line get is not left: three are too many, two are not */
	line_open(&line);
	CHECK(line_up(&line, &want, 1) == 0);
	CHECK(crew_semaphore_release(&seats, 4) == CREW_ERANGE);
	CHECK(value(&seats) == 1 && waiting(&seats) == 1);
	CHECK(crew_semaphore_release(&seats, 3) == 0 && value(&seats) == 2);
	CHECK(line_close(&line) == 0 && line.one[0].rc == 0);
	/* without a maximum, up to what can be counted */
	CHECK(crew_semaphore_init(&seats, CREW_SEMAPHORE_MAX - 1, 0) == 0);
	CHECK(crew_semaphore_release(&seats, 2) == CREW_ERANGE);
	CHECK(crew_semaphore_release(&seats, 1) == 0 && value(&seats) == CREW_SEMAPHORE_MAX);
	return 0;
}

Test(semaphore, J7_Y7_more_than_the_maximum_is_refused)
{
	in_all_places(bounded);
}

static int in_turn(void *arg)
{
	struct crew_semaphore seats = CREW_SEMAPHORE_INIT(2, 4);
	struct want wants[] = { { &seats, 3 }, { &seats, 1 } };
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(line_up(&line, wants, 2) == 0);
	/* one would fit, but it is not its turn; nor anybody else's (Y7) */
	CHECK(value(&seats) == 2 && waiting(&seats) == 2);
	CHECK(crew_semaphore_acquire_nowait(&seats, 1) == CREW_EWOULDBLOCK);
	CHECK(crew_semaphore_release(&seats, 1) == 0);
	UNTIL(has_ended(&line.one[0]));
	CHECK(waiting(&seats) == 1 && value(&seats) == 0);
	CHECK(crew_semaphore_release(&seats, 3) == 0);
	CHECK(line_close(&line) == 0 && value(&seats) == 2);
	CHECK(crew_semaphore_acquire_nowait(&seats, 2) == 0 && value(&seats) == 0);
	return 0;
}

Test(semaphore, J10_Y7_who_wants_many_is_not_overtaken)
{
	in_all_places(in_turn);
}

static int never_served(void *arg)
{
	struct crew_semaphore seats = CREW_SEMAPHORE_INIT(2, 2);
	struct want wants[] = { { &seats, 3 }, { &seats, 1 }, { &seats, 4 }, { &seats, 1 } };
	struct line line;

	(void)arg;
	CHECK(crew_semaphore_acquire_nowait(&seats, 3) == CREW_EWOULDBLOCK);
	line_open(&line);
	CHECK(line_up(&line, wants, 1) == 0);
	CHECK(crew_semaphore_acquire_nowait(&seats, 1) == 0); /* nobody waits for it */
	CHECK(crew_semaphore_acquire(&seats, 1) == 0);
	CHECK(line_up(&line, wants + 1, 3) == 0);
	CHECK(crew_semaphore_release(&seats, 2) == 0);
	UNTIL(ended_of(&line) == 2);
	CHECK(line.one[1].rc == 0 && line.one[3].rc == 0 && waiting(&seats) == 2);
	crew_scope_cancel(&line.one[0].scope, NULL);
	crew_scope_cancel(&line.one[2].scope, NULL);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[2].rc == CREW_ECANCELED);
	CHECK(value(&seats) == 0);
	return 0;
}

Test(semaphore, J10_who_can_never_be_served_blocks_nobody)
{
	in_all_places(never_served);
}

static int head_is_cancelled(void *arg)
{
	struct crew_semaphore seats = CREW_SEMAPHORE_INIT(2, 0);
	struct want wants[] = { { &seats, 3 }, { &seats, 1 }, { &seats, 1 }, { &seats, 1 } };
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(line_up(&line, wants, 4) == 0);
	crew_scope_cancel(&line.one[0].scope, NULL);
	UNTIL(ended_of(&line) == 3);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[1].rc == 0 && line.one[2].rc == 0);
	CHECK(waiting(&seats) == 1 && value(&seats) == 0);
	CHECK(crew_semaphore_release(&seats, 1) == 0);
	CHECK(line_close(&line) == 0 && value(&seats) == 0);
	return 0;
}

/* Also before that one has gone on. */
static int head_is_out_of_the_way(void *arg)
{
	struct crew_semaphore seats = CREW_SEMAPHORE_INIT(1, 0);
	struct want want = { &seats, 3 };
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(line_up(&line, &want, 1) == 0);
	CHECK(crew_semaphore_acquire_nowait(&seats, 1) == CREW_EWOULDBLOCK);
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(crew_semaphore_acquire_nowait(&seats, 1) == 0);
	CHECK(line_close(&line) == 0 && line.one[0].rc == CREW_ECANCELED);
	CHECK(value(&seats) == 0 && waiting(&seats) == 0);
	return 0;
}

Test(semaphore, B10_J11_a_cancelled_one_is_in_nobodys_way)
{
	in_all_places(head_is_out_of_the_way);
}

Test(semaphore, J11_those_behind_a_cancelled_one_are_served)
{
	in_all_places(head_is_cancelled);
}

/* J8, B9, B10 */
static int cancelled_then_released(void *arg)
{
	struct crew_semaphore seats = CREW_SEMAPHORE_INIT(0, 0);
	struct want wants[] = { { &seats, 1 }, { &seats, 1 }, { &seats, 1 } };
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(line_up(&line, wants, 3) == 0);
	crew_scope_cancel(&line.one[1].scope, NULL);
	CHECK(waiting(&seats) == 2);
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(waiting(&seats) == 1 && value(&seats) == 0);
	CHECK(crew_semaphore_release(&seats, 1) == 0);
	CHECK(crew_semaphore_release(&seats, 1) == 0);
	CHECK(value(&seats) == 1 && waiting(&seats) == 0);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[1].rc == CREW_ECANCELED &&
	      line.one[2].rc == 0);
	return 0;
}

Test(semaphore, J8_B9_B10_a_cancelled_wait_takes_nothing)
{
	in_all_places(cancelled_then_released);
}

/* B8: it was served before it was cancelled. */
static int released_then_cancelled(void *arg)
{
	struct crew_semaphore seats = CREW_SEMAPHORE_INIT(0, 0);
	struct want wants[] = { { &seats, 1 }, { &seats, 1 } };
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(line_up(&line, wants, 2) == 0);
	for (unsigned i = 0; i < 2; i++) {
		CHECK(crew_semaphore_release(&seats, 1) == 0);
		crew_scope_cancel(&line.one[i].scope, NULL);
	}
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == 0 && line.one[1].rc == 0 && value(&seats) == 0);
	return 0;
}

Test(semaphore, J9_B8_who_was_served_keeps_it)
{
	in_all_places(released_then_cancelled);
}

static int in_a_cancelled_scope(void *arg)
{
	struct crew_semaphore seats = CREW_SEMAPHORE_INIT(1, 1);
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_semaphore_acquire(&seats, 1) == CREW_ECANCELED && value(&seats) == 1);
	CHECK(crew_semaphore_acquire(&seats, 0) == CREW_EINVAL);
	CHECK(crew_semaphore_acquire_nowait(&seats, 1) == 0);
	CHECK(crew_semaphore_release(&seats, 1) == 0);
	crew_scope_close(&scope, 0);
	return 0;
}

Test(semaphore, B13_B14_Y2_Y3_in_a_cancelled_scope)
{
	in_all_places(in_a_cancelled_scope);
}

/* ---- all at once ------------------------------------------------------------------- */

struct traffic {
	struct crew_semaphore seats;
	struct crew_word used;
	struct crew_word rides;
	struct crew_word numbers;
};

static int ride_often(void *arg)
{
	struct traffic *traffic = (struct traffic *)arg;
	uint64_t count = 1 + crew__add_relaxed(&traffic->numbers, 1) % 3;

	for (int i = 0; i < 1000; i++) {
		int rc = crew_semaphore_acquire(&traffic->seats, count);

		if (rc)
			return rc;
		CHECK(crew__add_relaxed(&traffic->used, count) + count <= 4);
		if (i % 32 == 0)
			crew_yield();
		crew__add_relaxed(&traffic->used, 0 - count);
		crew__add_relaxed(&traffic->rides, 1);
		CHECK(crew_semaphore_release(&traffic->seats, count) == 0);
	}
	return 0;
}

static int heavy_traffic(void *arg)
{
	static struct traffic traffic;

	(void)arg;
	memset(&traffic, 0, sizeof(traffic));
	CHECK(crew_semaphore_init(&traffic.seats, 4, 4) == 0);
	CHECK(run_and_cancel_thirds(ride_often, &traffic, &traffic.rides, 500) == 0);
	CHECK(value(&traffic.seats) == 4 && waiting(&traffic.seats) == 0);
	return 0;
}

Test(semaphore, J9_J21_no_unit_is_lost_by_many_and_their_cancellations)
{
	in_all_places(heavy_traffic);
}
