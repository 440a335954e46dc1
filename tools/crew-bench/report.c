/* SPDX-License-Identifier: MIT */
/* report.c - the tables: medians, one peer against others, one run against an earlier one. */
#include "crew-bench.h"

#include <stdlib.h>
#include <string.h>

const char *number(double value)
{
	static char texts[8][24];
	static int turn;
	char *text = texts[turn++ % 8];

	if (value >= 100 || value == 0)
		snprintf(text, sizeof(texts[0]), "%.0f", value);
	else
		snprintf(text, sizeof(texts[0]), value >= 0.001 ? "%.3g" : "%.1e", value);
	return text;
}

/* ---- who and what there is, each once -------------------------------------- */

/* The first series of this peer? */
static bool first_of_peer(const struct results *results, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (strcmp(results->series[i].peer, results->series[at].peer) == 0)
			return false;
	return true;
}

/* ---- medians --------------------------------------------------------------- */

void report_table(const struct results *results, const char *judged)
{
	printf("%-14s %-4s %9s %-17s", "median", "", judged, "[quartiles]");
	for (size_t p = 0; p < results->count; p++)
		if (first_of_peer(results, p) && strcmp(results->series[p].peer, judged) != 0)
			printf(" %9s", results->series[p].peer);
	putchar('\n');
	for (size_t b = 0; b < results->count; b++) {
		const char *bench = results->series[b].bench;
		const struct series *mine = results_find(results, bench, judged);
		char quartiles[64] = "";

		if (!results_begins(results, b))
			continue;
		if (mine)
			snprintf(quartiles, sizeof(quartiles), "[%s %s]",
				 number(quartile(&mine->samples, 1)),
				 number(quartile(&mine->samples, 3)));
		printf("%-14s %-4s %9s %-17s", bench, results->series[b].unit,
		       mine ? number(median(&mine->samples)) : "-", quartiles);
		for (size_t p = 0; p < results->count; p++) {
			const char *peer = results->series[p].peer;
			const struct series *other = results_find(results, bench, peer);

			if (first_of_peer(results, p) && strcmp(peer, judged) != 0)
				printf(" %9s", other ? number(median(&other->samples)) : "-");
		}
		putchar('\n');
	}
}

void report_plain(const struct results *results)
{
	for (size_t i = 0; i < results->count; i++) {
		const struct series *series = &results->series[i];

		printf("%s\t%s\t%s\t%.9g\t%.9g\t%.9g\t%zu\n", series->bench, series->peer,
		       series->unit, median(&series->samples), quartile(&series->samples, 1),
		       quartile(&series->samples, 3), series->runs.count);
	}
}

/* ---- changes --------------------------------------------------------------- */

static const char *const verdicts[] = {
	[TOO_FEW] = "too few runs",
	[SAME] = "",
	[WORSE] = "WORSE",
	[BETTER] = "better",
};

static enum verdict print_change(const struct series *a, const struct series *b,
				 const struct rule *rule)
{
	struct change difference = change(a, b);
	enum verdict verdict = judge(a, b, &difference, rule);
	char interval[48];

	snprintf(interval, sizeof(interval), "[%+.1f %+.1f]", difference.low, difference.high);
	printf(" %9s %9s %+7.1f%% %-15s %7.4f  %s\n", number(median(&a->runs)),
	       number(median(&b->runs)), difference.percent, interval, difference.probability,
	       verdicts[verdict]);
	return verdict;
}

static void print_rule(const struct rule *rule)
{
	printf("A difference counts when it is above %g %% and chance makes it in less than "
	       "%g of 1.\n",
	       rule->percent, rule->probability);
}

void report_peers(const struct results *results, const char *judged, const struct rule *rule)
{
	bool begun = false;

	for (size_t i = 0; i < results->count; i++) {
		const struct series *other = &results->series[i];
		const struct series *mine = results_find(results, other->bench, judged);

		if (!mine || mine == other)
			continue;
		if (!begun)
			printf("\n%-14s %-17s %9s %9s %8s %-15s %7s\n", "against", "", "its",
			       judged, "change", "[95 % of them]", "p");
		begun = true;
		printf("%-14s %-17s", other->bench, other->peer);
		print_change(other, mine, rule);
	}
	if (begun)
		print_rule(rule);
}

/* One line: which machine, how busy. */
static void print_machine(const char *before, const struct results *results)
{
	printf("%s%s, load%s\n", before, results->machine ? results->machine : "unknown machine",
	       results->loads ? results->loads : " unknown");
}

/* What is only in `there`. */
static void print_lost(const char *when, const struct results *there,
		       const struct results *elsewhere, const char *judged, bool all)
{
	for (size_t i = 0; i < there->count; i++) {
		const struct series *series = &there->series[i];

		if ((all || strcmp(series->peer, judged) == 0) &&
		    !results_find(elsewhere, series->bench, series->peer))
			printf("%-14s %-17s only %s\n", series->bench, series->peer, when);
	}
}

int report_baseline(const struct results *before, const struct results *after, const char *judged,
		    bool all, const struct rule *rule)
{
	int worse = 0, compared = 0;

	putchar('\n');
	print_machine("before: ", before);
	print_machine("after:  ", after);
	printf("%-14s %-17s %9s %9s %8s %-15s %7s\n", "", "", "before", "after", "change",
	       "[95 % of them]", "p");
	for (size_t i = 0; i < after->count; i++) {
		const struct series *now = &after->series[i];
		const struct series *then = results_find(before, now->bench, now->peer);
		bool is_judged = strcmp(now->peer, judged) == 0;

		if (!then || (!all && !is_judged))
			continue;
		if (strcmp(now->unit, then->unit) != 0)
			die("%s is in %s, and before in %s: that cannot be compared", now->bench,
			    now->unit, then->unit);
		compared++;
		printf("%-14s %-17s", now->bench, now->peer);
		if (print_change(then, now, rule) == WORSE && is_judged)
			worse++;
	}
	if (!compared)
		die("nothing of %s is in both", all ? "anybody" : judged);
	print_lost("before", before, after, judged, all);
	print_lost("after", after, before, judged, all);
	print_rule(rule);
	printf("%d of %d are worse\n", worse, compared);
	return worse;
}
