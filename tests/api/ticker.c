/* SPDX-License-Identifier: MIT */
/*
 * ticker.c - tickers (crew/ticker.h). Periods are so long that nothing is due during a test, or
 * the consumer is late by what it has slept; the moments are shown in model/ticker.c.
 */
#include "api/sync.h"

#include "crew/ticker.h"

#include <string.h>

#define LONG CREW_S(100000)

STATS_OF(ticker)

static uint64_t waiting(const struct crew_ticker *ticker)
{
	return stats_of(ticker).waiting;
}

static int regular(void *arg)
{
	struct crew_ticker ticker = CREW_TICKER_INIT(CREW_US(300), CREW_TICKER_BURST);
	crew_time begin = crew_now();
	crew_time first;
	crew_time when;

	(void)arg;
	CHECK(crew_ticker_take(&ticker, &first) == 0 && first >= begin && first <= crew_now());
	for (int i = 1; i < 10; i++) {
		CHECK(crew_ticker_take(&ticker, &when) == 0);
		CHECK(when == first + i * CREW_US(300) && crew_now() >= when);
	}
	CHECK(crew_ticker_take(&ticker, NULL) == 0 && stats_of(&ticker).ticks == 11);
	crew_ticker_fini(&ticker);
	return 0;
}

Test(ticker, row121_row218_ticks_come_without_drift)
{
	in_all_places(regular);
}

static int bad(void *arg)
{
	struct crew_ticker ticker;

	(void)arg;
	memset(&ticker, 0, sizeof(ticker));
	CHECK(crew_ticker_take(&ticker, NULL) == CREW_EINVAL);
	CHECK(crew_ticker_init(&ticker, 0, CREW_TICKER_SKIP) == CREW_EINVAL);
	CHECK(crew_ticker_init(&ticker, -1, CREW_TICKER_SKIP) == CREW_EINVAL);
	CHECK(crew_ticker_init(&ticker, 1, (enum crew_ticker_late)3) == CREW_EINVAL);
	CHECK(crew_ticker_take_nowait(&ticker, NULL) == CREW_EINVAL);
	CHECK(crew_ticker_init(&ticker, CREW_NEVER, CREW_TICKER_DELAY) == 0);
	CHECK(crew_ticker_take(&ticker, NULL) == 0);
	CHECK(crew_ticker_take_nowait(&ticker, NULL) == CREW_EWOULDBLOCK);
	return 0;
}

Test(ticker, Y2_what_cannot_be_is_refused)
{
	in_all_places(bad);
}

static int take(void *arg)
{
	return crew_ticker_take((struct crew_ticker *)arg, NULL);
}

static int cancelled(void *arg)
{
	struct crew_ticker ticker = CREW_TICKER_INIT(LONG, CREW_TICKER_SKIP);
	struct line line;

	(void)arg;
	CHECK(crew_ticker_take_nowait(&ticker, NULL) == 0);
	line_open(&line);
	for (unsigned i = 0; i < 4; i++) {
		line_add(&line, take, &ticker);
		UNTIL(waiting(&ticker) == i + 1);
	}
	CHECK(crew_ticker_take_nowait(&ticker, NULL) == CREW_EWOULDBLOCK);
	for (unsigned i = 0; i < 4; i++) {
		unsigned which = i ^ 1; /* not the first, the first, ... */

		crew_scope_cancel(&line.one[which].scope, NULL);
		UNTIL(has_ended(&line.one[which]));
		CHECK(line.one[which].rc == CREW_ECANCELED && waiting(&ticker) == 3 - i);
	}
	CHECK(line_close(&line) == 0 && stats_of(&ticker).ticks == 1);
	crew_ticker_fini(&ticker);
	return 0;
}

Test(ticker, B7_B9_B10_a_cancelled_one_has_taken_no_tick)
{
	in_all_places(cancelled);
}

static int in_a_cancelled_scope(void *arg)
{
	struct crew_ticker ticker = CREW_TICKER_INIT(LONG, CREW_TICKER_SKIP);
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_ticker_take(&ticker, NULL) == CREW_ECANCELED && stats_of(&ticker).ticks == 0);
	CHECK(crew_ticker_take_nowait(&ticker, NULL) == 0);
	crew_scope_close(&scope, 0);
	return 0;
}

Test(ticker, B13_B14_in_a_cancelled_scope)
{
	in_all_places(in_a_cancelled_scope);
}
