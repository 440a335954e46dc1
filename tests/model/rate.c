/* SPDX-License-Identifier: MIT */
/*
 * model/rate.c - rates (crew/rate.h), in virtual time: in any time no more is taken than the burst
 * and what comes back, nothing is taken by who is cancelled, and nobody is forgotten.
 */
#include "model/sync.h"

#include "crew/rate.h"
#include "crew/time.h"

#include <string.h>

/* Three in 7 us: a token takes 2333.3 ns. */
#define COUNT  3
#define PERIOD CREW_US(7)
#define BURST  2

static struct crew_rate rate;
static struct crew_word taken;
static crew_time began;

static void begin(void)
{
	crew__sim_check(crew_rate_init(&rate, COUNT, PERIOD, BURST) == 0, "bad options");
	crew__init_word(&taken, 0);
	began = crew_now();
}

static void take(uint64_t tokens)
{
	int rc = crew_rate_take(&rate, tokens);
	uint64_t sum;

	crew__sim_check(rc == 0 || (rc == CREW_ECANCELED && crowd_cancelled()),
			"cancelled by nobody");
	if (rc)
		return;
	sum = crew__add_relaxed(&taken, tokens) + tokens;
	crew__sim_check(sum <= BURST ||
				(crew_time)(sum - BURST) * PERIOD <= (crew_now() - began) * COUNT,
			"faster than the rate");
}

static void take_one(void)
{
	take(1);
}

static void take_both(void)
{
	take(2);
}

static void take_three_times(void)
{
	for (int i = 0; i < 3; i++)
		take(1);
}

static void try_to_take(void)
{
	if (crew_rate_take_nowait(&rate, 1) == 0)
		crew__add_relaxed(&taken, 1);
}

static void end(void)
{
	struct crew_rate_stats stats = { .size = sizeof(stats) };

	crew_sleep(CREW_MS(1));
	crew_rate_read_stats(&rate, &stats);
	crew__sim_check(stats.tokens == BURST && stats.waiting == 0, "it is not filled up");
	crew_rate_fini(&rate);
}

Test(rate, taken_and_cancelled_at_once_with_two_interruptions, .timeout = 300)
{
	struct crowd crowd = { begin, { take_both, take_both }, .cancelled = 1, .end = end };

	crowd_of_threads("rate_two", &crowd, 2);
}

Test(rate, the_next_one_comes_first_when_the_first_is_cancelled, .timeout = 300)
{
	struct crowd crowd = {
		begin, { take_both, take_both, take_three_times }, .cancelled = 2, .end = end
	};

	crowd_of_threads("rate_line", &crowd, 1);
	crowd.late = true;
	crowd.cancelled = 3;
	crowd_of_threads("rate_late", &crowd, 1);
	crowd.roles[2] = try_to_take;
	crowd_of_threads("rate_try", &crowd, 1);
}

Test(rate, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { take_both, take_one, take_three_times, take_both },
			       .cancelled = 8,
			       .threads = 4,
			       .end = end };

	crowd_of_tasks("rate_tasks", &crowd, 500);
}

/* Always somebody in line: as many as the rate gives, without drift, however late they wake. */
static void take_eleven(void)
{
	for (int i = 0; i < 11; i++)
		take(1);
}

/* Fractions of tokens are there after each look. */
static void look_often(void)
{
	struct crew_rate_stats stats = { .size = sizeof(stats) };

	for (int i = 0; i < 15; i++) {
		crew_rate_read_stats(&rate, &stats);
		crew_sleep(CREW_US(1));
	}
}

static void end_exact(void)
{
	crew_time passed = crew_now() - began;

	/* 11 tokens, 2 at once: 9 * 7 us / 3 */
	crew__sim_check(passed >= 9 * PERIOD / COUNT, "faster than the rate");
	crew__sim_check(passed <= 9 * PERIOD / COUNT + PERIOD / 2, "it drifts");
}

Test(rate, there_is_no_drift, .timeout = 300)
{
	struct crowd crowd = { begin, { take_eleven, look_often }, .end = end_exact };

	crowd_of_threads("rate_drift", &crowd, 0);
}

/* Who stands behind the first, or comes when that one is gone, frees it. */
static void take_behind_and_free(void)
{
	struct crew_rate_stats stats = { .size = sizeof(stats) };

	while (!stats.waiting && !crew__load_acquire(&taken)) {
		crowd_sleep();
		crew_rate_read_stats(&rate, &stats);
	}
	crew__sim_check(crew_rate_take(&rate, 1) == 0, "cancelled by nobody");
	crowd_free(&rate, sizeof(rate));
}

static void begin_empty(void)
{
	begin();
	crew__sim_check(crew_rate_take_nowait(&rate, BURST) == 0, "it is not full");
}

static void take_first(void)
{
	crew__sim_check(crew_rate_take(&rate, BURST) == 0, "cancelled by nobody");
	crew__add_acq_rel(&taken, BURST);
}

Test(rate, the_last_one_to_take_frees_it, .timeout = 300)
{
	struct crowd crowd = { begin_empty,
			       { take_first, take_behind_and_free },
			       .end = crowd_freed };

	crowd_of_threads("rate_freed", &crowd, 1);
}
