/* SPDX-License-Identifier: MIT */
/* divide.c - problems that are divided: the other part is forked. */
#include "parallel/split.h"

#include "base/alloc.h"
#include "crew/fork.h"
#include "crew/parallel_divide.h"

#include <stdalign.h>

#define OWN_PROBLEM 128 /* bytes of a problem that needs no memory */

struct division {
	struct crew__loop loop; /* its scope, its first failure */
	const struct crew_divider *divider;
	void *problem;
	void *arg;
};

struct other_part {
	struct crew_fork fork;
	struct division *division;
	void *problem;
	alignas(16) char own[OWN_PROBLEM];
};

static void solve(struct division *division, void *problem);

static int run_other(void *opaque)
{
	struct other_part *part = opaque;

	solve(part->division, part->problem);
	return 0;
}

static void solve_both(struct division *division, void *problem, struct other_part *other)
{
	const struct crew_divider *divider = division->divider;
	int rc = divider->divide(problem, other->problem, division->arg);

	if (rc == 0) {
		crew_fork_inline_put_(&other->fork, &division->loop.kind);
		solve(division, problem);
		if (crew_fork_inline_take_(&other->fork))
			solve(division, other->problem);
		if (crew__loop_stopped(&division->loop))
			return;
		rc = divider->unite(problem, other->problem, division->arg);
	}
	if (rc)
		crew__loop_fail(&division->loop, rc);
}

static void divide_further(struct division *division, void *problem)
{
	struct other_part other = { .division = division, .problem = other.own };

	if (division->divider->problem_bytes > OWN_PROBLEM)
		other.problem = crew__alloc(division->divider->problem_bytes);
	if (!other.problem) {
		crew__loop_fail(&division->loop, CREW_ENOMEM);
		return;
	}
	solve_both(division, problem, &other);
	if (other.problem != other.own)
		crew__free(other.problem);
}

static void solve(struct division *division, void *problem)
{
	int rc;

	if (crew__loop_stopped(&division->loop))
		return;
	if (!division->divider->is_small(problem, division->arg)) {
		divide_further(division, problem);
		return;
	}
	rc = division->divider->solve(problem, division->arg);
	if (rc == 0)
		rc = crew__loop_look();
	if (rc)
		crew__loop_fail(&division->loop, rc);
}

static int divide_task(void *opaque)
{
	struct division *division = opaque;

	crew__loop_open(&division->loop);
	solve(division, division->problem);
	return crew__loop_close(&division->loop);
}

int crew_divide(void *problem, const struct crew_divider *divider, void *arg,
		const struct crew_parallel_options *options)
{
	struct division division = { .divider = divider, .problem = problem, .arg = arg };

	if (!problem || !divider || !divider->problem_bytes || !divider->is_small ||
	    !divider->solve || !divider->divide || !divider->unite)
		return CREW_EINVAL;
	crew__loop_init(&division.loop, NULL, options);
	division.loop.kind.run = run_other;
	return crew__parallel_enter(options, divide_task, &division);
}
