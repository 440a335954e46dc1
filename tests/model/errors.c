/* SPDX-License-Identifier: MIT */
/* model/errors.c - failures that are recorded at the same time (scope/errors.h). */
#include "crew/fork.h"
#include "model/model.h"

#include <string.h>

static unsigned number(void *arg)
{
	return (unsigned)(uintptr_t)arg;
}

static int say(void *arg)
{
	model_ran(number(arg));
	return crew_fail((int)number(arg), "%u", number(arg));
}

static int yield_and_say(void *arg)
{
	crew_yield();
	return say(arg);
}

/* Each of the codes 1 to `last` is there once, with its message, when its task has run. */
static void check_errors(const struct crew_errors *errors, unsigned last)
{
	size_t count = 0;

	for (unsigned i = 1; i <= last; i++) {
		const struct crew_error *error = crew_errors_find(errors, (int)i, NULL);

		if (!crew__load_relaxed(&model_now->ran[i])) {
			crew__sim_check(!error, "an error of a task that did not run");
			continue;
		}
		count++;
		crew__sim_check(error && error->message[0] == (char)('0' + i) && !error->cause,
				"an error is not there, or says something else");
		crew__sim_check(!crew_errors_find(errors, (int)i, error),
				"an error is there twice");
	}
	crew__sim_check(crew_errors_count(errors) == count, "they were not counted");
}

/* ---- two children and the block --------------------------------------------------------- */

static int three_fail(void *arg)
{
	struct crew_errors errors;
	struct crew_group group;
	int rc;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.policy = CREW_COLLECT, .errors = &errors));
	crew_group_spawn(&group, say, (void *)1);
	crew_group_spawn(&group, yield_and_say, (void *)2);
	rc = crew_group_close(&group, say((void *)3));
	check_errors(&errors, 3);
	crew__sim_check(crew_errors_first(&errors)->rc == rc, "another one was the first");
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, two_children_and_the_block_fail, .timeout = 300)
{
	struct model model = { .program = three_fail, .lasts = -1 };

	model_search("errors", model, 3000);
}

/* ---- a list of the group's own ------------------------------------------------------------ */

static int inner(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.policy = CREW_COLLECT));
	crew_group_spawn(&group, yield_and_say, (void *)1);
	crew_group_spawn(&group, say, (void *)2);
	crew_group_spawn(&group, yield_and_say, (void *)3);
	return crew_group_close(&group, 0);
}

static int nested(void *arg)
{
	struct crew_errors errors;
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.errors = &errors));
	crew_group_spawn(&group, inner, arg);
	crew__sim_check(crew_group_close(&group, 0) > 0, "nothing has failed");
	crew__sim_check(crew_errors_count(&errors) == 1, "one child has failed");
	model_check_ran(1, 4);
	check_errors(crew_errors_first(&errors)->inside, 3);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, children_that_fail_at_once_make_one_list, .timeout = 300)
{
	struct model model = { .program = nested };

	model_search("errors_nested", model, 3000);
}

/* ---- whose is it? --------------------------------------------------------------------------- */

/* Says something, waits perhaps, and ends well, or otherwise. */
static int recover(void *arg)
{
	crew_fail(7, "of nobody");
	if (arg)
		crew_yield();
	return arg ? 8 : 0;
}

static int plain(void *arg)
{
	if (arg)
		crew_yield();
	return 7;
}

static int block(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_fail(5, "of the block");
	crew_group_open(&group, CREW_GROUP(.policy = CREW_SUPERVISE));
	for (uintptr_t i = 0; i < 2; i++) {
		crew_group_spawn(&group, plain, (void *)i);
		crew_group_spawn(&group, recover, (void *)i);
	}
	crew__sim_check(crew_group_close(&group, 0) == 0, "a supervised failure");
	return 5;
}

static int belongs(void *arg)
{
	const struct crew_error *error;
	struct crew_errors errors;
	struct crew_group group;

	crew_group_open(&group, CREW_GROUP(.policy = CREW_COLLECT, .errors = &errors));
	for (uintptr_t i = 0; i < 2; i++) {
		/* in place the newest comes first: the one that recovers, then the other */
		crew_group_spawn(&group, plain, (void *)i);
		crew_group_spawn(&group, recover, (void *)i);
	}
	crew_group_spawn(&group, block, arg);
	crew_group_close(&group, 0);
	crew__sim_check(crew_errors_count(&errors) == 4, "four have failed");
	for (error = crew_errors_first(&errors); error; error = crew_error_next(error))
		crew__sim_check(error->rc == 5 ? strcmp(error->message, "of the block") == 0 :
						 !error->message,
				"it was another task that said so");
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, what_is_said_belongs_to_the_task, .timeout = 300)
{
	struct model model = { .program = belongs };

	model_search("errors_belong", model, 3000);
}

/* What a forked call says where it was taken to is not said by the task that comes next there. */
static unsigned mutter(unsigned n)
{
	crew_fail(7, "of a fork");
	return n;
}
CREW_FORK1(mutter, unsigned, unsigned)

static int fork_and_spawn(void *arg)
{
	struct mutter_forked forked;
	const struct crew_error *error;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.policy = CREW_COLLECT, .errors = &errors));
	mutter_fork(&forked, 1);
	for (uintptr_t i = 0; i < 2; i++)
		crew_group_spawn(&group, plain, (void *)i);
	crew__sim_check(mutter_join(&forked) == 1, "a value was lost");
	crew_group_close(&group, 0);
	crew__sim_check(crew_errors_count(&errors) == 2, "two have failed");
	for (error = crew_errors_first(&errors); error; error = crew_error_next(error))
		crew__sim_check(!error->message, "it was a fork that said so");
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, what_a_fork_says_is_no_tasks, .timeout = 300)
{
	model_search("errors_fork", (struct model){ .program = fork_and_spawn }, 500);
}

/* ---- inside of a blocking call ------------------------------------------------------------- */

static int say_in_blocking(void *arg)
{
	return crew_blocking(say, arg);
}

static int blocking(void *arg)
{
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.policy = CREW_COLLECT, .errors = &errors));
	for (uintptr_t i = 1; i <= 2; i++)
		crew_group_spawn(&group, say_in_blocking, (void *)i);
	crew_group_close(&group, 0);
	check_errors(&errors, 2);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, a_spare_thread_speaks_for_the_task, .timeout = 300)
{
	struct model model = { .program = blocking, .lasts = -1 };

	model_search("errors_blocking", model, 1000);
}
