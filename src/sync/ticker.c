/* SPDX-License-Identifier: MIT */
/*
 * ticker.c - moments that come back, over a line of turns (turn.h). `due` is the next one; it
 * moves when it was taken, and by nothing else.
 *
 * GUARDED BY tests/model/ticker.c, tests/api/ticker.c.
 */
#include "sync/turn.h"

#include "crew/ticker.h"

struct tick {
	struct crew_ticker *ticker;
	crew_time when;
};

static int check_ticker(const struct crew_ticker *ticker)
{
	return ticker->private_.period_ns <= 0 || ticker->private_.late > CREW_TICKER_SKIP ?
		       CREW_EINVAL :
		       0;
}

/* pre of these: the lot is locked. */

static crew_time moment_behind(crew_time when, crew_time by)
{
	return when > CREW_NEVER - by ? CREW_NEVER : when + by;
}

/* The tick `due` was taken. */
static void move_on(struct crew_ticker *ticker, crew_time due, crew_time now)
{
	crew_time period = ticker->private_.period_ns;
	crew_time missed = 0;

	if (ticker->private_.late == CREW_TICKER_SKIP)
		missed = (now - due) / period;
	if (ticker->private_.late == CREW_TICKER_DELAY)
		due = now;
	ticker->private_.due = moment_behind(due + missed * period, period);
	ticker->private_.skipped += (uint64_t)missed;
	ticker->private_.ticks++;
}

static bool ask_ticker(void *want, crew_time now, crew_time *when)
{
	struct tick *tick = want;
	struct crew_ticker *ticker = tick->ticker;
	crew_time due = ticker->private_.due ? ticker->private_.due : now;

	*when = due;
	if (due > now)
		return false;
	tick->when = due;
	move_on(ticker, due, now);
	return true;
}

static int take_tick(struct crew_ticker *ticker, crew_time *when,
		     int (*attempt)(const struct crew__turn *turn))
{
	struct tick tick = { .ticker = ticker };
	struct crew__turn turn = {
		.lot = &ticker->private_.lot,
		.first = &ticker->private_.first,
		.ask = ask_ticker,
		.want = &tick,
		.reason = "ticker",
	};
	int rc = check_ticker(ticker);

	if (rc == 0)
		rc = attempt(&turn);
	if (rc == 0 && when)
		*when = tick.when;
	return rc;
}

int crew_ticker_take(struct crew_ticker *ticker, crew_time *when)
{
	return take_tick(ticker, when, crew__turn_take);
}

int crew_ticker_take_nowait(struct crew_ticker *ticker, crew_time *when)
{
	return take_tick(ticker, when, crew__turn_take_nowait);
}

int crew_ticker_init(struct crew_ticker *ticker, crew_time period_ns, enum crew_ticker_late late)
{
	*ticker = (struct crew_ticker)CREW_TICKER_INIT(period_ns, late);
	return check_ticker(ticker);
}

void crew_ticker_read_stats(const struct crew_ticker *ticker, struct crew_ticker_stats *stats)
{
	struct crew_ticker *locked = (struct crew_ticker *)(uintptr_t)ticker;
	struct crew_ticker_stats now = { .size = sizeof(now) };

	crew__lot_enter(&locked->private_.lot);
	now.waiting = crew__turn_count(&ticker->private_.lot, ticker->private_.first);
	now.ticks = ticker->private_.ticks;
	now.skipped = ticker->private_.skipped;
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_ticker_fini(struct crew_ticker *ticker)
{
	crew__turn_fini(&ticker->private_.lot, &ticker->private_.first,
			"a ticker is given up while somebody waits for it");
}
