/* SPDX-License-Identifier: MIT */
/*
 * crew-bench.h - the words and the shape of crew-bench.
 *
 * WORDS
 *	peer	 who is measured: a command, A, B or what -n calls it; in files of results
 *		 also a runtime, "crew", "tbb"
 *	series	 what is measured, of one peer: its "time"; with -b whatever the programs
 *		 measure
 *	sample	 one measurement
 *	run	 one process. A command gives one sample to each series, a program of
 *		 crew/bench.h several that are alike (the same memory, the same second):
 *		 the rank test takes only their median
 *	results	 all series of all peers; a file of them is JSON, a line for each series:
 *		 with the "samples" of one run, or with many "runs"
 *	judged	 the peer that comparison and targets are about: -p, or the last one
 *
 * measure.c fills results, or results.c reads them; stats.c decides; report.c prints.
 */
#ifndef CREW_BENCH_TOOL_H
#define CREW_BENCH_TOOL_H

#include <crew/bench.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct values {
	double *at;
	size_t count;
};

struct series {
	char *bench;
	char *peer;
	char *unit;
	struct values samples; /* sorted by results_finish(), as are: */
	struct values runs;    /* a median for each */
};

struct results {
	struct series *series;
	size_t count;
	char *machine; /* a sentence; NULL when the file has none, as: */
	char *cpu;     /* which results can be compared */
	char *loads;   /* of each round */
	char *facts;   /* the lines that say all this */
};

/* One line of a file of targets. */
struct target {
	char *bench;
	double factor;
	char *peer; /* NULL: the factor is the limit */
	char *of;   /* its series */
	char *words;
};

struct targets {
	struct target *at;
	size_t count;
	const char *path;
};

struct job {
	char **commands;
	size_t command_count;
	char **names;  /* -n; as many as commands */
	bool programs; /* of crew/bench.h */
	long rounds;
	long warmup;
	char *const *chosen; /* names of benchmarks, for programs */
	size_t chosen_count;
};

/* What makes a difference count. */
struct rule {
	double probability; /* below this, by the rank test ... */
	double percent;	    /* ... and larger than this */
};

/* ---- results.c ------------------------------------------------------------- */

/* Ends the program with status 2 and a sentence. */
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
void *need(void *memory);
void values_add(struct values *values, double value);
/* The series, made when it is not there. */
struct series *results_series(struct results *results, const char *bench, const char *peer,
			      const char *unit);
/* NULL: there is none. */
const struct series *results_find(const struct results *results, const char *bench,
				  const char *peer);
/* Is it the first series of its benchmark? */
bool results_begins(const struct results *results, size_t at);
/*
 * A line of a file; `peer` instead of the one it names, unless NULL. False: it is no
 * result, nor facts of a machine, or it is damaged.
 */
bool results_line(struct results *results, const char *line, const char *peer);
void results_finish(struct results *results);
void results_read(struct results *results, const char *path);
void results_save(const struct results *results, const char *path);

/* ---- measure.c ------------------------------------------------------------- */

void measure(const struct job *job, struct results *results);

/* ---- stats.c --------------------------------------------------------------- */

double median(const struct values *sorted);
double quartile(const struct values *sorted, int which);
/* Two-sided, of Mann and Whitney's test: how often chance alone does so. */
double rank_test(const struct values *a, const struct values *b);
/* Could it be below `probability` at all, with so many? */
bool enough(size_t a, size_t b, double probability);

struct change {
	double percent; /* from a's median to b's */
	double low;	/* 95 % of resamplings are between these */
	double high;
	double probability;
};

enum verdict {
	TOO_FEW,
	SAME,
	WORSE,
	BETTER
};

struct change change(const struct series *a, const struct series *b);
enum verdict judge(const struct series *a, const struct series *b, const struct change *change,
		   const struct rule *rule);

/* ---- report.c -------------------------------------------------------------- */

/* Medians of all peers, the judged one first with its quartiles. */
void report_table(const struct results *results, const char *judged);
/* The judged peer against each of the others. */
void report_peers(const struct results *results, const char *judged, const struct rule *rule);
/* Against an earlier run: how many series are worse. Of all peers with `all`. */
int report_baseline(const struct results *before, const struct results *after, const char *judged,
		    bool all, const struct rule *rule);
/* Tab-separated, for other programs. */
void report_plain(const struct results *results);

/* ---- targets.c ------------------------------------------------------------- */

void targets_read(struct targets *targets, const char *path);
/* How many are missed. */
int report_targets(const struct results *results, const char *judged,
		   const struct targets *targets);

/* ---- picture.c ------------------------------------------------------------- */

void picture_text(const struct results *results);
void picture_svg(const struct results *results, const char *path);

/* ---- what several print ---------------------------------------------------- */

/* Three digits that mean something. Valid until the eighth call from now. */
const char *number(double value);

#endif /* CREW_BENCH_TOOL_H */
