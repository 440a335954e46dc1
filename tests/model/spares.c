/* SPDX-License-Identifier: MIT */
/*
 * model/spares.c - the spare threads (exec/threads.h), T1 to T3: a crew of one or two workers
 * and one or two spares runs a few jobs, many seeds each. Some are cancelled in line, some
 * come at the moment at which their spare retires. What a job is given and what it returns is
 * plain memory, so the orders between task and spare are needed.
 */
#include "base/config.h"
#include "exec/exec.h"
#include "model/model.h"

#include <stdio.h>
#include <string.h>

#define JOBS 4

struct spares {
	unsigned workers;
	unsigned max;
	crew_task_fn *program;
	int expected;
};

static struct {
	uint64_t given;	 /* by its task */
	uint64_t result; /* of its function */
	bool begun;
	int rc;
} jobs[JOBS];

static unsigned number_of(void *arg)
{
	return (unsigned)(uintptr_t)arg;
}

static int work(void *arg)
{
	unsigned n = number_of(arg);
	struct crew__word32 word = { 0 };

	crew__sim_check(jobs[n].given == n + 100, "a job began without what it was given");
	crew__sim_check(!jobs[n].begun, "a job began twice");
	jobs[n].begun = true;
	while (crew__port_wait(&word, 0, crew__port_now() + CREW_MS(1)))
		;
	jobs[n].result = n + 200;
	return (int)n + 10;
}

/* A job that has begun is ended; one that was cancelled has not begun. */
static int call(void *arg)
{
	unsigned n = number_of(arg);

	jobs[n].given = n + 100;
	jobs[n].rc = crew_blocking(work, arg);
	if (jobs[n].rc == CREW_ECANCELED) {
		crew__sim_check(!jobs[n].begun, "a job that was cancelled has begun");
	} else {
		crew__sim_check(jobs[n].rc == (int)n + 10, "a job's code is lost");
		crew__sim_check(jobs[n].result == n + 200, "the task went on before its job");
	}
	return 0;
}

static void all_ran(unsigned count)
{
	for (unsigned n = 0; n < count; n++)
		crew__sim_check(jobs[n].result == n + 200, "a job never ran");
}

static void spares_main(void *opaque)
{
	const struct spares *s = opaque;
	struct crew *crew;

	memset(jobs, 0, sizeof(jobs));
	crew__sim_check(crew_start(&crew, CREW_OPTIONS(.workers = s->workers, .stack_bytes = 32768,
						       .blocking_max = s->max)) == 0,
			"crew_start failed");
	crew__sim_check(crew_run(crew, s->program, NULL) == s->expected, "crew_run failed");
	crew__sim_check(crew->threads.waiting == 0, "the line was miscounted");
	crew__sim_check(crew_stop(crew) == 0, "crew_stop failed");
}

/* With time as it is, and with time that passes early: spares retire at any moment. */
static void search(const char *name, crew_task_fn *program, int expected, uint64_t n)
{
	for (unsigned at = 0; at < 8; at++) {
		struct spares spares = { .workers = 1 + at % 2,
					 .max = 1 + at / 2 % 2,
					 .program = program,
					 .expected = expected };
		char full[64];
		struct crew__sim_options options = { .name = full };
		struct crew__sim_result result;

		if (at >= 4) {
			options.spurious_one_in = 4;
			options.early_one_in = 8;
		}
		snprintf(full, sizeof(full), "%s_%u_%u%s", name, spares.workers, spares.max,
			 at >= 4 ? "_early" : "");
		result = crew__sim_search_seeds(&options, spares_main, &spares, n);
		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", full, result.message);
	}
}

/* ---- more jobs than spares ----------------------------------------------------------------- */

static int many(void *arg)
{
	struct crew_group group;
	int rc;

	(void)arg;
	crew_group_open(&group, NULL);
	for (uintptr_t n = 0; n < JOBS; n++)
		crew_group_spawn(&group, call, (void *)n);
	rc = crew_group_close(&group, 0);
	all_ran(JOBS);
	return rc;
}

Test(spares, more_jobs_than_spares, .timeout = 120)
{
	search("spares_many", many, 0, 400);
}

/* ---- a job is cancelled in line, or as it is taken out ------------------------------------- */

static int fail(void *arg)
{
	(void)arg;
	crew_sleep(CREW_MS(1)); /* as the first job ends */
	return 7;
}

static int cancelled(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, NULL);
	for (uintptr_t n = 0; n < 3; n++)
		crew_group_spawn(&group, call, (void *)n);
	crew_group_spawn(&group, fail, NULL);
	crew__sim_check(crew_group_close(&group, 0) == 7, "the failure is lost");
	/* the line is as it was: the next one has its turn */
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, call, (void *)(uintptr_t)3);
	crew_group_close(&group, 0);
	crew__sim_check(jobs[3].result == 203, "a job behind cancelled ones never ran");
	return 7;
}

Test(spares, a_job_is_cancelled_in_line, .timeout = 120)
{
	search("spares_cancelled", cancelled, 7, 400);
}

/* ---- a job comes as its spare retires -------------------------------------------------------- */

static int late(void *arg)
{
	(void)arg;
	for (uintptr_t n = 0; n < 3; n++) {
		call((void *)n);
		crew_sleep(CREW__BLOCKING_IDLE);
	}
	all_ran(3);
	return 0;
}

Test(spares, a_job_comes_as_its_spare_retires, .timeout = 120)
{
	search("spares_late", late, 0, 400);
}

/* ---- a spare is told of a job that is cancelled then ----------------------------------------- */

static int cancelled_and_another(void *arg)
{
	struct crew_group group;

	(void)arg;
	call((void *)0);
	crew_group_open(&group, NULL);
	crew_group_spawn(&group, call, (void *)(uintptr_t)1);
	crew_yield();
	crew_group_cancel(&group, "model");
	crew_group_close(&group, 0);
	call((void *)(uintptr_t)2);
	crew__sim_check(jobs[0].result && jobs[2].result, "a job never ran");
	return 0;
}

/* No second one can be started: should the first go away, the last job is refused. */
Test(spares, one_that_was_told_for_nothing_stays, .timeout = 120)
{
	for (unsigned workers = 1; workers <= 2; workers++) {
		struct spares spares = { .workers = workers,
					 .max = 2,
					 .program = cancelled_and_another };
		char full[64];
		struct crew__sim_options options = { .name = full,
						     .thread_fails_from = workers + 3 };
		struct crew__sim_result result;

		snprintf(full, sizeof(full), "spares_stay_%u", workers);
		result = crew__sim_search_seeds(&options, spares_main, &spares, 1000);
		cr_assert(result.verdict == CREW__SIM_OK, "%s: %s", full, result.message);
	}
}
