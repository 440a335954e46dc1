/* SPDX-License-Identifier: MIT */
/*
 * peers/crew.c - runs the scenarios (scenarios.txt says what they are made of) over crew, in
 * the simulated world, and prints what came out of each:
 *
 *	peers FILE	one `== NAME` line and then the log, for each scenario
 *
 * A scenario runs with one, two and three workers, as a task and on a plain thread, with many
 * seeds. All runs must log the same: what a scenario shows is what crew promises, and no run
 * takes longer than its sleeps.
 */
#include "base/atomic.h"
#include "peers/scenario.h"
#include "sim/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINES_MAX 128
#define TICK	  CREW_MS(1)
#define SEEDS	  24 /* for each number of workers */

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

static struct crew *crew;
static crew_time begun;
static struct log now;
static char first[LINES_MAX * 128]; /* what the first run of the scenario has logged */
static bool have_first;

/* ---- the log ----------------------------------------------------------------------- */

static const char *code(int rc)
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

/* Taking the number also orders what tasks do to each other's scopes behind it. */
__attribute__((format(printf, 2, 3))) static void say(const char *task, const char *format, ...)
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

static void end_of_run(void)
{
	static char text[sizeof(first)];

	write_log(text, sizeof(text));
	if (!have_first)
		memcpy(first, text, sizeof(first));
	have_first = true;
	crew__sim_check(strcmp(first, text) == 0, "two runs of a scenario differ");
}

/* Of a run that has failed: its log, and what it should have been. */
static void describe(void *arg)
{
	static char text[sizeof(first)];

	(void)arg;
	write_log(text, sizeof(text));
	fprintf(stderr, "the first run has logged\n%sand this one\n%s", first, text);
}

/* ---- statements -------------------------------------------------------------------- */

static int block(struct node *begin, const char *task);

/* What was spawned: the statement says its name. */
static int task_main(void *arg)
{
	struct node *node = arg;
	const char *task = node->words[2];
	int rc = block(node->inside, task);

	say(task, "ends: %s", code(rc));
	return rc;
}

static int spawn(struct node *node, const char *task)
{
	int rc = crew_group_spawn(&named(node, 1)->group, task_main, node);

	if (rc)
		say(task, "spawn %s: %s", node->words[2], code(rc));
	return 0;
}

static int group(struct node *node, const char *task)
{
	const char *timeout = option(node, "timeout");
	int rc;

	crew_group_open(
		&node->group,
		CREW_GROUP(.crew = crew, .timeout_ns = timeout ? number(node, timeout) * TICK : 0));
	rc = crew_group_close(&node->group, block(node->inside, task));
	say(task, "group %s: %s", node->words[1], code(rc));
	return rc;
}

static void init_scope(struct node *node)
{
	const char *timeout = option(node, "timeout");
	const char *fail_after = option(node, "fail_after");
	const char *at = option(node, "at");
	const char *after = fail_after ? fail_after : timeout;

	crew_scope_init(&node->scope,
			CREW_SCOPE(.timeout_ns = after ? number(node, after) * TICK : 0,
				   .deadline = at ? begun + number(node, at) * TICK : 0,
				   .on_deadline = fail_after ? CREW_FAIL : CREW_MOVE_ON,
				   .shield = option(node, "shield")));
}

/* An option of 0 is none; the short calls know a timeout of 0. */
static void open_scope(struct node *node)
{
	const char *timeout = option(node, "timeout");
	const char *fail_after = option(node, "fail_after");

	if (timeout && !option(node, "shield")) {
		crew_scope_move_on_after(&node->scope, number(node, timeout) * TICK);
	} else if (fail_after && !option(node, "shield")) {
		crew_scope_fail_after(&node->scope, number(node, fail_after) * TICK);
	} else {
		init_scope(node);
		crew_scope_enter(&node->scope);
	}
}

static int in_scope(struct crew_scope *scope, struct node *node, const char *task)
{
	int rc = crew_scope_close(scope, block(node->inside, task));

	say(task, "scope %s: %s%s", node->words[1], code(rc),
	    crew_scope_caught(scope) ? " caught" : "");
	return rc;
}

static void cancel(struct node *target)
{
	if (is(target, "group"))
		crew_group_cancel(&target->group, NULL);
	else
		crew_scope_cancel(&target->scope, NULL);
}

static void effective(const char *task)
{
	crew_time deadline = crew_deadline();

	if (deadline == CREW_NEVER)
		say(task, "deadline: never");
	else if (deadline == INT64_MIN)
		say(task, "deadline: cancelled");
	else
		say(task, "deadline: %ld", (long)((deadline - begun) / TICK));
}

/* What changes a scope, and what asks; none of it can fail. */
static void act(struct node *node, const char *task)
{
	struct crew_scope *scope = is(node, "cancel") ? NULL : &named(node, 1)->scope;

	say(task, "%s %s", node->words[0], node->words[1]);
	if (is(node, "cancel"))
		cancel(named(node, 1));
	else if (is(node, "shield"))
		crew_scope_set_shield(scope, strcmp(node->words[2], "on") == 0);
	else if (is(node, "deadline"))
		crew_scope_set_deadline(scope, strcmp(node->words[2], "never") == 0 ?
						       CREW_NEVER :
						       begun + number(node, node->words[2]) * TICK);
	else if (is(node, "cancelled"))
		say(task, "%s", crew_scope_cancelled(scope) ? "yes" : "no");
	else
		scenario_bad(node, "no such statement");
}

/* A checkpoint: what it returned is logged. */
static bool checkpoint(const struct node *node, const char *task, int *rc)
{
	if (is(node, "sleep"))
		*rc = node->words[1] ? crew_sleep(number(node, node->words[1]) * TICK) :
				       crew_sleep(CREW_NEVER);
	else if (is(node, "check"))
		*rc = crew_check();
	else if (is(node, "checkpoint"))
		*rc = crew_checkpoint();
	else
		return false;
	say(task, "%s: %s", node->words[0], code(*rc));
	return true;
}

static int step(struct node *node, const char *task)
{
	int rc = 0;

	if (checkpoint(node, task, &rc))
		return rc;
	if (is(node, "spawn"))
		return spawn(node, task);
	if (is(node, "group"))
		return group(node, task);
	if (is(node, "fail"))
		return (int)number(node, node->words[1]);
	if (is(node, "scope")) {
		open_scope(node);
		return in_scope(&node->scope, node, task);
	}
	if (is(node, "enter")) {
		crew_scope_enter(&named(node, 1)->scope);
		return in_scope(&named(node, 1)->scope, node, task);
	}
	if (is(node, "prepare"))
		init_scope(node);
	else if (is(node, "log"))
		say(task, "%s", node->words[1]);
	else if (is(node, "try"))
		say(task, "try: %s", code(block(node->inside, task)));
	else if (is(node, "effective"))
		effective(task);
	else
		act(node, task);
	return 0;
}

/* Up to the first that does not end with 0; then what is to be done nevertheless. */
static int block(struct node *begin, const char *task)
{
	struct node *node = begin;
	int rc = 0;
	int last;

	for (; node && !is(node, "finally") && rc == 0; node = node->next)
		rc = step(node, task);
	while (node && !is(node, "finally"))
		node = node->next;
	last = node ? block(node->inside, task) : 0;
	return last ? last : rc;
}

/* ---- runs -------------------------------------------------------------------------- */

struct how {
	struct node *scenario;
	unsigned workers;
	bool plain;
};

static int root(void *scenario)
{
	struct node *node = scenario;

	say("main", "ends: %s", code(block(node->inside, "main")));
	return 0;
}

static void run(void *arg)
{
	const struct how *how = arg;

	crew__init_word(&now.count, 0);
	crew__sim_check(crew_start(&crew, CREW_OPTIONS(.workers = how->workers)) == 0,
			"crew_start failed");
	begun = crew_now();
	if (how->plain)
		root(how->scenario);
	else
		crew__sim_check(crew_run(crew, root, how->scenario) == 0, "crew_run failed");
	crew__sim_check(crew_stop(crew) == 0, "crew_stop failed");
	end_of_run();
}

static void explore(struct node *scenario)
{
	have_first = false;
	for (unsigned i = 0; i < 6; i++) {
		struct crew__sim_options options = { .name = scenario->words[1],
						     .describe = describe };
		struct how how = { scenario, 1 + i / 2, i % 2 };

		if (crew__sim_search_seeds(&options, run, &how, SEEDS).verdict != CREW__SIM_OK) {
			fprintf(stderr, "%u workers, %s\n", how.workers,
				how.plain ? "a plain thread" : "a task");
			exit(1);
		}
	}
	printf("== %s\n%s", scenario->words[1], first);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
	struct node *node;

	if (!in) {
		fprintf(stderr, "usage: peers FILE\n");
		return 2;
	}
	while ((node = read_scenario(in)))
		explore(node);
	fclose(in);
	return 0;
}
