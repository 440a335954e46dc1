/* SPDX-License-Identifier: MIT */
/* scope_defer.c - what is deferred runs when a scope or a group is closed. */
#include "api/scope.h"

#define LONG CREW_S(100)

/* Digits, in the order of the calls. */
static int order;

static void one(void *arg)
{
	*(int *)arg = *(int *)arg * 10 + 1;
}

static void two(void *arg)
{
	*(int *)arg = *(int *)arg * 10 + 2;
}

static void three(void *arg)
{
	*(int *)arg = *(int *)arg * 10 + 3;
}

static int last_in_first_out(void *arg)
{
	static const int ends[] = { 0, 7, CREW_ECANCELED };

	(void)arg;
	for (int i = 0; i < 3; i++) {
		struct crew_defer entries[3];
		struct crew_scope scope;
		int rc;

		order = 0;
		crew_scope_open(&scope, NULL);
		CHECK(crew_scope_defer(&scope, &entries[0], NULL, NULL) == CREW_EINVAL);
		CHECK(crew_scope_defer(&scope, &entries[0], one, &order) == 0);
		CHECK(crew_scope_defer(&scope, &entries[1], two, &order) == 0);
		CHECK(crew_scope_defer(&scope, &entries[2], three, &order) == 0);
		if (i == 2)
			crew_scope_cancel(&scope, NULL);
		CHECK(order == 0);
		rc = crew_scope_close(&scope, ends[i]);
		CHECK(order == 321 && rc == (i == 1 ? 7 : 0));
		CHECK(crew_scope_close(&scope, 0) == CREW_ESTATE && order == 321);
		CHECK(crew_scope_defer(&scope, &entries[0], one, &order) == CREW_ESTATE);
		crew_scope_init(&scope, NULL);
		CHECK(crew_scope_defer(&scope, &entries[0], one, &order) == CREW_ESTATE);
	}
	return 0;
}

Test(scope_defer, last_in_first_out_however_the_block_ends, .timeout = 60)
{
	everywhere(last_in_first_out);
}

/* ---- in the scope ------------------------------------------------------------------- */

struct cleanup {
	struct crew_scope *scope;
	struct crew_defer entry;
	int plain;
	int shielded;
	int closed;
	int deferred;
};

static void wait_in_it(void *arg)
{
	struct cleanup *cleanup = (struct cleanup *)arg;
	struct crew_scope shield;

	cleanup->plain = crew_sleep(CREW_US(1));
	cleanup->closed = crew_scope_close(cleanup->scope, 0);
	cleanup->deferred = crew_scope_defer(cleanup->scope, &cleanup->entry, one, &order);
	crew_scope_open(&shield, CREW_SCOPE(.shield = true, .timeout_ns = LONG));
	cleanup->shielded = crew_sleep(CREW_US(1));
	crew_scope_close(&shield, 0);
}

static int waiting(void *arg)
{
	struct cleanup cleanup = { .plain = 1, .shielded = 1 };
	struct crew_defer entry;
	struct crew_scope scope;

	(void)arg;
	cleanup.scope = &scope;
	crew_scope_open(&scope, NULL);
	crew_scope_defer(&scope, &entry, wait_in_it, &cleanup);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0 && crew_check() == 0);
	CHECK(cleanup.plain == CREW_ECANCELED && cleanup.shielded == 0);
	CHECK(cleanup.closed == CREW_ESTATE && cleanup.deferred == CREW_ESTATE);
	return 0;
}

Test(scope_defer, runs_in_the_scope_and_waits_behind_a_shield, .timeout = 60)
{
	everywhere(waiting);
}

/* ---- groups ---------------------------------------------------------------------------- */

struct of_group {
	struct crew_group group;
	struct crew_word ended;
	uint64_t seen;
	int spawned;
	int waited;
};

static int end(void *arg)
{
	crew_yield();
	crew__add_acq_rel((struct crew_word *)arg, 1);
	return 0;
}

static void look_and_spawn(void *arg)
{
	struct of_group *of = (struct of_group *)arg;

	of->seen = crew__load_acquire(&of->ended);
	of->spawned = crew_group_spawn(&of->group, end, &of->ended);
	of->waited = crew_group_wait(&of->group);
}

static int defer_anothers(void *arg)
{
	struct of_group *of = (struct of_group *)arg;
	struct crew_defer entry;

	crew__add_acq_rel(&of->ended, 1);
	return crew_group_defer(&of->group, &entry, one, &order) == CREW_ESTATE ? 0 : 1;
}

static int after_the_children(void *arg)
{
	static const int ends[] = { 0, 7 };

	(void)arg;
	for (int i = 0; i < 2; i++) {
		struct crew_defer entries[3];
		struct of_group of = { .seen = 0 };
		int rc;

		order = 0;
		crew_group_open(&of.group, CREW_GROUP(.crew = test_crew));
		CHECK(crew_group_defer(&of.group, &entries[0], NULL, NULL) == CREW_EINVAL);
		CHECK(crew_group_defer(&of.group, &entries[0], one, &order) == 0);
		CHECK(crew_group_defer(&of.group, &entries[1], two, &order) == 0);
		CHECK(crew_group_defer(&of.group, &entries[2], look_and_spawn, &of) == 0);
		CHECK(crew_group_spawn(&of.group, end, &of.ended) == 0);
		CHECK(crew_group_spawn(&of.group, defer_anothers, &of) == 0);
		CHECK(crew_group_wait(&of.group) == 0 && order == 0);
		rc = crew_group_close(&of.group, ends[i]);
		CHECK(rc == ends[i] && order == 21 && of.seen == 2);
		CHECK(of.spawned == (i ? CREW_ECANCELED : 0));
		CHECK(crew__load_acquire(&of.ended) == (i ? 2 : 3));
		CHECK(of.waited == CREW_ESTATE);
		CHECK(crew_group_defer(&of.group, &entries[0], one, &order) == CREW_ESTATE);
	}
	return 0;
}

Test(scope_defer, of_a_group_after_its_children, .timeout = 60)
{
	everywhere(after_the_children);
}

static int refused(void *arg)
{
	struct crew_defer entry;
	struct crew_group group;

	(void)arg;
	order = 0;
	crew_group_open(&group, CREW_GROUP(.policy = (enum crew_policy)77));
	CHECK(crew_group_defer(&group, &entry, one, &order) == 0);
	CHECK(crew_group_close(&group, 0) == CREW_EINVAL && order == 1);
	return 0;
}

Test(scope_defer, of_a_group_with_bad_options, .timeout = 60)
{
	everywhere(refused);
}

static int twice(void *arg)
{
	struct crew_defer entries[3];
	struct crew_group group;
	struct crew_scope scope;

	(void)arg;
	for (int i = 0; i < 3; i++) { /* the newest, one between, the oldest */
		order = 0;
		crew_scope_open(&scope, NULL);
		CHECK(crew_scope_defer(&scope, &entries[0], one, &order) == 0);
		CHECK(crew_scope_defer(&scope, &entries[1], two, &order) == 0);
		CHECK(crew_scope_defer(&scope, &entries[2], three, &order) == 0);
		CHECK(crew_scope_defer(&scope, &entries[i], one, &order) == CREW_EINVAL);
		CHECK(crew_scope_close(&scope, 0) == 0 && order == 321);
	}
	order = 0;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	CHECK(crew_group_defer(&group, &entries[0], one, &order) == 0);
	CHECK(crew_group_defer(&group, &entries[0], two, &order) == CREW_EINVAL);
	CHECK(crew_group_close(&group, 0) == 0 && order == 1);
	return 0;
}

Test(scope_defer, nothing_twice, .timeout = 60)
{
	everywhere(twice);
}
