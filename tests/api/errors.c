/* SPDX-License-Identifier: MIT */
/*
 * errors.c - all failures of a group (crew/error.h): which are recorded, and what when there is
 * no memory. What tasks say about them is in errors_said.c, how they nest in errors_tree.c.
 */
#include "api/errors.h"

#include "base/alloc.h"

/* ---- what is recorded ------------------------------------------------------------ */

static int in_order(void *arg)
{
	int codes[] = { 5, 0, -7, CREW_EBROKEN, 3 };
	const struct crew_error *error;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	for (int i = 0; i < 4; i++)
		CHECK(spawn_and_wait(&group, fail, &codes[i]) == 0);
	CHECK(crew_group_close(&group, 3) == 5);
	CHECK(crew_errors_count(&errors) == 4);
	error = crew_errors_first(&errors);
	for (int i = 0; i < 5; i++) {
		if (!codes[i])
			continue;
		CHECK(error && error->rc == codes[i]);
		CHECK(!error->message && !error->place && !error->cause && !error->inside);
		error = crew_error_next(error);
	}
	CHECK(!error);
	crew_errors_fini(&errors);
	CHECK(crew_errors_count(&errors) == 0 && !crew_errors_first(&errors));
	return 0;
}

Test(errors, G4_children_and_block_in_the_order_in_which_they_ended, .timeout = 60)
{
	everywhere(in_order);
}

static int many_at_once(void *arg)
{
	int codes[3] = { 5, 6, 7 };
	unsigned seen = 0;
	struct crew_errors errors;
	struct crew_group group;
	int rc;

	(void)arg;
	open_collecting(&group, &errors);
	for (int i = 0; i < 999; i++)
		CHECK(crew_group_spawn(&group, i % 2 ? say : fail, &codes[i % 3]) == 0);
	rc = crew_group_close(&group, 0);
	CHECK(rc >= 5 && rc <= 7);
	CHECK(crew_errors_count(&errors) == 999);
	for (int i = 0; i < 3; i++)
		CHECK(crew_errors_match(&errors, codes[i]) == 333);
	for (const struct crew_error *error = crew_errors_first(&errors); error;
	     error = crew_error_next(error), seen++)
		CHECK(error->rc >= 5 && error->rc <= 7);
	CHECK(seen == CREW__ERRORS_MAX);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, are_counted_when_there_are_too_many, .timeout = 60)
{
	everywhere(many_at_once);
}

static int wait_for_cancel(void *arg)
{
	int rc;

	(void)arg;
	while ((rc = crew_checkpoint()) == 0)
		;
	return rc;
}

/* The same, but its cleaning up fails. */
static int wait_and_fail(void *arg)
{
	wait_for_cancel(NULL);
	return crew_fail(*(int *)arg, "while cleaning up");
}

static int cancelled_are_none(void *arg)
{
	int five = 5;
	int six = 6;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .errors = &errors));
	for (int i = 0; i < 3; i++)
		crew_group_spawn(&group, wait_for_cancel, NULL);
	crew_group_spawn(&group, wait_and_fail, &six);
	crew_group_spawn(&group, fail, &five);
	CHECK(crew_group_close(&group, 0) == 5);
	/* the other one never began, or failed while it was cancelled */
	CHECK(crew_errors_match(&errors, 5) == 1);
	CHECK(crew_errors_match(&errors, 6) == crew_errors_count(&errors) - 1);
	crew_errors_fini(&errors);
	return 0;
}

static int unexplained(void *arg)
{
	int cancelled = CREW_ECANCELED;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	CHECK(spawn_and_wait(&group, fail, &cancelled) == 0);
	CHECK(crew_group_close(&group, 0) == CREW_ECANCELED);
	CHECK(crew_errors_count(&errors) == 1);
	CHECK(crew_errors_first(&errors)->rc == CREW_ECANCELED);
	crew_errors_fini(&errors);
	/* and when there is a cancellation to obey */
	open_collecting(&group, &errors);
	CHECK(crew_group_spawn(&group, wait_for_cancel, NULL) == 0);
	crew_group_cancel(&group, "enough");
	CHECK(crew_group_close(&group, CREW_ECANCELED) == 0);
	CHECK(crew_errors_count(&errors) == 0);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, G4_whoever_obeyed_a_cancellation_is_none, .timeout = 60)
{
	everywhere(unexplained);
}

static struct crew_word begun;

static int begin_wait_and_fail(void *arg)
{
	crew__add_relaxed(&begun, 1);
	return wait_and_fail(arg);
}

static int kept_while_cancelled(void *arg)
{
	int six = 6;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	crew__store_relaxed(&begun, 0);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .errors = &errors));
	crew_group_spawn(&group, begin_wait_and_fail, &six);
	while (!crew__load_relaxed(&begun))
		crew_yield();
	CHECK(crew_group_close(&group, crew_fail(5, "first")) == 5);
	CHECK(crew_errors_count(&errors) == 2);
	CHECK(is(crew_errors_first(&errors)->message, "first"));
	CHECK(is(crew_error_next(crew_errors_first(&errors))->message, "while cleaning up"));
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, G5_G20_a_failure_during_cancellation_is_kept, .timeout = 60)
{
	everywhere(cancelled_are_none);
	everywhere(kept_while_cancelled);
}

static int supervised(void *arg)
{
	int codes[2] = { 5, 6 };
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	crew_group_open(&group,
			CREW_GROUP(.crew = test_crew, .policy = CREW_SUPERVISE, .errors = &errors));
	for (int i = 0; i < 2; i++)
		CHECK(spawn_and_wait(&group, say, &codes[i]) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_errors_count(&errors) == 2);
	CHECK(is(crew_errors_first(&errors)->message, "said of 5"));
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, G19_of_supervised_children_are_in_the_list_only, .timeout = 60)
{
	everywhere(supervised);
}

static int after_the_timeout(void *arg)
{
	int six = 6;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	crew__store_relaxed(&begun, 0);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .errors = &errors,
					   .timeout_ns = CREW_S(100)));
	CHECK(crew_group_spawn(&group, begin_wait_and_fail, &six) == 0);
	while (!crew__load_relaxed(&begun))
		crew_yield();
	crew__deadline_set(&group.scope, crew_now());
	CHECK(crew_group_close(&group, 0) == CREW_ETIMEDOUT);
	CHECK(crew_errors_count(&errors) == 1 && crew_errors_match(&errors, 6) == 1);
	crew_errors_fini(&errors);
	return 0;
}

static int before_the_timeout(void *arg)
{
	int five = 5;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .errors = &errors,
					   .timeout_ns = CREW_S(100)));
	CHECK(crew_group_spawn(&group, fail, &five) == 0);
	while (crew_check() == 0)
		crew_yield();
	CHECK(crew_group_close(&group, CREW_ECANCELED) == 5);
	CHECK(crew_errors_count(&errors) == 1);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, F12_G30_what_comes_after_the_timeout_is_kept, .timeout = 60)
{
	everywhere(after_the_timeout);
	everywhere(before_the_timeout);
}

static int scope_passes_it(void *arg)
{
	struct crew_errors errors;
	struct crew_group group;
	struct crew_scope scope;

	(void)arg;
	open_collecting(&group, &errors);
	crew_scope_fail_after(&scope, 0);
	CHECK(crew_check() == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, crew_fail(4, "in time")) == 4);
	CHECK(crew_group_close(&group, 4) == 4);
	CHECK(is(crew_errors_first(&errors)->message, "in time"));
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, E6_the_blocks_own_error_goes_through_a_scope, .timeout = 60)
{
	everywhere(scope_passes_it);
}

/* ---- memory ------------------------------------------------------------------------------- */

/* No memory for what it says, or for its error, or for either. */
static int say_without_memory(void *arg)
{
	int which = *(int *)arg;

	crew__alloc_fail_after(which & 1);
	crew_fail(5, "lost");
	crew__alloc_fail_after(which & 2 ? 1 : 0);
	return which & 2 ? 6 : 5;
}

static int without_memory(void *arg)
{
	(void)arg;
	for (int which = 0; which < 4; which++) {
		const struct crew_error *error;
		struct crew_errors errors;
		struct crew_group group;

		open_collecting(&group, &errors);
		CHECK(spawn_and_wait(&group, say_without_memory, &which) == 0);
		crew__alloc_fail_after(0);
		CHECK(crew_group_close(&group, 0) == (which & 2 ? 6 : 5));
		error = crew_errors_first(&errors);
		CHECK(crew_errors_count(&errors) == 1);
		CHECK(crew_errors_match(&errors, which & 2 ? 6 : 5) == 1);
		CHECK(which & 2 ? !error : is(error->message, which & 1 ? NULL : "lost"));
		crew_errors_fini(&errors);
	}
	/* a group without storage of its own: the code is all that is left */
	for (unsigned long call = 1; call < 6; call++) {
		struct crew_errors errors;
		struct crew_group group;

		open_collecting(&group, &errors);
		crew__alloc_fail_after(call);
		CHECK(spawn_and_wait(&group, two_fail, NULL) == 0);
		crew__alloc_fail_after(0);
		CHECK(crew_group_close(&group, 0) == 7);
		CHECK(crew_errors_count(&errors) == 1);
		crew_errors_fini(&errors);
	}
	return 0;
}

Test(errors, R11_without_memory_are_counted, .timeout = 60)
{
	for (int round = 0; round < 2; round++) {
		struct crew *crew = start_crew(1);

		cr_assert_eq(crew_run(crew, without_memory, NULL), 0);
		cr_assert_eq(crew_stop(crew), 0);
	}
}

#ifdef ERRORS_COUNT_MEMORY

static int some_of_everything(void *arg)
{
	CHECK(in_order(arg) == 0);
	CHECK(many_at_once(arg) == 0);
	CHECK(kept_while_cancelled(arg) == 0);
	CHECK(supervised(arg) == 0);
	return 0;
}

Test(errors, R10_everything_is_given_back, .timeout = 60)
{
	gives_everything_back(some_of_everything, 0);
}

#endif

/* ---- bad options ----------------------------------------------------------------------------- */

static int refused(void *arg)
{
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	memset(&errors, 0xa5, sizeof(errors));
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .policy = (enum crew_policy)7,
					   .errors = &errors));
	CHECK(crew_group_close(&group, 3) == CREW_EINVAL);
	CHECK(crew_errors_count(&errors) == 0);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, of_a_refused_group_are_none, .timeout = 60)
{
	everywhere(refused);
}
