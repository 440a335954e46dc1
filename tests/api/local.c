/* SPDX-License-Identifier: MIT */
/* local.c - values that are bound for a block and the tasks in it. */
#include "api/scope.h"

static const char key;
static const char other_key;
static int values[4];

static int nested(void *arg)
{
	struct crew_local bindings[4];
	struct crew_scope outer;
	struct crew_scope inner;

	(void)arg;
	CHECK(!crew_local_get(&key));
	crew_scope_open(&outer, NULL);
	CHECK(crew_local_set(NULL, &key, &values[0]) == CREW_EINVAL);
	CHECK(crew_local_set(&bindings[0], NULL, &values[0]) == CREW_EINVAL);
	CHECK(crew_local_set(&bindings[0], &key, &values[0]) == 0);
	CHECK(crew_local_set(&bindings[0], &key, &values[1]) == CREW_EINVAL); /* it is in use */
	CHECK(crew_local_get(&key) == &values[0] && !crew_local_get(&other_key));
	CHECK(crew_local_set(&bindings[1], &other_key, &values[1]) == 0);
	crew_scope_open(&inner, CREW_SCOPE(.shield = true));
	CHECK(crew_local_get(&key) == &values[0] && crew_local_get(&other_key) == &values[1]);
	CHECK(crew_local_set(&bindings[2], &key, &values[2]) == 0);
	CHECK(crew_local_get(&key) == &values[2]);
	CHECK(crew_local_set(&bindings[3], &key, &values[3]) == 0);
	CHECK(crew_local_get(&key) == &values[3]);
	CHECK(crew_scope_close(&inner, 0) == 0);
	CHECK(crew_local_get(&key) == &values[0]);
	CHECK(crew_scope_close(&outer, 0) == 0);
	CHECK(!crew_local_get(&key) && !crew_local_get(&other_key));
	return 0;
}

Test(local, the_innermost_binding_counts_until_its_scope_ends, .timeout = 60)
{
	everywhere(nested);
}

/* ---- tasks ---------------------------------------------------------------------------- */

/* Sees what is bound around its group; binds only in a scope of its own. */
static int look(void *arg)
{
	struct crew_local binding;
	struct crew_scope scope;

	(void)arg;
	CHECK(crew_local_get(&key) == &values[0] && crew_local_get(&other_key) == &values[1]);
	CHECK(crew_local_set(&binding, &key, &values[2]) == CREW_ESTATE);
	crew_yield();
	CHECK(crew_local_get(&key) == &values[0]);
	crew_scope_open(&scope, NULL);
	CHECK(crew_local_set(&binding, &key, &values[2]) == 0);
	crew_yield();
	CHECK(crew_local_get(&key) == &values[2]);
	CHECK(crew_scope_close(&scope, 0) == 0);
	CHECK(crew_local_get(&key) == &values[0]);
	return 0;
}

static int tasks(void *arg)
{
	struct crew_local bindings[3];
	struct crew_scope scope;
	struct crew_group group;
	struct crew_scope inner;
	int rc;

	(void)arg;
	crew_scope_open(&scope, NULL);
	CHECK(crew_local_set(&bindings[0], &key, &values[0]) == 0);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	CHECK(crew_local_set(&bindings[1], &other_key, &values[1]) == 0);
	/* what is bound further inside is not around the group */
	crew_scope_open(&inner, NULL);
	CHECK(crew_local_set(&bindings[2], &key, &values[3]) == 0);
	for (int i = 0; i < 10; i++)
		CHECK(crew_group_spawn(&group, look, NULL) == 0);
	CHECK(crew_scope_close(&inner, 0) == 0);
	rc = crew_group_close(&group, 0);
	CHECK(rc == 0);
	return crew_scope_close(&scope, 0);
}

Test(local, tasks_see_what_is_bound_around_their_group, .timeout = 60)
{
	everywhere(tasks);
}

static int set_while_closing(void *arg)
{
	struct crew_local binding;
	struct crew_group group;
	int rc;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	CHECK(crew_local_set(&binding, &key, &values[0]) == 0);
	CHECK(crew_local_get(&key) == &values[0]);
	rc = crew_group_close(&group, 0);
	CHECK(rc == 0 && !crew_local_get(&key));
	return 0;
}

Test(local, bindings_of_a_group_end_with_it, .timeout = 60)
{
	everywhere(set_while_closing);
}

Test(local, outside_of_all_scopes_nothing_is_bound)
{
	struct crew_local binding;

	cr_assert_eq(crew_local_set(&binding, &key, values), CREW_ESTATE);
	cr_assert_null(crew_local_get(&key));
}
