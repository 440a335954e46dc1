/* SPDX-License-Identifier: MIT */
/* peers/log.c - see log.h. */
#include "peers/log.h"

#include "base/atomic.h"
#include "sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 128

struct line {
	crew_time tick;
	uint64_t number;
	const char *task;
	char text[80];
};

struct log {
	struct crew_word count;
	struct line lines[LINES_MAX];
};

crew_time begun;
static struct log now;
static char first[LINES_MAX * 128]; /* what the first run of the scenario has logged */
static bool have_first;

const char *code(int rc)
{
	static const char *const numbers[] = { "ok", "1", "2", "3", "4", "5", "6", "7", "8", "9" };

	switch (rc) {
	case CREW_ECANCELED:
		return "cancelled";
	case CREW_ETIMEDOUT:
		return "timeout";
	case CREW_EINVAL:
		return "invalid";
	case CREW_ECLOSED:
		return "closed";
	default:
		return rc >= 0 && rc <= 9 ? numbers[rc] : "another code";
	}
}

void say(const char *task, const char *format, ...)
{
	uint64_t count = crew__add_acq_rel(&now.count, 1);
	struct line *line = &now.lines[count];
	va_list args;

	crew__sim_check(count < LINES_MAX, "LINES_MAX is too small");
	line->tick = (crew_now() - begun) / TICK;
	line->number = count;
	line->task = task;
	va_start(args, format);
	vsnprintf(line->text, sizeof(line->text), format, args);
	va_end(args);
}

/* By time, then by task: in one tick only the order within a task is promised. */
static int compare(const void *a, const void *b)
{
	const struct line *left = a;
	const struct line *right = b;
	int names = strcmp(left->task, right->task);

	if (left->tick != right->tick)
		return left->tick < right->tick ? -1 : 1;
	return names ? names : left->number < right->number ? -1 : 1;
}

static void write_log(char *text, size_t size)
{
	uint64_t count = crew__load_relaxed(&now.count);
	size_t used = 0;

	qsort(now.lines, count, sizeof(now.lines[0]), compare);
	text[0] = '\0';
	for (uint64_t i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, size - used, "%ld %s %s\n",
					 (long)now.lines[i].tick, now.lines[i].task,
					 now.lines[i].text);
}

void log_end(void)
{
	static char text[sizeof(first)];

	write_log(text, sizeof(text));
	if (!have_first)
		memcpy(first, text, sizeof(first));
	have_first = true;
	crew__sim_check(strcmp(first, text) == 0, "two runs of a scenario differ");
}

/* Of a run that has failed: its log, and what it should have been. */
void log_describe(void *arg)
{
	static char text[sizeof(first)];

	(void)arg;
	write_log(text, sizeof(text));
	fprintf(stderr, "the first run has logged\n%sand this one\n%s", first, text);
}

void log_begin(void)
{
	crew__init_word(&now.count, 0);
	begun = crew_now();
}

void log_forget(void)
{
	have_first = false;
}

void log_print(void)
{
	fputs(first, stdout);
	fflush(stdout);
}
