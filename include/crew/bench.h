/* SPDX-License-Identifier: MIT */
/*
 * crew/bench.h - measure an operation: how long, how sure, on which machine.
 *
 *	#include <crew/bench.h>
 *
 *	static crew_time add_atomically(uint64_t n, long param)
 *	{
 *		static uint64_t word;
 *		crew_time begin = crew_bench_now();
 *
 *		for (uint64_t i = 0; i < n; i++)
 *			__atomic_fetch_add(&word, (uint64_t)param, __ATOMIC_SEQ_CST);
 *		return crew_bench_now() - begin;
 *	}
 *
 *	static const struct crew_bench benches[] = {
 *		{ "add", add_atomically, 1, "ns", 1, 0, false },
 *	};
 *
 *	int main(int argc, char **argv)
 *	{
 *		return crew_bench_main(argc, argv, "machine", benches, 1);
 *	}
 *
 * WORDS
 *	benchmark  a function that does one operation n times and says how long it took
 *	sample	   one such call, divided by n
 *	series	   the samples under one name. A benchmark fills the series of its own
 *		   name, and others (percentiles, bytes) by crew_bench_value().
 *	peer	   who does the operation: "crew", "go", "serial", "machine"
 *
 * HOW. The first call warms up; its result, and that of a few more, says how
 * large n must be for a sample of -t milliseconds. Then come -r samples, fewer
 * when they do not fit into the budget of -b milliseconds. A first call that
 * eats the budget alone is the only sample. A `fresh` benchmark is about cold memory:
 * its one sample is the first call. Choose it alone, and start the program again for
 * more.
 *
 * OUTPUT. A line per series: median, unit, and in brackets minimum, quartiles,
 * maximum. With -j one JSON object per line, samples and all; the facts of the
 * machine (-f) are such a line too.
 *
 * Compare only what was measured alternately on one quiet machine: crew-bench -b
 * starts such programs in turns, and says which differences are no accident.
 *
 * For one source file per program: the state is static. Needs Linux.
 */
#ifndef CREW_BENCH_H
#define CREW_BENCH_H

#include "crew/base.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef CLOCK_MONOTONIC
/* Hidden by -std=c11; it is there all the same. */
#define CLOCK_MONOTONIC 1
extern int clock_gettime(int clock, struct timespec *now);
#endif

CREW_BEGIN

/*
 * Does the operation n times. Returns the nanoseconds it took; 0 when all that
 * was measured went to crew_bench_value(); below 0: it failed, and said why.
 */
typedef crew_time crew_bench_fn(uint64_t n, long param);

struct crew_bench {
	const char *name; /* "fib.1w"; dots separate what it is from how */
	crew_bench_fn *fn;
	long param;	  /* handed to fn: how many workers, how many bytes */
	const char *unit; /* of the samples; NULL: "ns" */
	double divisor;	  /* nanoseconds in `unit`, times operations per n; 0: 1 */
	uint64_t n;	  /* 0: as many as fill a sample */
	bool fresh;	  /* one sample per process, without warming up */
};

enum {
	CREW_BENCH_SERIES_MAX = 8,
	CREW_BENCH_SAMPLES_MAX = 100,
};

struct crew_bench_series {
	const char *name;
	const char *unit;
	uint64_t n;
	int count;
	double samples[CREW_BENCH_SAMPLES_MAX];
};

static struct {
	bool warming;
	int count;
	struct crew_bench_series series[CREW_BENCH_SERIES_MAX];
} crew_bench_state_;

/* CLOCK_MONOTONIC in nanoseconds. */
static inline crew_time crew_bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (crew_time)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Keeps the compiler from dropping what computes *at, and from guessing it. */
static inline void crew_bench_keep(void *at)
{
	__asm__ volatile("" : : "r"(at) : "memory");
}

static inline void crew_bench_add_(const char *name, const char *unit, uint64_t n, double sample)
{
	struct crew_bench_series *series = crew_bench_state_.series;
	int i = 0;

	if (crew_bench_state_.warming)
		return;
	while (i < crew_bench_state_.count && strcmp(series[i].name, name) != 0)
		i++;
	if (i == CREW_BENCH_SERIES_MAX) {
		fprintf(stderr, "%s: left out, one benchmark has %d series at most\n", name, i);
		return;
	}
	if (i == crew_bench_state_.count) {
		crew_bench_state_.count++;
		series[i].count = 0;
	}
	series[i].name = name;
	series[i].unit = unit;
	series[i].n = n;
	if (series[i].count < CREW_BENCH_SAMPLES_MAX)
		series[i].samples[series[i].count++] = sample;
}

/*
 * Called by a benchmark: one sample of the series `name`, of which it may have
 * CREW_BENCH_SERIES_MAX. Both strings must stay.
 */
static inline void crew_bench_value(const char *name, const char *unit, double value)
{
	crew_bench_add_(name, unit, 1, value);
}

static inline int crew_bench_order_(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts the values. */
static inline void crew_bench_sort(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), crew_bench_order_);
}

/* The value at `share` (0..1) of one or more sorted values, between two neighbours. */
static inline double crew_bench_quantile(const double *sorted, size_t count, double share)
{
	double at = share * (double)(count - 1);
	size_t below = (size_t)at;

	if (below + 1 >= count)
		return sorted[count - 1];
	return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

static inline void crew_bench_print_(const struct crew_bench_series *series, const char *peer,
				     bool json)
{
	double sorted[CREW_BENCH_SAMPLES_MAX], five[5];

	memcpy(sorted, series->samples, sizeof(sorted));
	crew_bench_sort(sorted, (size_t)series->count);
	for (int i = 0; i < 5; i++)
		five[i] = crew_bench_quantile(sorted, (size_t)series->count, i / 4.0);
	if (!json) {
		printf("%-22s %-9s %10.5g %-4s [%.4g %.4g %.4g %.4g] x%d\n", series->name, peer,
		       five[2], series->unit, five[0], five[1], five[3], five[4], series->count);
		return;
	}
	printf("{\"bench\":\"%s\",\"peer\":\"%s\",\"unit\":\"%s\",", series->name, peer,
	       series->unit);
	printf("\"n\":%llu,\"samples\":[", (unsigned long long)series->n);
	for (int i = 0; i < series->count; i++)
		printf("%s%.6g", i ? "," : "", series->samples[i]);
	printf("],\"min\":%.6g,\"q1\":%.6g,\"median\":%.6g,\"q3\":%.6g,\"max\":%.6g}\n", five[0],
	       five[1], five[2], five[3], five[4]);
}

/* The rest of the first line of `file` that begins with `key`, after ':'. */
static inline void crew_bench_fact_(FILE *out, const char *name, const char *file, const char *key)
{
	char line[256];
	FILE *in = fopen(file, "r");
	const char *found = NULL;

	while (in && !found && fgets(line, sizeof(line), in))
		if (strncmp(line, key, strlen(key)) == 0)
			found = *key && strchr(line, ':') ? strchr(line, ':') + 1 : line;
	if (in)
		fclose(in);
	fprintf(out, "\"%s\":\"", name);
	found = found ? found + strspn(found, " \t") : "unknown";
	for (; *found && *found != '\n'; found++)
		if (*found >= ' ' && *found != '"' && *found != '\\')
			fputc(*found, out);
	fprintf(out, "\",");
}

/* Writes the facts of this machine to `out` as one line of JSON. */
static inline void crew_bench_facts(FILE *out)
{
	unsigned processors = 0;
	char line[256];
	FILE *in = fopen("/proc/cpuinfo", "r");

	while (in && fgets(line, sizeof(line), in))
		processors += strncmp(line, "processor", 9) == 0;
	if (in)
		fclose(in);
	fprintf(out, "{\"machine\":{");
	crew_bench_fact_(out, "cpu", "/proc/cpuinfo", "model name");
	fprintf(out, "\"processors\":%u,", processors);
	crew_bench_fact_(out, "allowed", "/proc/self/status", "Cpus_allowed_list");
	crew_bench_fact_(out, "quota", "/sys/fs/cgroup/cpu.max", "");
	crew_bench_fact_(out, "memory", "/proc/meminfo", "MemTotal");
	crew_bench_fact_(out, "kernel", "/proc/sys/kernel/osrelease", "");
	crew_bench_fact_(out, "governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor",
			 "");
	crew_bench_fact_(out, "huge_pages", "/sys/kernel/mm/transparent_hugepage/enabled", "");
	crew_bench_fact_(out, "load", "/proc/loadavg", "");
#ifdef __clang__
	fprintf(out, "\"compiler\":\"%s\",", __VERSION__);
#else
	fprintf(out, "\"compiler\":\"gcc %s\",", __VERSION__);
#endif
#ifdef CREW_BENCH_FLAGS
	fprintf(out, "\"flags\":\"%s\",", CREW_BENCH_FLAGS);
#endif
	fprintf(out, "\"time\":%lld}}\n", (long long)time(NULL));
}

/* More than ten minutes of the shortest operation: there is nothing to measure. */
#define CREW_BENCH_N_MAX (UINT64_C(1) << 40)

struct crew_bench_limits_ {
	int repeats;
	crew_time sample;
	crew_time budget;
};

/* Below 0: the benchmark failed. */
static inline crew_time crew_bench_sample_(const struct crew_bench *bench, uint64_t n)
{
	double divisor = bench->divisor > 0 ? bench->divisor : 1;
	crew_time result = bench->fn(n, bench->param);

	if (result > 0)
		crew_bench_add_(bench->name, bench->unit ? bench->unit : "ns", n,
				(double)result / divisor / (double)n);
	return result;
}

/*
 * How large n must be, by what the first call took and by some more, which warm up.
 * Two calls in a row must be long enough: one may have been held up by others. 0:
 * the benchmark failed.
 */
static inline uint64_t crew_bench_n_(const struct crew_bench *bench, crew_time result,
				     const struct crew_bench_limits_ *limits)
{
	crew_time end = crew_bench_now() + limits->budget / 2;
	uint64_t n = 1;

	for (int enough = 0; result < 4 * limits->sample && crew_bench_now() < end;) {
		double factor = result > 0 ? (double)limits->sample / (double)result : 10;

		enough = result < limits->sample / 2 ? 0 : enough + 1;
		if (enough == 2)
			break;
		if (!enough && n < CREW_BENCH_N_MAX)
			n = (uint64_t)((double)n * (factor > 10 ? 10 : factor)) + 1;
		result = crew_bench_sample_(bench, n);
		if (result < 0)
			return 0;
	}
	return n;
}

/* False: the benchmark failed. */
static inline bool crew_bench_run_(const struct crew_bench *bench,
				   const struct crew_bench_limits_ *limits)
{
	crew_time begin = crew_bench_now(), sample, now;
	uint64_t n = bench->n ? bench->n : 1;
	crew_time result;

	crew_bench_state_.count = 0;
	crew_bench_state_.warming = false;
	result = crew_bench_sample_(bench, n);
	if (result < 0)
		return false;
	if (bench->fresh || result >= limits->budget)
		return true;
	crew_bench_state_.count = 0; /* it was a warm-up */
	crew_bench_state_.warming = true;
	if (!bench->n)
		n = crew_bench_n_(bench, result, limits);
	crew_bench_state_.warming = false;
	for (int i = 0; n && i < limits->repeats; i++) {
		sample = crew_bench_now();
		if (crew_bench_sample_(bench, n) < 0)
			return false;
		now = crew_bench_now();
		if (now + (now - sample) > begin + limits->budget)
			break;
	}
	return n;
}

/* "fib" chooses "fib", "fib.1w", "fib.2w". */
static inline bool crew_bench_chosen_(const char *name, int argc, char **argv, int first)
{
	for (int i = first; i < argc; i++) {
		size_t length = strlen(argv[i]);

		if (strncmp(name, argv[i], length) == 0 &&
		    (name[length] == '\0' || name[length] == '.'))
			return true;
	}
	return first == argc;
}

/* A number from 1 to `most`, or 0. */
static inline int crew_bench_number_(const char *text, int most)
{
	char *end;
	long value = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && !*end && value <= most ? (int)value : 0;
}

/* What -r, -t or -b says; false: it is none of them, or says no number. */
static inline bool crew_bench_limit_(struct crew_bench_limits_ *limits, char option,
				     const char *text)
{
	int most = option == 'r' ? CREW_BENCH_SAMPLES_MAX : 1000000;
	int value = text ? crew_bench_number_(text, most) : 0;

	if (option == 'r')
		limits->repeats = value;
	else if (option == 't')
		limits->sample = CREW_MS(value);
	else if (option == 'b')
		limits->budget = CREW_MS(value);
	else
		return false;
	if (!value)
		fprintf(stderr, "-%c takes a number from 1 to %d\n", option, most);
	return value;
}

/* False, with a line: one of the names is that of no benchmark. */
static inline bool crew_bench_names_(int argc, char **argv, int first,
				     const struct crew_bench *benches, size_t count)
{
	for (int i = first; i < argc; i++) {
		size_t k = 0;

		while (k < count && !crew_bench_chosen_(benches[k].name, i + 1, argv, i))
			k++;
		if (k == count) {
			fprintf(stderr, "no benchmark is called %s; -l lists them\n", argv[i]);
			return false;
		}
	}
	return true;
}

/* Returns what main() should: 0, 1 when one failed or nothing could be printed, 2 for bad options
 * or names. */
static inline int crew_bench_main(int argc, char **argv, const char *peer,
				  const struct crew_bench *benches, size_t count)
{
	struct crew_bench_limits_ limits = { 5, CREW_MS(100), CREW_MS(1500) };
	bool json = false, list = false;
	int i, rc = 0;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "-j") == 0)
			json = true;
		else if (strcmp(argv[i], "-l") == 0)
			list = true;
		else if (strcmp(argv[i], "-f") == 0)
			return crew_bench_facts(stdout), fflush(stdout) != 0;
		else if (argv[i][1] && !argv[i][2] &&
			 crew_bench_limit_(&limits, argv[i][1], argv[i + 1]))
			i++;
		else
			break;
	}
	if (i < argc && argv[i][0] == '-') {
		fprintf(stderr,
			"usage: %s [-j] [-l] [-f] [-r repeats] [-t ms a sample] "
			"[-b ms a benchmark] [name]...\n",
			argv[0]);
		return 2;
	}
	/* a list is of what is there */
	if (!list && !crew_bench_names_(argc, argv, i, benches, count))
		return 2;
	for (size_t k = 0; k < count; k++) {
		const struct crew_bench *bench = &benches[k];

		if (!crew_bench_chosen_(bench->name, argc, argv, i))
			continue;
		if (list) {
			printf("%s %s%s\n", bench->name, peer, bench->fresh ? " fresh" : "");
			continue;
		}
		if (!crew_bench_run_(bench, &limits)) {
			fprintf(stderr, "%s: %s failed\n", peer, bench->name);
			rc = 1;
			continue;
		}
		if (!crew_bench_state_.count) {
			fprintf(stderr, "%s: %s measured nothing\n", peer, bench->name);
			rc = 1;
		}
		for (int s = 0; s < crew_bench_state_.count; s++)
			crew_bench_print_(&crew_bench_state_.series[s], peer, json);
		fflush(stdout);
	}
	return fflush(stdout) != 0 || ferror(stdout) ? 1 : rc;
}

CREW_END

#endif /* CREW_BENCH_H */
