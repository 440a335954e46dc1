/* SPDX-License-Identifier: MIT */
/* scope_link.c - scopes that are cancelled with others, which are not around them. */
#include "api/scope.h"

#define LONG CREW_S(100)

static int tokens(void *arg)
{
	struct crew_cancel_info info = { .size = sizeof(info) };
	struct crew_scope token[2];
	struct crew_scope scope;
	struct crew_link link[2];

	(void)arg;
	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < 2; j++)
			crew_scope_init(&token[j], NULL);
		crew_scope_open(&scope, NULL);
		for (int j = 0; j < 2; j++)
			CHECK(crew_scope_link(&scope, &link[j], &token[j]) == 0);
		CHECK(crew_check() == 0);
		crew_scope_cancel(&token[i], i ? "the second" : "the first");
		CHECK(crew_sleep(LONG) == CREW_ECANCELED && crew_scope_cancelled(&scope));
		CHECK(crew_read_cancel_info(&info) && info.source == CREW_BY_CALL);
		CHECK(strcmp(info.reason, i ? "the second" : "the first") == 0);
		CHECK(!crew_scope_cancelled(&token[!i]));
		CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0 && crew_check() == 0);
		crew_scope_cancel(&token[!i], "too late");
	}
	/* what is cancelled already cancels at once */
	crew_scope_open(&scope, NULL);
	CHECK(crew_scope_link(&scope, &link[0], &token[0]) == 0);
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_scope_unlink(&link[0]));
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	CHECK(crew_scope_link(&scope, &link[0], &token[0]) == CREW_ESTATE);
	return 0;
}

Test(scope_link, any_of_several_tokens_cancels, .timeout = 60)
{
	everywhere(tokens);
}

static int until_unlinked(void *arg)
{
	struct crew_scope token;
	struct crew_scope scope;
	struct crew_link link;

	(void)arg;
	crew_scope_init(&token, NULL);
	crew_scope_open(&scope, NULL);
	CHECK(crew_scope_link(&scope, &link, &token) == 0);
	CHECK(!crew_scope_unlink(&link));
	crew_scope_cancel(&token, NULL);
	CHECK(crew_check() == 0 && crew_scope_close(&scope, 0) == 0);
	memset(&link, 0xa5, sizeof(link));
	/* prepared, linked, cancelled, entered */
	crew_scope_init(&token, NULL);
	crew_scope_init(&scope, NULL);
	CHECK(crew_scope_link(&scope, &link, &token) == 0);
	crew_scope_cancel(&token, NULL);
	crew_scope_enter(&scope);
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	return 0;
}

Test(scope_link, until_it_is_taken_out, .timeout = 60)
{
	everywhere(until_unlinked);
}

static int deadline_of_another(void *arg)
{
	struct crew_scope source;
	struct crew_scope inner;
	struct crew_scope scope;
	struct crew_link link;
	int rc;

	(void)arg;
	crew_scope_move_on_after(&source, CREW_MS(1));
	crew_scope_open(&inner, NULL);
	crew_scope_open(&scope, CREW_SCOPE(.shield = true, .on_deadline = CREW_FAIL));
	CHECK(crew_scope_link(&scope, &link, &inner) == 0);
	rc = crew_sleep(LONG);
	CHECK(rc == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, rc) == CREW_ETIMEDOUT);
	CHECK(crew_scope_close(&inner, CREW_ECANCELED) == CREW_ECANCELED);
	CHECK(crew_scope_close(&source, CREW_ECANCELED) == 0);
	return 0;
}

Test(scope_link, brings_the_source_of_what_is_around_its_source, .timeout = 60)
{
	everywhere(deadline_of_another);
}

#define CHAIN 20000

static int chain(void *arg)
{
	static struct crew_scope scopes[CHAIN];
	static struct crew_link links[CHAIN];

	(void)arg;
	for (int i = 0; i < CHAIN; i++) {
		crew_scope_init(&scopes[i], NULL);
		if (i)
			CHECK(crew_scope_link(&scopes[i], &links[i], &scopes[i - 1]) == 0);
	}
	CHECK(crew_scope_link(&scopes[0], &links[0], &scopes[CHAIN - 1]) == 0);
	crew_scope_cancel(&scopes[CHAIN / 2], NULL);
	for (int i = 0; i < CHAIN; i++)
		CHECK(crew_scope_cancelled(&scopes[i]) && crew_scope_unlink(&links[i]));
	return 0;
}

Test(scope_link, a_long_ring_needs_no_stack, .timeout = 60)
{
	everywhere(chain);
}

static int handles(void *arg)
{
	struct crew_cancel_info info = { .size = sizeof(info) };
	struct crew_scope source;
	struct crew_scope scope;
	struct crew_link links[2];
	struct crew_scope_ref *ref;

	(void)arg;
	crew_scope_init(&source, NULL);
	ref = crew_scope_take_ref(&source);
	crew_scope_enter(&source);
	crew_scope_open(&scope, CREW_SCOPE(.shield = true));
	CHECK(crew_scope_link_ref(&scope, &links[0], ref) == 0 && crew_check() == 0);
	crew_scope_ref_cancel(ref, "by handle");
	CHECK(crew_check() == CREW_ECANCELED && crew_scope_unlink(&links[0]));
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	CHECK(crew_scope_close(&source, CREW_ECANCELED) == 0);
	/* it is gone, and had been cancelled */
	crew_scope_open(&scope, NULL);
	CHECK(crew_scope_link_ref(&scope, &links[0], ref) == 0);
	CHECK(crew_check() == CREW_ECANCELED && crew_read_cancel_info(&info));
	CHECK(strcmp(info.reason, "by handle") == 0 && info.source == CREW_BY_CALL);
	CHECK(crew_scope_unlink(&links[0]));
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0 && crew_scope_unlink(&links[0]));
	crew_scope_ref_drop(ref);
	/* it is gone, and had not */
	crew_scope_open(&source, NULL);
	ref = crew_scope_take_ref(&source);
	CHECK(crew_scope_close(&source, 0) == 0);
	crew_scope_open(&scope, NULL);
	CHECK(crew_scope_link_ref(&scope, &links[0], ref) == 0 && crew_check() == 0);
	CHECK(!crew_scope_unlink(&links[0]));
	CHECK(crew_scope_close(&scope, 0) == 0);
	CHECK(crew_scope_link_ref(&scope, &links[0], ref) == CREW_ESTATE);
	crew_scope_ref_drop(ref);
	return 0;
}

Test(scope_link, to_a_handle_also_of_a_scope_that_is_gone, .timeout = 60)
{
	everywhere(handles);
}

/* Only who owns a scope links it. */
static int link_anothers(void *arg)
{
	struct crew_scope *scope = (struct crew_scope *)arg;
	struct crew_link link;
	struct crew_scope token;

	crew_scope_init(&token, NULL);
	return crew_scope_link(scope, &link, &token) == CREW_ESTATE ? 0 : 1;
}

static int not_by_others(void *arg)
{
	struct crew_scope scope;
	struct crew_group group;
	int rc;

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew_group_open(&group, NULL);
	crew_group_spawn_task(&group, link_anothers, &scope, CREW_TASK(.flags = CREW_TASK_PINNED),
			      NULL);
	rc = crew_group_close(&group, 0);
	CHECK(rc == 0);
	return crew_scope_close(&scope, 0);
}

/* What was refused may be taken out as well, whatever the storage was used for before. */
static int not_to_closed_ones(void *arg)
{
	struct crew_scope scope;
	struct crew_scope source;
	struct crew_link link;

	(void)arg;
	crew_scope_init(&source, NULL);
	crew_scope_cancel(&source, NULL);
	crew_scope_open(&scope, NULL);
	CHECK(crew_scope_link(&scope, &link, &source) == 0);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0 && crew_scope_unlink(&link));
	crew_scope_open(&source, NULL);
	CHECK(crew_scope_close(&source, 0) == 0);
	crew_scope_open(&scope, NULL);
	CHECK(crew_scope_link(&scope, &link, &source) == CREW_ESTATE);
	CHECK(!crew_scope_unlink(&link));
	return crew_scope_close(&scope, 0);
}

Test(scope_link, not_to_closed_ones, .timeout = 60)
{
	everywhere(not_to_closed_ones);
}

Test(scope_link, not_by_others, .timeout = 60)
{
	struct crew *crew = start_crew(1);

	cr_assert_eq(crew_run(crew, not_by_others, NULL), 0);
	cr_assert_eq(crew_stop(crew), 0);
}

/* ---- used twice ---- */

static int twice(void *arg)
{
	struct crew_scope tokens_of[2];
	struct crew_scope_ref *ref;
	struct crew_link links[2];
	struct crew_scope scope;

	(void)arg;
	for (int i = 0; i < 2; i++) {
		for (int j = 0; j < 2; j++)
			crew_scope_init(&tokens_of[j], NULL);
		crew_scope_open(&scope, NULL);
		ref = crew_scope_take_ref(&scope);
		for (int j = 0; j < 2; j++)
			CHECK(crew_scope_link(&scope, &links[j], &tokens_of[j]) == 0);
		CHECK(crew_scope_link(&scope, &links[i], &tokens_of[i]) == CREW_EINVAL);
		CHECK(crew_scope_link(&scope, &links[i], &tokens_of[!i]) == CREW_EINVAL);
		CHECK(crew_scope_link_ref(&scope, &links[i], ref) == CREW_EINVAL);
		CHECK(crew_check() == 0);
		crew_scope_cancel(&tokens_of[i], NULL); /* it is what it was */
		CHECK(crew_check() == CREW_ECANCELED && crew_scope_unlink(&links[i]));
		CHECK(crew_scope_link(&scope, &links[i], &tokens_of[i]) == CREW_EINVAL);
		CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
		crew_scope_ref_drop(ref);
	}
	return 0;
}

Test(scope_link, is_used_for_nothing_else_meanwhile, .timeout = 60)
{
	everywhere(twice);
}
