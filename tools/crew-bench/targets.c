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
#include <stdlib.h>
#include <string.h>

struct target {
	char *bench;
	char *of;
	char *words;
	double factor;
};

/* NULL: an empty line. */
static struct target *parse(char *line, const char *path, int where)
{
	static struct target target;
	char *factor, *end, *rest = line;

	line[strcspn(line, "#\n")] = '\0';
	target.bench = strtok_r(rest, " \t", &rest);
	if (!target.bench)
		return NULL;
	factor = strtok_r(rest, " \t", &rest);
	target.of = strtok_r(rest, " \t", &rest);
	if (!target.of) /* nor is it when there is no factor */
		die("%s:%d: a target is: SERIES FACTOR PEER:SERIES", path, where);
	target.factor = strtod(factor, &end);
	if (*end || end == factor || !(target.factor > 0))
		die("%s:%d: '%s' is no factor", path, where, factor);
	target.words = rest + strspn(rest, " \t");
	return &target;
}

/* What the factor is multiplied with; below 0: it was not measured. */
static double base_of(const struct results *results, const struct target *target)
{
	char *peer = need(strdup(target->of)), *colon = strchr(peer, ':');
	const struct series *found = NULL;

	if (strcmp(target->of, "one") == 0) {
		free(peer);
		return 1;
	}
	if (colon) {
		*colon = '\0';
		found = results_find(results, colon + 1, peer);
	}
	free(peer);
	return found ? median(&found->samples) : -1;
}

/* 1 when it is missed, 0 when it is met, -1 when that is not known. */
static int report_target(const struct results *results, const char *judged,
			 const struct target *target)
{
	const struct series *mine = results_find(results, target->bench, judged);
	double base = base_of(results, target), value, limit;
	bool one = strcmp(target->of, "one") == 0;
	char that[64], most[32];

	snprintf(that, sizeof(that), "%s x %s", number(target->factor), target->of);
	if (!mine || base < 0) {
		printf("%-14s %9s %12s  %-27s not measured: %s\n", target->bench,
		       mine ? number(median(&mine->samples)) : "-", "-", one ? target->words : that,
		       mine ? target->of : target->bench);
		return -1;
	}
	value = median(&mine->samples);
	limit = target->factor * base;
	snprintf(most, sizeof(most), "%s %s", number(limit), mine->unit);
	printf("%-14s %9s %12s  %-27s %-6s", target->bench, number(value), most,
	       one ? target->words : that, value <= limit ? "met" : "MISSED");
	if (!one && base > 0)
		printf(" %s x", number(value / base));
	putchar('\n');
	return value > limit;
}

int report_targets(const struct results *results, const char *judged, const char *path)
{
	FILE *in = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	int where = 0, missed = 0, met = 0, unknown = 0;

	if (!in)
		die("%s: %s", path, strerror(errno));
	printf("\n%-14s %9s %12s  %-27s %s\n", "target", judged, "at most", "that is", "reached");
	while (getline(&line, &size, in) > 0) {
		const struct target *target = parse(line, path, ++where);
		int result = target ? report_target(results, judged, target) : 2;

		missed += result == 1;
		met += result == 0;
		unknown += result == -1;
	}
	free(line);
	fclose(in);
	printf("targets: %d met, %d missed, %d not measured\n", met, missed, unknown);
	return missed;
}
