/* SPDX-License-Identifier: MIT */
/*
 * stats.c - medians, and whether a difference is one.
 *
 * Ranks, not means: what disturbs a measurement only ever makes it longer, so times
 * are lopsided and have outliers, and nothing here assumes otherwise. The test is exact
 * up to EXACT_MAX values (how many ways there are to choose so many of the ranks with
 * such a sum; ties share their ranks), beyond that its normal approximation.
 */
#include "crew-bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	EXACT_MAX = 60,
	RESAMPLINGS = 2000,
};

double median(const struct values *sorted)
{
	return crew_bench_quantile(sorted->at, sorted->count, 0.5);
}

double quartile(const struct values *sorted, int which)
{
	return crew_bench_quantile(sorted->at, sorted->count, which / 4.0);
}

/* ---- the rank test --------------------------------------------------------- */

/* Twice the rank of each value, so that ties have whole numbers; b behind a. */
static void rank(const double *values, size_t count, long *ranks)
{
	for (size_t i = 0; i < count; i++) {
		ranks[i] = 1;
		for (size_t k = 0; k < count; k++)
			ranks[i] += values[k] < values[i] ? 2 : values[k] == values[i];
	}
}

/* ways[k][sum]: to choose k of the ranks with this sum. */
static double exact(const long *ranks, size_t count, size_t chosen, long sum, long expected)
{
	long all = 0, distance = labs(sum - expected);
	double *ways, total = 0, beyond = 0;
	size_t width;

	for (size_t i = 0; i < count; i++)
		all += ranks[i];
	width = (size_t)all + 1;
	ways = need(calloc((chosen + 1) * width, sizeof(*ways)));
	ways[0] = 1;
	for (size_t i = 0; i < count; i++)
		for (size_t k = chosen < i + 1 ? chosen : i + 1; k > 0; k--)
			for (size_t s = width - 1; s >= (size_t)ranks[i]; s--)
				ways[k * width + s] += ways[(k - 1) * width + s - (size_t)ranks[i]];
	for (size_t s = 0; s < width; s++) {
		total += ways[chosen * width + s];
		if (labs((long)s - expected) >= distance)
			beyond += ways[chosen * width + s];
	}
	free(ways);
	return beyond / total;
}

static double normal(const long *ranks, size_t count, size_t chosen, long sum, double expected)
{
	double n = (double)chosen, m = (double)(count - chosen), mean = (double)count + 1;
	double spread = 0;

	/* of a sum of n ranks drawn without putting back */
	for (size_t i = 0; i < count; i++)
		spread += ((double)ranks[i] - mean) * ((double)ranks[i] - mean);
	spread *= n * m / ((n + m) * (n + m - 1));
	return spread > 0 ? erfc(fabs((double)sum - expected) / sqrt(2 * spread)) : 1;
}

double rank_test(const struct values *a, const struct values *b)
{
	size_t count = a->count + b->count;
	double *values = need(malloc(count * sizeof(*values))), result;
	long *ranks = need(malloc(count * sizeof(*ranks)));
	long sum = 0, expected;

	memcpy(values, a->at, a->count * sizeof(*values));
	memcpy(values + a->count, b->at, b->count * sizeof(*values));
	rank(values, count, ranks);
	for (size_t i = 0; i < a->count; i++)
		sum += ranks[i];
	/* of the doubled ranks the mean is count + 1 */
	expected = (long)(a->count * (count + 1));
	result = count <= EXACT_MAX ? exact(ranks, count, a->count, sum, expected) :
				      normal(ranks, count, a->count, sum, (double)expected);
	free(values);
	free(ranks);
	return result;
}

bool enough(size_t a, size_t b, double probability)
{
	double ways = 1;

	/* the two extremes, of all ways to choose */
	for (size_t i = 1; i <= a; i++)
		ways *= (double)(b + i) / (double)i;
	return 2 / ways < probability;
}

/* ---- a change -------------------------------------------------------------- */

static uint64_t dice(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

static double resampled(const struct values *from, double *room, uint64_t *state)
{
	for (size_t i = 0; i < from->count; i++)
		room[i] = from->at[dice(state) % from->count];
	crew_bench_sort(room, from->count);
	return crew_bench_quantile(room, from->count, 0.5);
}

/* Of nothing, something is infinitely more. */
static double percent(double before, double after)
{
	return after == before ? 0 : 100 * (after - before) / fabs(before);
}

struct change change(const struct series *a, const struct series *b)
{
	struct change change = { .probability = rank_test(&a->runs, &b->runs) };
	double *room = need(malloc((a->runs.count + b->runs.count) * sizeof(*room)));
	double changes[RESAMPLINGS];
	uint64_t state = 1; /* the same answer for the same samples */

	for (int i = 0; i < RESAMPLINGS; i++) {
		double before = resampled(&a->runs, room, &state);

		changes[i] = percent(before, resampled(&b->runs, room, &state));
	}
	crew_bench_sort(changes, RESAMPLINGS);
	change.percent = percent(median(&a->runs), median(&b->runs));
	change.low = changes[RESAMPLINGS / 40];
	change.high = changes[RESAMPLINGS - 1 - RESAMPLINGS / 40];
	free(room);
	return change;
}

enum verdict judge(const struct series *a, const struct series *b, const struct change *change,
		   const struct rule *rule)
{
	if (!enough(a->runs.count, b->runs.count, rule->probability))
		return TOO_FEW;
	if (change->probability >= rule->probability || fabs(change->percent) <= rule->percent)
		return SAME;
	return change->percent > 0 ? WORSE : BETTER;
}
