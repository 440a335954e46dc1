/* SPDX-License-Identifier: MIT */
/*
 * rate.c - rates (crew/rate.h). Periods are so long that nothing comes back during a test, or so
 * short that all has; what happens at which moment is shown in model/rate.c.
 */
#include "api/sync.h"

#include "crew/rate.h"

#include <string.h>

#define LONG CREW_S(100000)

STATS_OF(rate)

static uint64_t waiting(const struct crew_rate *rate)
{
	return stats_of(rate).waiting;
}

static int burst(void *arg)
{
	struct crew_rate rate = CREW_RATE_INIT(1, LONG, 5);

	(void)arg;
	CHECK(stats_of(&rate).tokens == 5);
	CHECK(crew_rate_take(&rate, 2) == 0 && crew_rate_take_nowait(&rate, 2) == 0);
	CHECK(stats_of(&rate).tokens == 1);
	CHECK(crew_rate_take_nowait(&rate, 2) == CREW_EWOULDBLOCK);
	CHECK(crew_rate_take_nowait(&rate, 1) == 0 && stats_of(&rate).tokens == 0);
	crew_rate_fini(&rate);
	/* a million in a microsecond: they are back */
	CHECK(crew_rate_init(&rate, 1000000, CREW_US(1), 5) == 0);
	for (unsigned i = 0; i < 100; i++)
		CHECK(crew_rate_take(&rate, 5) == 0);
	return 0;
}

Test(rate, row199_a_burst_and_what_comes_back)
{
	in_all_places(burst);
}

static int bad(void *arg)
{
	struct crew_rate rate;

	(void)arg;
	memset(&rate, 0, sizeof(rate));
	CHECK(crew_rate_take(&rate, 1) == CREW_EINVAL);
	CHECK(crew_rate_take_nowait(&rate, 1) == CREW_EINVAL && stats_of(&rate).tokens == 0);
	CHECK(crew_rate_init(&rate, 0, 1, 1) == CREW_EINVAL);
	CHECK(crew_rate_init(&rate, 1, 0, 1) == CREW_EINVAL);
	CHECK(crew_rate_init(&rate, 1, -1, 1) == CREW_EINVAL);
	CHECK(crew_rate_init(&rate, 1, 1, 0) == CREW_EINVAL);
	CHECK(crew_rate_init(&rate, 1, INT64_MAX, 2) == CREW_EINVAL);
	CHECK(crew_rate_take_nowait(&rate, 1) == CREW_EINVAL);
	CHECK(crew_rate_init(&rate, 1, LONG, 3) == 0);
	CHECK(crew_rate_take(&rate, 0) == CREW_EINVAL);
	CHECK(crew_rate_take(&rate, 4) == CREW_ERANGE);
	CHECK(crew_rate_take_nowait(&rate, UINT64_MAX) == CREW_ERANGE);
	CHECK(stats_of(&rate).tokens == 3);
	/* the longest there is */
	CHECK(crew_rate_init(&rate, UINT64_MAX, INT64_MAX, 1) == 0);
	CHECK(crew_rate_take(&rate, 1) == 0 && crew_rate_take(&rate, 1) == 0);
	CHECK(crew_rate_init(&rate, 1, INT64_MAX, 1) == 0);
	CHECK(crew_rate_take(&rate, 1) == 0 && crew_rate_take_nowait(&rate, 1) == CREW_EWOULDBLOCK);
	return 0;
}

static int longest_period(void *arg)
{
	struct crew_rate rate = CREW_RATE_INIT(1, CREW_NEVER, 1);
	struct crew_scope scope;
	int rc;

	(void)arg;
	CHECK(crew_rate_take(&rate, 1) == 0);
	crew_scope_move_on_after(&scope, CREW_MS(1));
	rc = crew_rate_take(&rate, 1);
	CHECK(crew_scope_close(&scope, rc) == 0 && rc == CREW_ECANCELED);
	return 0;
}

/* The moment at which it comes back is behind the end of time. */
Test(rate, row199_what_never_comes_back_is_waited_for)
{
	in_all_places(longest_period);
}

Test(rate, Y2_what_cannot_be_is_refused)
{
	in_all_places(bad);
}

struct want {
	struct crew_rate *rate;
	uint64_t tokens;
};

static int take(void *arg)
{
	const struct want *want = (const struct want *)arg;

	return crew_rate_take(want->rate, want->tokens);
}

static int line_up(struct line *line, struct want wants[], unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t before = waiting(wants[i].rate);

		line_add(line, take, &wants[i]);
		UNTIL(waiting(wants[i].rate) == before + 1);
	}
	return 0;
}

static int cancelled(void *arg)
{
	struct crew_rate rate = CREW_RATE_INIT(1, LONG, 4);
	struct want wants[] = { { &rate, 4 }, { &rate, 4 }, { &rate, 2 } };
	struct line line;

	(void)arg;
	CHECK(crew_rate_take(&rate, 1) == 0);
	line_open(&line);
	CHECK(line_up(&line, wants, 3) == 0);
	/* two of them would fit, but it is not their turn */
	CHECK(crew_rate_take_nowait(&rate, 1) == CREW_EWOULDBLOCK && stats_of(&rate).tokens == 3);
	crew_scope_cancel(&line.one[1].scope, NULL);
	UNTIL(has_ended(&line.one[1]));
	CHECK(waiting(&rate) == 2 && stats_of(&rate).tokens == 3);
	/* what the first has wanted is there for the next */
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[1].rc == CREW_ECANCELED &&
	      line.one[2].rc == 0);
	CHECK(stats_of(&rate).tokens == 1 && waiting(&rate) == 0);
	crew_rate_fini(&rate);
	return 0;
}

Test(rate, row199_B7_B9_B10_what_a_cancelled_one_has_wanted_is_there)
{
	in_all_places(cancelled);
}

static int in_a_cancelled_scope(void *arg)
{
	struct crew_rate rate = CREW_RATE_INIT(1, LONG, 2);
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_rate_take(&rate, 1) == CREW_ECANCELED && stats_of(&rate).tokens == 2);
	CHECK(crew_rate_take(&rate, 3) == CREW_ERANGE);
	CHECK(crew_rate_take_nowait(&rate, 1) == 0 && stats_of(&rate).tokens == 1);
	crew_scope_close(&scope, 0);
	return 0;
}

Test(rate, B13_B14_Y2_in_a_cancelled_scope)
{
	in_all_places(in_a_cancelled_scope);
}

/* ---- all at once ------------------------------------------------------------------- */

struct traffic {
	struct crew_rate rate;
	struct crew_word taken;
};

static int take_often(void *arg)
{
	struct traffic *traffic = (struct traffic *)arg;

	for (int i = 0; i < 50; i++) {
		int rc = crew_rate_take(&traffic->rate, 1 + i % 3);

		if (rc)
			return rc;
		crew__add_relaxed(&traffic->taken, 1 + i % 3);
	}
	return 0;
}

static int heavy_traffic(void *arg)
{
	static struct traffic traffic;
	crew_time begin = crew_now();

	(void)arg;
	memset(&traffic, 0, sizeof(traffic));
	CHECK(crew_rate_init(&traffic.rate, 20, CREW_MS(1), 4) == 0);
	CHECK(run_and_cancel_thirds(take_often, &traffic, &traffic.taken, 100) == 0);
	/* never more than the burst and what has come back since */
	CHECK((crew_time)(crew__load_relaxed(&traffic.taken) - 4) * CREW_MS(1) / 20 <=
	      crew_now() - begin);
	CHECK(waiting(&traffic.rate) == 0);
	return 0;
}

Test(rate, row199_J21_no_more_than_the_rate_by_many_and_their_cancellations)
{
	in_all_places(heavy_traffic);
}
