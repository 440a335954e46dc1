/* SPDX-License-Identifier: MIT */
/*
 * targets.c - what is to be reached. A line of the file is
 *
 *	SERIES	FACTOR	PEER:SERIES	words
 *
 * "the judged peer's SERIES is at most FACTOR times that of PEER", or with `one`
 * instead of PEER:SERIES: at most FACTOR, in the unit of the series. The words behind
 * are for the reader. # begins a comment.
 */
#include "crew-bench.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void add(struct targets *targets, char *line, int where)
{
	char *factor, *end, *of, *colon, *rest = line;
	struct target target = { 0 };

	line[strcspn(line, "#\n")] = '\0';
	target.bench = strtok_r(rest, " \t", &rest);
	if (!target.bench)
		return;
	factor = strtok_r(rest, " \t", &rest);
	of = strtok_r(rest, " \t", &rest);
	colon = of ? strchr(of, ':') : NULL;
	if (!of || (!colon && strcmp(of, "one") != 0)) /* nor is it when there is no factor */
		die("%s:%d: a target is: SERIES FACTOR PEER:SERIES", targets->path, where);
	target.factor = strtod(factor, &end);
	if (*end || end == factor || !(target.factor > 0) || !isfinite(target.factor))
		die("%s:%d: '%s' is no factor", targets->path, where, factor);
	if (colon) {
		*colon = '\0';
		target.peer = need(strdup(of));
		target.of = need(strdup(colon + 1));
	}
	target.bench = need(strdup(target.bench));
	target.words = need(strdup(rest + strspn(rest, " \t")));
	targets->at = need(realloc(targets->at, (targets->count + 1) * sizeof(*targets->at)));
	targets->at[targets->count++] = target;
}

void targets_read(struct targets *targets, const char *path)
{
	FILE *in = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;

	if (!in)
		die("%s: %s", path, strerror(errno));
	targets->path = path;
	for (int where = 1; getline(&line, &size, in) > 0; where++)
		add(targets, line, where);
	if (ferror(in))
		die("%s: %s", path, strerror(errno));
	free(line);
	fclose(in);
}

/* 1 when it is missed, 0 when it is met, -1 when that is not known. */
static int report_target(const struct results *results, const char *judged,
			 const struct target *target)
{
	const struct series *mine = results_find(results, target->bench, judged), *its = NULL;
	double value, base = 1, limit;
	char that[64], most[32];

	snprintf(that, sizeof(that), "%s", target->words);
	if (target->peer) {
		its = results_find(results, target->of, target->peer);
		snprintf(that, sizeof(that), "%s x %s:%s", number(target->factor), target->peer,
			 target->of);
	}
	if (!mine || (target->peer && !its)) {
		printf("%-14s %9s %12s  %-27s not measured: %s%s%s\n", target->bench,
		       mine ? number(median(&mine->samples)) : "-", "-", that,
		       mine ? target->peer : "", mine ? ":" : "",
		       mine ? target->of : target->bench);
		return -1;
	}
	if (its && strcmp(its->unit, mine->unit) != 0)
		die("%s is in %s, %s in %s: that cannot be compared", mine->bench, mine->unit,
		    its->bench, its->unit);
	if (its)
		base = median(&its->samples);
	value = median(&mine->samples);
	limit = target->factor * base;
	snprintf(most, sizeof(most), "%s %s", number(limit), mine->unit);
	printf("%-14s %9s %12s  %-27s %-6s", target->bench, number(value), most, that,
	       value <= limit ? "met" : "MISSED");
	if (its && base > 0)
		printf(" %s x", number(value / base));
	putchar('\n');
	return value > limit;
}

int report_targets(const struct results *results, const char *judged, const struct targets *targets)
{
	int missed = 0, met = 0, unknown = 0;

	printf("\n%-14s %9s %12s  %-27s %s\n", "target", judged, "at most", "that is", "reached");
	for (size_t i = 0; i < targets->count; i++) {
		int result = report_target(results, judged, &targets->at[i]);

		missed += result == 1;
		met += result == 0;
		unknown += result == -1;
	}
	printf("targets: %d met, %d missed, %d not measured\n", met, missed, unknown);
	if (unknown && !met && !missed)
		die("%s: nothing in it was measured", targets->path);
	return missed;
}
