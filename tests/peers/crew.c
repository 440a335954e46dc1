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
#include "peers/log.h"
#include "peers/scenario.h"
#include "sim/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS 24 /* for each number of workers */

static struct crew *crew;

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
	struct crew_group *group = &named(node, 1)->group;
	int rc = is(node, "task") ?
			 crew_group_spawn_task(group, task_main, node, NULL, &node->handle) :
			 crew_group_spawn(group, task_main, node);

	if (rc)
		say(task, "spawn %s: %s", node->words[2], code(rc));
	else if (is(node, "task"))
		say(task, "task %s", node->words[2]);
	return 0;
}

static int join(struct node *node, const char *task)
{
	int joined;
	int rc;

	say(task, "join %s", node->words[1]);
	joined = crew_task_join(named(node, 1)->handle, &rc, NULL);
	if (joined)
		say(task, "join: %s", code(joined));
	else
		say(task, "joined %s: %s", node->words[1], code(rc));
	return joined;
}

/* Failures, those of a group inside in parentheses; `text` is long enough. */
static char *tell(char *text, const struct crew_errors *errors)
{
	const struct crew_error *error = crew_errors_first(errors);

	*text++ = '(';
	for (; error; error = crew_error_next(error)) {
		text = error->inside ? tell(text, error->inside) : stpcpy(text, code(error->rc));
		if (crew_error_next(error))
			*text++ = ' ';
	}
	return stpcpy(text, ")");
}

static int group(struct node *node, const char *task)
{
	const char *timeout = option(node, "timeout");
	bool wanted = option(node, "errors");
	struct crew_errors errors = { 0 };
	char text[80];
	int rc;

	crew_group_open(&node->group,
			CREW_GROUP(.crew = crew,
				   .timeout_ns = timeout ? number(node, timeout) * TICK : 0,
				   .errors = wanted ? &errors : NULL));
	rc = crew_group_close(&node->group, block(node->inside, task));
	say(task, "group %s: %s", node->words[1], code(rc));
	if (wanted) {
		tell(text, &errors);
		say(task, "errors %s", text);
		crew_errors_fini(&errors);
	}
	return rc;
}

static void run_deferred(void *arg)
{
	struct node *node = arg;

	block(node->inside, node->task);
}

static void defer(struct node *node, const char *task)
{
	struct node *target = named(node, 1);
	int rc;

	node->task = task;
	if (is(target, "group"))
		rc = crew_group_defer(&target->group, &node->deferred, run_deferred, node);
	else
		rc = crew_scope_defer(&target->scope, &node->deferred, run_deferred, node);
	if (rc)
		scenario_bad(node, "not the innermost");
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
	else if (is(target, "task"))
		crew_task_cancel(target->handle, NULL);
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
	if (is(node, "spawn") || is(node, "task"))
		return spawn(node, task);
	if (is(node, "join"))
		return join(node, task);
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
	else if (is(node, "defer"))
		defer(node, task);
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

	crew__sim_check(crew_start(&crew, CREW_OPTIONS(.workers = how->workers)) == 0,
			"crew_start failed");
	log_begin();
	if (how->plain)
		root(how->scenario);
	else
		crew__sim_check(crew_run(crew, root, how->scenario) == 0, "crew_run failed");
	drop_handles();
	crew__sim_check(crew_stop(crew) == 0, "crew_stop failed");
	log_end();
}

static void explore(struct node *scenario)
{
	log_forget();
	for (unsigned i = 0; i < 6; i++) {
		struct crew__sim_options options = { .name = scenario->words[1],
						     .describe = log_describe };
		struct how how = { scenario, 1 + i / 2, i % 2 };

		if (crew__sim_search_seeds(&options, run, &how, SEEDS).verdict != CREW__SIM_OK) {
			fprintf(stderr, "%u workers, %s\n", how.workers,
				how.plain ? "a plain thread" : "a task");
			exit(1);
		}
	}
	printf("== %s\n", scenario->words[1]);
	log_print();
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
