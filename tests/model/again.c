/* SPDX-License-Identifier: MIT */
/* model/again.c - things that are used a second time, or that end in two ways at once. */
#include "model/model.h"

/* Stacks that were given back to the system while nobody needed them. */
static int waves_program(void *arg)
{
	(void)arg;
	for (uintptr_t wave = 0; wave < 2; wave++) {
		struct crew_group *group = model_open(NULL);

		for (uintptr_t i = 0; i < 8; i++)
			crew_group_spawn(group, model_sleep, (void *)(8 * wave + i));
		crew__sim_check(model_close(group, 0) == 0, "close failed");
		crew__sim_check(crew_sleep(CREW_MS(10)) == 0, "sleep failed");
	}
	model_check_ran(0, 16);
	return 0;
}

Test(again, stacks_that_were_given_back, .timeout = 300)
{
	struct model model = { .program = waves_program, .lasts = -1, .workers = 1 };

	model_search_with("waves", model, (struct crew__sim_options){ .seed = 0 }, 1000);
	model.workers = 2;
	model_search_with("waves", model, (struct crew__sim_options){ .early_one_in = 8 }, 1000);
}

/* A sleep that is over when it is cancelled: the timer has taken it out already. */
static int short_sleep(void *arg)
{
	(void)arg;
	return crew_sleep(CREW_US(50));
}

static int failing_task(void *arg)
{
	(void)arg;
	return 7;
}

static int over_program(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	for (int i = 0; i < 3; i++)
		crew_group_spawn(group, short_sleep, NULL);
	crew_sleep(CREW_US(50));
	crew_group_spawn(group, failing_task, NULL);
	return model_close(group, 7);
}

Test(again, sleeps_end_and_are_cancelled, .timeout = 300)
{
	struct model model = { .program = over_program, .expected = 7, .lasts = -1 };

	for (model.workers = 1; model.workers <= 2; model.workers++)
		model_search_with("over", model, (struct crew__sim_options){ .early_one_in = 4 },
				  3000);
}

/* A failure looks at every fiber that waits. Those that it does not concern sleep on, and
 * wake; what was noted for them ends no later wait. */
static int undisturbed(void *arg)
{
	(void)arg;
	for (int i = 0; i < 3; i++)
		crew__sim_check(crew_sleep(CREW_US(50)) == 0, "a stranger's failure ended a sleep");
	return 0;
}

static int fail_later(void *arg)
{
	(void)arg;
	crew_sleep(CREW_US(50));
	return 7;
}

static int strangers_program(void *arg)
{
	struct crew_group *group = model_open(NULL);
	struct crew_group *inner;

	(void)arg;
	crew_group_spawn(group, undisturbed, NULL);
	inner = model_open(NULL);
	crew_group_spawn(inner, fail_later, NULL);
	crew_group_spawn(inner, short_sleep, NULL);
	crew__sim_check(model_close(inner, 0) == 7, "close said something else");
	return model_close(group, 0);
}

Test(again, a_failure_disturbs_no_strangers, .timeout = 300)
{
	struct model model = { .program = strangers_program, .lasts = -1 };

	model_search("strangers", model, 2000);
}
