/* SPDX-License-Identifier: MIT */
/*
 * rate.c - a bucket of tokens, over a line of turns (turn.h).
 *
 * WORDS
 *	share	what a token is counted in: there are period_ns of them in one, and `count`
 *		come back in each nanosecond, so nothing is rounded
 *
 * INVARIANTS
 *	Q1  `spent` shares are missing from a full bucket at the moment `at`; never more than
 *	    are in it.
 *
 * GUARDED BY tests/model/rate.c, tests/api/rate.c.
 */
#include "sync/turn.h"

#include "crew/rate.h"
#include "crew/time.h"

static int check_rate(const struct crew_rate *rate)
{
	uint64_t period = (uint64_t)rate->private_.period_ns;

	if (!rate->private_.count || rate->private_.period_ns <= 0 || !rate->private_.burst)
		return CREW_EINVAL;
	return rate->private_.burst > INT64_MAX / period ? CREW_EINVAL : 0;
}

static uint64_t shares_of(const struct crew_rate *rate, uint64_t tokens)
{
	return tokens * (uint64_t)rate->private_.period_ns;
}

/* pre of these: the lot is locked. */

static void fill_up(struct crew_rate *rate, crew_time now)
{
	uint64_t count = rate->private_.count;
	uint64_t passed = (uint64_t)(now - rate->private_.at);

	if (now <= rate->private_.at)
		return;
	rate->private_.at = now;
	if (passed > rate->private_.spent / count)
		rate->private_.spent = 0;
	else
		rate->private_.spent -= passed * count;
}

struct order {
	struct crew_rate *rate;
	uint64_t tokens;
};

static bool ask_rate(void *want, crew_time now, crew_time *when)
{
	const struct order *order = want;
	struct crew_rate *rate = order->rate;
	uint64_t count = rate->private_.count;
	uint64_t full = shares_of(rate, rate->private_.burst);
	uint64_t spent, missing;

	fill_up(rate, now);
	spent = rate->private_.spent + shares_of(rate, order->tokens); /* twice INT64_MAX at most */
	if (spent <= full) {
		rate->private_.spent = spent;
		return true;
	}
	missing = (spent - full - 1) / count + 1;
	*when = missing > (uint64_t)(CREW_NEVER - now) ? CREW_NEVER : now + (crew_time)missing;
	return false;
}

static int take_tokens(struct crew_rate *rate, uint64_t tokens,
		       int (*attempt)(const struct crew__turn *turn))
{
	struct order order = { rate, tokens };
	struct crew__turn turn = {
		.lot = &rate->private_.lot,
		.first = &rate->private_.first,
		.ask = ask_rate,
		.want = &order,
		.reason = "rate",
	};

	if (!tokens || check_rate(rate))
		return CREW_EINVAL;
	return tokens > rate->private_.burst ? CREW_ERANGE : attempt(&turn);
}

int crew_rate_take(struct crew_rate *rate, uint64_t tokens)
{
	return take_tokens(rate, tokens, crew__turn_take);
}

int crew_rate_take_nowait(struct crew_rate *rate, uint64_t tokens)
{
	return take_tokens(rate, tokens, crew__turn_take_nowait);
}

int crew_rate_init(struct crew_rate *rate, uint64_t count, crew_time period_ns, uint64_t burst)
{
	*rate = (struct crew_rate)CREW_RATE_INIT(count, period_ns, burst);
	return check_rate(rate);
}

void crew_rate_read_stats(const struct crew_rate *rate, struct crew_rate_stats *stats)
{
	struct crew_rate *locked = (struct crew_rate *)(uintptr_t)rate;
	struct crew_rate_stats now = { .size = sizeof(now) };

	crew__lot_enter(&locked->private_.lot);
	now.waiting = crew__turn_count(&rate->private_.lot, rate->private_.first);
	if (check_rate(rate) == 0) {
		fill_up(locked, crew_now());
		now.tokens = (shares_of(rate, rate->private_.burst) - rate->private_.spent) /
			     (uint64_t)rate->private_.period_ns;
	}
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_rate_fini(struct crew_rate *rate)
{
	crew__turn_fini(&rate->private_.lot, &rate->private_.first,
			"a rate is given up while somebody waits for it");
}
