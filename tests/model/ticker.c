/* SPDX-License-Identifier: MIT */
/*
 * model/ticker.c - tickers (crew/ticker.h), in virtual time: each tick goes to one, at its moment,
 * whatever is cancelled; what is late is taken as the ticker says.
 */
#include "model/sync.h"

#include "crew/ticker.h"
#include "crew/time.h"

#define PERIOD CREW_US(100)

static struct crew_ticker ticker;
static struct crew_word ticks;

static void begin(void)
{
	crew__sim_check(crew_ticker_init(&ticker, PERIOD, CREW_TICKER_BURST) == 0, "bad options");
	crew__init_word(&ticks, 0);
}

static void take(void)
{
	crew_time when;
	int rc = crew_ticker_take(&ticker, &when);

	crew__sim_check(rc == 0 || (rc == CREW_ECANCELED && crowd_cancelled()),
			"cancelled by nobody");
	if (rc == 0) {
		crew__sim_check(crew_now() >= when, "too early");
		crew__add_relaxed(&ticks, 1);
	}
}

static void take_twice(void)
{
	take();
	take();
}

static void try_to_take(void)
{
	if (crew_ticker_take_nowait(&ticker, NULL) == 0)
		crew__add_relaxed(&ticks, 1);
}

static void end(void)
{
	struct crew_ticker_stats stats = { .size = sizeof(stats) };

	crew_ticker_read_stats(&ticker, &stats);
	crew__sim_check(stats.ticks == crew__load_relaxed(&ticks), "a tick was lost, or made");
	crew__sim_check(stats.waiting == 0, "somebody is still in line");
	crew_ticker_fini(&ticker);
}

Test(ticker, taken_and_cancelled_at_once_with_two_interruptions, .timeout = 300)
{
	struct crowd crowd = { begin, { take, take }, .cancelled = 1, .end = end };

	crowd_of_threads("ticker_two", &crowd, 2);
}

Test(ticker, nobody_is_forgotten_when_the_first_is_cancelled, .timeout = 300)
{
	struct crowd crowd = {
		begin, { take, take_twice, take }, .cancelled = 1, .late = true, .end = end
	};

	crowd_of_threads("ticker_line", &crowd, 1);
	crowd.roles[2] = try_to_take;
	crowd_of_threads("ticker_try", &crowd, 1);
}

Test(ticker, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = {
		begin, { take, take_twice, take, take }, .cancelled = 8, .threads = 4, .end = end
	};

	crowd_of_tasks("ticker_tasks", &crowd, 500);
}

/* ---- late -------------------------------------------------------------------------------- */

static enum crew_ticker_late late;
static const crew_time *expected; /* behind the first tick, in percents of a period; 0 ends */

static void begin_late(void)
{
	crew__sim_check(crew_ticker_init(&ticker, PERIOD, late) == 0, "bad options");
}

/* C164: the first tick on time, the second one late by two and a half periods. */
static void come_late(void)
{
	crew_time first;
	crew_time when;

	crew__sim_check(crew_ticker_take(&ticker, &first) == 0, "no first tick");
	crew_sleep_until(first + PERIOD * 7 / 2);
	for (const crew_time *next = expected; *next; next++) {
		crew__sim_check(crew_ticker_take(&ticker, &when) == 0, "no tick");
		/* a moment that is measured is that of whoever came, a little later */
		crew__sim_check(when >= first + PERIOD * *next / 100 &&
					when <= first + PERIOD * (*next + 5) / 100,
				"not the moment it should be");
	}
}

static void end_late(void)
{
	struct crew_ticker_stats stats = { .size = sizeof(stats) };

	crew_ticker_read_stats(&ticker, &stats);
	crew__sim_check(stats.skipped == (late == CREW_TICKER_SKIP ? 2 : 0), "not so many missed");
}

Test(ticker, C164_row218_burst_delay_and_skip, .timeout = 300)
{
	static const crew_time moments[][6] = {
		[CREW_TICKER_BURST] = { 100, 200, 300, 400, 500 },
		[CREW_TICKER_DELAY] = { 100, 450, 550 },
		[CREW_TICKER_SKIP] = { 100, 400, 500 },
	};
	struct crowd crowd = { begin_late, { come_late }, .end = end_late };

	for (late = CREW_TICKER_BURST; late <= CREW_TICKER_SKIP; late++) {
		expected = moments[late];
		crowd_of_threads("ticker_late", &crowd, 0);
	}
}
