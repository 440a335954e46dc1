/* SPDX-License-Identifier: MIT */
/* errors_hook.c - what a hook says with crew_fail() when it runs behind the end of a task. */
#include "api/scope.h"

static int seven = 7;

static int fail(void *arg)
{
	return *(int *)arg;
}

static void say(void *arg)
{
	crew_fail(*(int *)arg, "said by a hook");
}

static int sleep_with_hook(void *arg)
{
	struct crew_scope_hook hook;
	struct crew_scope scope;
	int rc;

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew_scope_on_cancel(&scope, &hook, say, &seven);
	rc = crew_sleep(CREW_NEVER);
	return crew_scope_close(&scope, rc);
}

/* Nobody has said anything: neither the block, nor children in place, nor others. */
static int nothing_is_said(bool by_the_block)
{
	struct crew_errors errors;
	struct crew_group group;

	crew_group_open(&group,
			CREW_GROUP(.crew = test_crew, .policy = CREW_COLLECT, .errors = &errors));
	for (int i = 0; i < 4; i++)
		CHECK(crew_group_spawn(&group, fail, &seven) == 0);
	CHECK(crew_group_wait(&group) == 0);
	CHECK(by_the_block || crew_group_spawn(&group, fail, &seven) == 0);
	CHECK(crew_group_close(&group, by_the_block ? 7 : 0) == 7);
	CHECK(crew_errors_count(&errors) == 5);
	for (const struct crew_error *error = crew_errors_first(&errors); error;
	     error = crew_error_next(error))
		CHECK(!error->message && !error->cause);
	crew_errors_fini(&errors);
	return 0;
}

/* The failure of one child runs the hook of the other. */
static int fail_beside_a_hook(bool in_place)
{
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	CHECK(crew_group_spawn(&group, sleep_with_hook, NULL) == 0);
	wait_for_sleepers(1);
	CHECK(crew_group_spawn(&group, fail, &seven) == 0);
	CHECK(in_place || crew_group_wait(&group) == CREW_ECANCELED);
	CHECK(crew_group_close(&group, 0) == 7);
	return nothing_is_said(in_place);
}

static int hooks_speak_for_nobody(void *arg)
{
	struct crew_scope scope;
	int line;

	(void)arg;
	crew_scope_open(&scope, NULL); /* a plain thread is heard */
	line = fail_beside_a_hook(true);
	line = line ? line : fail_beside_a_hook(false);
	crew_scope_close(&scope, 0);
	return line;
}

Test(errors_hook, what_a_hook_says_is_no_other_tasks, .timeout = 60)
{
	everywhere(hooks_speak_for_nobody);
}
