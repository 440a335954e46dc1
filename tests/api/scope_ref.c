/* SPDX-License-Identifier: MIT */
/* scope_ref.c - handles of scopes, which may outlive them. */
#include "api/scope.h"

#include "base/alloc.h"

#include <stdlib.h>

#define LONG CREW_S(100)

static int outlives(void *arg)
{
	struct crew_scope_ref *ref;
	struct crew_scope_ref *same;
	struct crew_scope scope;

	(void)arg;
	crew_scope_init(&scope, NULL);
	ref = crew_scope_take_ref(&scope);
	CHECK(ref && !crew_scope_ref_cancelled(ref));
	crew_scope_enter(&scope);
	same = crew_scope_take_ref(&scope);
	crew_scope_ref_cancel(ref, "by handle");
	CHECK(crew_sleep(LONG) == CREW_ECANCELED && crew_scope_cancelled(&scope));
	CHECK(crew_scope_ref_cancelled(same));
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	crew_scope_ref_drop(ref);
	memset(&scope, 0xa5, sizeof(scope));
	CHECK(crew_scope_ref_cancelled(same));
	crew_scope_ref_cancel(same, "too late");
	crew_scope_ref_drop(same);
	crew_scope_ref_drop(NULL);

	crew_scope_open(&scope, NULL);
	ref = crew_scope_take_ref(&scope);
	CHECK(crew_scope_close(&scope, 0) == 0);
	CHECK(!crew_scope_take_ref(&scope));
	crew_scope_ref_cancel(ref, "too late");
	CHECK(!crew_scope_ref_cancelled(ref) && !crew_scope_cancelled(&scope));
	crew_scope_ref_drop(ref);
	return 0;
}

Test(scope_ref, a_handle_outlives_its_scope_and_knows_what_became_of_it, .timeout = 60)
{
	everywhere(outlives);
}

Test(scope_ref, without_memory_there_is_none)
{
	struct crew_scope scope;

	crew_scope_open(&scope, NULL);
	crew__alloc_fail_after(1);
	cr_assert_null(crew_scope_take_ref(&scope));
	crew__alloc_fail_after(0);
	cr_assert_eq(crew_scope_close(&scope, 0), 0);
}

/* Two threads cancel by handle, while the owner opens and closes as fast as it can. */
static struct crew__lock offer_lock;
static struct crew_scope_ref *offer; /* guarded by offer_lock */
static struct crew_word over;

static void *take_offers(void *arg)
{
	(void)arg;
	while (!crew__load_acquire(&over)) {
		struct crew_scope_ref *ref;

		crew__lock_acquire(&offer_lock);
		ref = offer;
		offer = NULL;
		crew__lock_release(&offer_lock);
		if (ref)
			crew_scope_ref_cancel(ref, NULL);
		crew_scope_ref_drop(ref);
	}
	return NULL;
}

static int make_offers(void *arg)
{
	(void)arg;
	for (int i = 0; i < 20000; i++) {
		struct crew_scope_ref *old;
		struct crew_scope scope;
		int rc;

		crew_scope_open(&scope, NULL);
		crew__lock_acquire(&offer_lock);
		old = offer;
		offer = crew_scope_take_ref(&scope);
		crew__lock_release(&offer_lock);
		crew_scope_ref_drop(old);
		rc = i % 4 ? crew_sleep(1) : 0;
		rc = crew_scope_close(&scope, rc);
		CHECK(rc == 0 && crew_check() == 0);
		memset(&scope, 0xa5, sizeof(scope));
	}
	return 0;
}

Test(scope_ref, handles_race_with_closing, .timeout = 60)
{
	struct crew *crew = start_crew(2);
	pthread_t threads[2];

	crew__store_relaxed(&over, 0);
	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, take_offers, NULL), 0);
	cr_assert_eq(crew_run(crew, make_offers, NULL), 0);
	crew__store_release(&over, 1);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	crew_scope_ref_drop(offer);
	offer = NULL;
	stop(crew);
}
