/* SPDX-License-Identifier: MIT */
/*
 * model/local.c - binding beside tasks that look (scope/local.c): what is found is whole, and
 * what was bound before the task was spawned is found.
 */
#include "model/model.h"

static const char early_key;
static const char late_key;

static int look(void *arg)
{
	const int *early = crew_local_get(&early_key);
	const int *late = crew_local_get(&late_key);

	(void)arg;
	crew__sim_check(early && *early == 1, "what was bound before the spawn");
	crew__sim_check(!late || *late == 2, "half of a binding");
	return 0;
}

static int bind_beside(void *arg)
{
	struct crew_local bindings[2];
	struct crew_scope scope;
	struct crew_group *group;
	int numbers[2] = { 1, 0 };

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew__sim_check(crew_local_set(&bindings[0], &early_key, &numbers[0]) == 0, "set");
	group = model_open(NULL);
	crew_group_spawn(group, look, NULL);
	crew_group_spawn(group, look, NULL);
	crew_yield();
	numbers[1] = 2;
	crew__sim_check(crew_local_set(&bindings[1], &late_key, &numbers[1]) == 0, "set");
	return crew_scope_close(&scope, model_close(group, 0));
}

Test(local, is_bound_while_tasks_look, .timeout = 300)
{
	struct model model = { .program = bind_beside };

	model_search("local", model, 2000);
}
