/* SPDX-License-Identifier: MIT */
/*
 * results.c - results, and files of them: what crew/bench.h prints with -j, a JSON
 * object per line. Of JSON only that much is understood: members of one line, strings
 * and numbers, one array of numbers.
 */
#include "crew-bench.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void die(const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fputs(isatty(2) ? "\r\033[Kcrew-bench: " : "crew-bench: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(2);
}

void *need(void *memory)
{
	if (!memory)
		die("no memory");
	return memory;
}

void values_add(struct values *values, double value)
{
	/* doubled whenever it is a power of two */
	if ((values->count & (values->count - 1)) == 0)
		values->at = need(realloc(values->at, (values->count ? values->count * 2 : 1) *
							      sizeof(*values->at)));
	values->at[values->count++] = value;
}

const struct series *results_find(const struct results *results, const char *bench,
				  const char *peer)
{
	for (size_t i = 0; i < results->count; i++)
		if (strcmp(results->series[i].bench, bench) == 0 &&
		    strcmp(results->series[i].peer, peer) == 0)
			return &results->series[i];
	return NULL;
}

struct series *results_series(struct results *results, const char *bench, const char *peer,
			      const char *unit)
{
	const struct series *found = results_find(results, bench, peer);

	for (size_t i = 0; i < results->count; i++)
		if (strcmp(results->series[i].bench, bench) == 0 &&
		    strcmp(results->series[i].unit, unit) != 0)
			die("%s is in %s and in %s: that cannot be compared", bench,
			    results->series[i].unit, unit);
	if (!found) {
		results->series = need(
			realloc(results->series, (results->count + 1) * sizeof(*results->series)));
		results->series[results->count] = (struct series){
			.bench = need(strdup(bench)),
			.peer = need(strdup(peer)),
			.unit = need(strdup(unit)),
		};
		found = &results->series[results->count++];
	}
	return &results->series[found - results->series];
}

bool results_begins(const struct results *results, size_t at)
{
	size_t first = 0;

	while (strcmp(results->series[first].bench, results->series[at].bench) != 0)
		first++;
	return first == at;
}

/* ---- a line ---------------------------------------------------------------- */

/* Behind `"name":`, or NULL. */
static const char *member(const char *line, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = strchr(line, '"'); at; at = strchr(at + 1, '"'))
		if (strncmp(at + 1, name, length) == 0 && at[length + 1] == '"' &&
		    at[length + 2] == ':')
			return at + length + 3;
	return NULL;
}

/* A copy of the string `name`; NULL: there is none, or its end is missing. */
static char *text(const char *line, const char *name)
{
	const char *from = member(line, name);
	char *copy, *to;

	if (!from || *from++ != '"')
		return NULL;
	copy = to = need(malloc(strlen(from) + 1));
	for (; *from && *from != '"'; from++) {
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	*to = '\0';
	if (*from == '"')
		return copy;
	free(copy);
	return NULL;
}

/* The numbers of the array `name`; none when one of them, or its end, is damaged. */
static struct values numbers(const char *line, const char *name)
{
	struct values values = { 0 };
	const char *at = member(line, name);
	char *end;

	if (!at || *at != '[')
		return values;
	do {
		double value = strtod(++at, &end);

		if (end == at || !isfinite(value))
			break;
		values_add(&values, value);
		at = end;
	} while (*at == ',');
	if (*at != ']')
		values.count = 0;
	return values;
}

/* Adds `more` to the end of *text. */
static void append(char **text, const char *more)
{
	size_t length = *text ? strlen(*text) : 0, size = strlen(more) + 1;

	*text = need(realloc(*text, length + size));
	memcpy(*text + length, more, size);
}

/* `more` as a part of the sentence, where there is such a fact. */
static void fact(char **sentence, const char *before, const char *line, const char *name)
{
	char *value = text(line, name);

	if (value && *value) {
		append(sentence, before);
		append(sentence, value);
	}
	free(value);
}

static void machine_line(struct results *results, const char *line)
{
	const char *processors = member(line, "processors");
	char *load = text(line, "load"), some[32];

	if (!results->machine) {
		fact(&results->cpu, "", line, "cpu");
		snprintf(some, sizeof(some), ", %ld processors",
			 processors ? strtol(processors, NULL, 10) : 0L);
		append(&results->cpu, some);
		append(&results->machine, results->cpu);
		fact(&results->machine, ", ", line, "memory");
		fact(&results->machine, ", Linux ", line, "kernel");
		fact(&results->machine, ", ", line, "compiler");
		fact(&results->machine, "; ", line, "flags");
	}
	if (load) {
		snprintf(some, sizeof(some), " %.4s", load);
		append(&results->loads, some);
	}
	free(load);
	append(&results->facts, line);
}

bool results_line(struct results *results, const char *line, const char *peer)
{
	char *bench = text(line, "bench"), *own = text(line, "peer"), *unit = text(line, "unit");
	struct values samples = numbers(line, "samples"), runs = numbers(line, "runs");
	const struct values *all = runs.count ? &runs : &samples;
	size_t length = strcspn(line, "\n");
	bool whole = length > 0 && line[length - 1] == '}';
	bool result = whole && bench && own && unit && all->count;
	bool machine = whole && member(line, "machine");

	if (result) {
		struct series *series = results_series(results, bench, peer ? peer : own, unit);

		for (size_t i = 0; i < all->count; i++)
			values_add(&series->samples, all->at[i]);
		for (size_t i = 0; i < runs.count; i++)
			values_add(&series->runs, runs.at[i]);
		if (!runs.count) {
			crew_bench_sort(samples.at, samples.count);
			values_add(&series->runs, median(&samples));
		}
	} else if (machine) {
		machine_line(results, line);
	}
	free(samples.at);
	free(runs.at);
	free(bench);
	free(own);
	free(unit);
	return result || machine;
}

void results_finish(struct results *results)
{
	for (size_t i = 0; i < results->count; i++) {
		struct series *series = &results->series[i];

		crew_bench_sort(series->samples.at, series->samples.count);
		crew_bench_sort(series->runs.at, series->runs.count);
	}
}

/* ---- files ----------------------------------------------------------------- */

void results_read(struct results *results, const char *path)
{
	FILE *in = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	if (!in)
		die("%s: %s", path, strerror(errno));
	for (int where = 1; (length = getline(&line, &size, in)) > 0; where++)
		if (strlen(line) != (size_t)length || !results_line(results, line, NULL))
			die("%s:%d: no result, or a damaged one", path, where);
	if (ferror(in))
		die("%s: %s", path, strerror(errno));
	free(line);
	fclose(in);
	if (!results->count)
		die("%s: there are no results in it", path);
	results_finish(results);
}

static void write_string(FILE *out, const char *name, const char *value)
{
	fprintf(out, "\"%s\":\"", name);
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			fputc('\\', out);
		fputc((unsigned char)*value < ' ' ? ' ' : *value, out);
	}
	fputs("\",", out);
}

void results_save(const struct results *results, const char *path)
{
	FILE *out = fopen(path, "w");
	bool failed;

	if (!out)
		die("%s: %s", path, strerror(errno));
	if (results->facts)
		fputs(results->facts, out);
	for (size_t i = 0; i < results->count; i++) {
		const struct series *series = &results->series[i];

		fputc('{', out);
		write_string(out, "bench", series->bench);
		write_string(out, "peer", series->peer);
		write_string(out, "unit", series->unit);
		fprintf(out, "\"runs\":[");
		for (size_t k = 0; k < series->runs.count; k++)
			fprintf(out, "%s%.9g", k ? "," : "", series->runs.at[k]);
		fprintf(out, "]}\n");
	}
	failed = ferror(out) != 0;
	if (fclose(out) != 0 || failed)
		die("%s: cannot be written", path);
}
