/* SPDX-License-Identifier: MIT */
/* errors.c - all failures of a group (crew/error.h), and what tasks say about them. */
#include "api/scope.h"

#include "base/alloc.h"
#include "base/config.h"
#include "crew/fork.h"

#include <malloc.h>
#include <stdlib.h>

#define NAMED(name_) CREW_TASK(.name = (name_))

static int fail(void *arg)
{
	return *(int *)arg;
}

static int say(void *arg)
{
	int *rc = (int *)arg;

	return crew_fail(*rc, "said of %d", *rc);
}

/* Says something, and does well. */
static int recover(void *arg)
{
	say(arg);
	return 0;
}

static bool is(const char *text, const char *expected)
{
	return expected ? text && strcmp(text, expected) == 0 : !text;
}

static const char *file_of(const char *place)
{
	const char *name = place ? strrchr(place, '/') : NULL;

	return name ? name + 1 : place;
}

/* One child after the other: the order in which they end is known. */
static int spawn_and_wait(struct crew_group *group, crew_task_fn *fn, int *rc)
{
	CHECK(crew_group_spawn(group, fn, rc) == 0);
	return crew_group_wait(group);
}

static void open_collecting(struct crew_group *group, struct crew_errors *errors)
{
	crew_group_open(group,
			CREW_GROUP(.crew = test_crew, .policy = CREW_COLLECT, .errors = errors));
}

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

/* ---- what tasks say ---------------------------------------------------------------- */

static int message_and_place(void *arg)
{
	int five = 5;
	const struct crew_error *error;
	struct crew_errors errors;
	struct crew_group group;
	char line[32];

	(void)arg;
	open_collecting(&group, &errors);
	crew_group_spawn_task_at(&group, say, &five, NAMED("black sheep"), NULL, "here:1");
	CHECK(crew_group_wait(&group) == 0);
	snprintf(line, sizeof(line), "errors.c:%d", __LINE__ + 1);
	CHECK(crew_group_close(&group, crew_fail(6, "%s", "block")) == 5);
	error = crew_errors_first(&errors);
	CHECK(error->rc == 5 && is(error->message, "said of 5"));
	CHECK(is(error->task, "black sheep") && is(error->site, "here:1"));
	CHECK(strncmp(file_of(error->place), "errors.c:", 9) == 0);
	error = crew_error_next(error);
	CHECK(error->rc == 6 && is(error->message, "block") && is(file_of(error->place), line));
	CHECK(!error->task && !crew_error_next(error));
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, say_what_where_and_who, .timeout = 60)
{
	everywhere(message_and_place);
}

static int long_message(void *arg)
{
	static char text[1000];

	(void)arg;
	memset(text, 'x', sizeof(text) - 1);
	return crew_fail(5, "%s", text);
}

static int is_cut(void *arg)
{
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	CHECK(spawn_and_wait(&group, long_message, NULL) == 0);
	CHECK(crew_group_close(&group, 0) == 5);
	CHECK(strlen(crew_errors_first(&errors)->message) == CREW__MESSAGE_BYTES - 1);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, have_messages_of_bounded_length, .timeout = 60)
{
	in_tasks(is_cut);
}

static int chain(void *arg)
{
	(void)arg;
	crew_fail(1, "disk");
	crew_fail(2, "file");
	return crew_fail(3, "page");
}

/* Goes on with the second of three. */
static int chain_and_return_two(void *arg)
{
	chain(arg);
	return 2;
}

static int causes(void *arg)
{
	const struct crew_error *error;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	CHECK(spawn_and_wait(&group, chain, NULL) == 0);
	CHECK(spawn_and_wait(&group, chain_and_return_two, NULL) == 0);
	CHECK(crew_group_close(&group, 0) == 3);
	error = crew_errors_first(&errors);
	CHECK(error->rc == 3 && is(error->message, "page"));
	CHECK(error->cause->rc == 2 && is(error->cause->message, "file"));
	CHECK(error->cause->cause->rc == 1 && !error->cause->cause->cause);
	error = crew_error_next(error);
	CHECK(error->rc == 2 && is(error->message, "file") && error->cause->rc == 1);
	CHECK(crew_errors_count(&errors) == 2);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, have_what_was_said_before_as_their_cause, .timeout = 60)
{
	everywhere(causes);
}

static int retry_for_long(void *arg)
{
	(void)arg;
	for (int i = 1; i < 1000; i++)
		crew_fail(i, "try %d", i);
	return 999;
}

static int causes_are_bounded(void *arg)
{
	unsigned depth = 0;
	int expected = 999;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	CHECK(spawn_and_wait(&group, retry_for_long, NULL) == 0);
	CHECK(crew_group_close(&group, 0) == 999);
	for (const struct crew_error *error = crew_errors_first(&errors); error;
	     error = error->cause, depth++)
		CHECK(error->rc == expected--);
	CHECK(depth == CREW__ERRORS_MAX);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, have_bounded_causes, .timeout = 60)
{
	everywhere(causes_are_bounded);
}

static int say_another(void *arg)
{
	say(arg);
	return 9;
}

/* What one child says is no other's, and not its parent's. */
static int belongs_to_the_task(void *arg)
{
	int five = 5;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	CHECK(crew_fail(5, "of the block") == 5);
	/* mostly in place, the newest first, between the others */
	for (int i = 0; i < 10; i++) {
		crew_group_spawn(&group, fail, &five);
		crew_group_spawn(&group, i % 2 ? recover : say_another, &five);
	}
	CHECK(crew_group_close(&group, 0) != 0);
	CHECK(crew_errors_count(&errors) == 15);
	for (const struct crew_error *error = crew_errors_first(&errors); error;
	     error = crew_error_next(error))
		CHECK(!error->message);
	crew_errors_fini(&errors);
	/* what the block said outlives the group */
	open_collecting(&group, &errors);
	CHECK(crew_group_close(&group, 5) == 5);
	CHECK(is(crew_errors_first(&errors)->message, "of the block"));
	crew_errors_fini(&errors);
	return 0;
}

/* On a plain thread what is said is kept while there is something around it. */
static int in_a_scope(void *arg)
{
	struct crew_scope scope;
	int rc;

	crew_scope_open(&scope, NULL);
	rc = belongs_to_the_task(arg);
	crew_scope_close(&scope, 0);
	return rc;
}

Test(errors, what_is_said_belongs_to_the_task, .timeout = 60)
{
	everywhere(in_a_scope);
}

static int say_in_blocking(void *arg)
{
	return crew_blocking(say, arg);
}

static int host(void *arg)
{
	int five = 5;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	CHECK(spawn_and_wait(&group, say_in_blocking, &five) == 0);
	CHECK(crew_group_close(&group, 0) == 5);
	CHECK(is(crew_errors_first(&errors)->message, "said of 5"));
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, crew_blocking_speaks_for_its_task, .timeout = 60)
{
	everywhere(host);
}

static int forked(int rc);
CREW_FORK1(forked, int, int)

static int forked(int rc)
{
	return crew_fail(rc, "forked");
}

static int fork_and_fail(void *arg)
{
	struct forked_forked call;

	forked_fork(&call, *(int *)arg);
	return forked_join(&call);
}

static int forks(void *arg)
{
	int five = 5;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	for (int i = 0; i < 100; i++)
		CHECK(spawn_and_wait(&group, fork_and_fail, &five) == 0);
	CHECK(crew_group_close(&group, 0) == 5);
	CHECK(crew_errors_match(&errors, 5) == 100);
	for (const struct crew_error *error = crew_errors_first(&errors); error;
	     error = crew_error_next(error))
		CHECK(!error->message || is(error->message, "forked"));
	/* who takes it back says it for the task */
	CHECK(test_crew->worker_count > 1 || CREW__HARD ||
	      is(crew_errors_first(&errors)->message, "forked"));
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, a_forked_call_in_place_speaks_for_its_task, .timeout = 60)
{
	in_tasks(forks);
}

/* ---- groups in groups ------------------------------------------------------------------ */

static int two_fail(void *arg)
{
	int codes[2] = { 7, 8 };
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .policy = CREW_COLLECT));
	for (int i = 0; i < 2; i++)
		CHECK(spawn_and_wait(&group, say, &codes[i]) == 0);
	return crew_group_close(&group, 0);
}

static int two_fail_and_say(void *arg)
{
	int rc = two_fail(arg);

	return crew_fail(rc, "both");
}

static int two_fail_and_another(void *arg)
{
	two_fail(arg);
	return crew_fail(9, "neither");
}

static int two_fail_and_recover(void *arg)
{
	two_fail(arg);
	return 0;
}

static int nested(void *arg)
{
	crew_task_fn *tasks[] = { two_fail, two_fail_and_say, two_fail_and_another,
				  two_fail_and_recover };
	const char *messages[] = { NULL, "both", "neither" };
	const struct crew_error *error;
	const struct crew_error *leaf = NULL;

	(void)arg;
	for (int i = 0; i < 4; i++) {
		const struct crew_errors *inside;
		struct crew_errors errors;
		struct crew_group group;

		open_collecting(&group, &errors);
		CHECK(spawn_and_wait(&group, tasks[i], NULL) == 0);
		CHECK(crew_group_close(&group, 0) == (i == 3 ? 0 : i == 2 ? 9 : 7));
		error = crew_errors_first(&errors);
		if (i == 3) {
			CHECK(!error && crew_errors_count(&errors) == 0);
			continue;
		}
		CHECK(crew_errors_count(&errors) == 1 && !crew_error_next(error));
		CHECK(is(error->message, messages[i]));
		CHECK(i == 2 ? error->cause->rc == 7 && !error->inside : !error->cause);
		inside = i == 2 ? error->cause->inside : error->inside;
		CHECK(crew_errors_count(inside) == 2);
		CHECK(is(crew_errors_first(inside)->message, "said of 7"));
		CHECK(crew_error_next(crew_errors_first(inside))->rc == 8);
		leaf = crew_errors_find(inside, 8, NULL);
		CHECK(leaf && leaf->rc == 8 && !crew_errors_find(inside, 8, leaf));
		crew_errors_fini(&errors);
	}
	return 0;
}

Test(errors, nest_as_groups_do, .timeout = 60)
{
	everywhere(nested);
}

/* Their errors go where the inner group says. */
static int take_them_out(void *arg)
{
	struct crew_errors errors;
	struct crew_group group;
	int five = 5;
	int rc;

	(void)arg;
	open_collecting(&group, &errors);
	crew_group_spawn(&group, say, &five);
	rc = crew_group_close(&group, 0);
	CHECK(crew_errors_count(&errors) == 1);
	crew_errors_fini(&errors);
	return rc;
}

static int taken_out(void *arg)
{
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	CHECK(spawn_and_wait(&group, take_them_out, NULL) == 0);
	CHECK(crew_group_close(&group, 0) == 5);
	CHECK(crew_errors_count(&errors) == 1);
	CHECK(!crew_errors_first(&errors)->message && !crew_errors_first(&errors)->inside);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, are_handed_to_the_innermost_who_asks, .timeout = 60)
{
	everywhere(taken_out);
}

/* Groups in groups, so many; the innermost task fails. */
static int dig(void *arg)
{
	int depth = *(int *)arg;
	int below = depth - 1;
	struct crew_group group;

	if (!depth)
		return crew_fail(5, "at the bottom");
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn(&group, dig, &below);
	return crew_group_close(&group, 0);
}

static int deep(void *arg)
{
	(void)arg;
	for (int depth = 0; depth <= 300; depth = 2 * depth + 1) {
		const struct crew_error *leaf;
		struct crew_errors errors;
		struct crew_group group;
		unsigned levels = 0;

		open_collecting(&group, &errors);
		CHECK(spawn_and_wait(&group, dig, &depth) == 0);
		CHECK(crew_group_close(&group, 0) == 5);
		CHECK(crew_errors_count(&errors) == 1 && crew_errors_match(&errors, 5) == 1);
		leaf = crew_errors_find(&errors, 0, NULL);
		CHECK(leaf && is(leaf->message, "at the bottom"));
		CHECK(!crew_errors_find(&errors, 0, leaf));
		for (const struct crew_error *error = crew_errors_first(&errors); error;
		     error = crew_errors_first(error->inside))
			levels++;
		CHECK(levels <= CREW__ERRORS_MAX);
		CHECK(levels == (unsigned)depth + 1 || (unsigned)depth + 1 > CREW__ERRORS_MAX);
		crew_errors_fini(&errors);
	}
	return 0;
}

Test(errors, keep_what_really_failed_however_deep, .timeout = 60)
{
	everywhere(deep);
}

/* A tree with many more leaves than there is room for. */
static int branch(void *arg)
{
	int depth = *(int *)arg;
	int below = depth - 1;
	struct crew_group group;

	if (!depth)
		return crew_fail(5, "leaf");
	crew_group_open(&group, CREW_GROUP(.crew = test_crew, .policy = CREW_COLLECT));
	for (int i = 0; i < 4; i++)
		crew_group_spawn(&group, branch, &below);
	return crew_group_close(&group, 0);
}

static int wide(void *arg)
{
	int depth = 4;
	unsigned leaves = 0;
	unsigned all = 0;
	const struct crew_error *leaf = NULL;
	struct crew_errors errors;

	(void)arg;
	for (int count = 0; count <= 3; count++) {
		struct crew_group group;

		open_collecting(&group, &errors);
		for (int i = 0; i < count; i++)
			crew_group_spawn(&group, branch, &depth);
		CHECK(crew_group_close(&group, 0) == (count ? 5 : 0));
		CHECK(crew_errors_count(&errors) == (unsigned)count);
		CHECK(crew_errors_match(&errors, 5) == 256U * (unsigned)count);
		if (count < 3)
			crew_errors_fini(&errors);
	}
	while ((leaf = crew_errors_find(&errors, 0, leaf)))
		leaves++;
	for (const struct crew_error *top = crew_errors_first(&errors); top;
	     top = crew_error_next(top), all++)
		for (const struct crew_error *low = crew_errors_first(top->inside); low;
		     low = crew_error_next(low))
			all++;
	CHECK(leaves > CREW__ERRORS_MAX / 2 && leaves < CREW__ERRORS_MAX);
	CHECK(all <= CREW__ERRORS_MAX);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, of_wide_trees_are_bounded_and_counted, .timeout = 60)
{
	everywhere(wide);
}

static int run_in_group(void *arg)
{
	struct crew_errors errors;
	struct crew_group group;
	int rc;

	open_collecting(&group, &errors);
	rc = crew_run(test_crew, two_fail_and_say, arg);
	CHECK(rc == 7);
	CHECK(crew_group_close(&group, rc) == 7);
	CHECK(crew_errors_count(&errors) == 1);
	CHECK(is(crew_errors_first(&errors)->message, "both"));
	CHECK(crew_errors_match(&errors, 8) == 1);
	crew_errors_fini(&errors);
	return 0;
}

Test(errors, crew_run_brings_what_its_task_said, .timeout = 60)
{
	in_threads(run_in_group);
}

/* ---- reading ---------------------------------------------------------------------------- */

static int split(void *arg)
{
	int codes[] = { 5, 6, 5, 7 };
	int sum = 0;
	const struct crew_error *error = NULL;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	CHECK(spawn_and_wait(&group, fail, &codes[0]) == 0);
	CHECK(spawn_and_wait(&group, two_fail, NULL) == 0);
	for (int i = 1; i < 4; i++)
		CHECK(spawn_and_wait(&group, fail, &codes[i]) == 0);
	CHECK(crew_group_close(&group, 0) == 5);
	CHECK(crew_errors_count(&errors) == 5);
	while ((error = crew_errors_find(&errors, 0, error)))
		sum = 10 * sum + error->rc;
	CHECK(sum == 578657);
	CHECK(crew_errors_match(&errors, 5) == 2 && crew_errors_match(&errors, 7) == 2);
	CHECK(crew_errors_match(&errors, 4) == 0 && !crew_errors_find(&errors, 4, NULL));
	for (sum = 0; (error = crew_errors_find(&errors, 7, error)); sum++)
		CHECK(error->rc == 7 && is(error->message, sum ? NULL : "said of 7"));
	CHECK(sum == 2);
	crew_errors_fini(&errors);
	CHECK(crew_errors_count(NULL) == 0 && !crew_errors_first(NULL));
	CHECK(crew_errors_match(NULL, 5) == 0 && !crew_errors_find(NULL, 0, NULL));
	crew_errors_fini(NULL);
	return 0;
}

Test(errors, are_found_by_code_and_without_the_shape, .timeout = 60)
{
	everywhere(split);
}

static int child_at(void *arg)
{
	return *(int *)arg ? crew_fail_at(*(int *)arg, "a.c:1", "no file %s", "x") : two_fail(NULL);
}

static int printed(void *arg)
{
	int zero = 0;
	int two = 2;
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	bool same;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	crew_group_spawn_task_at(&group, child_at, &two, NAMED("load"), NULL, "b.c:2");
	CHECK(crew_group_wait(&group) == 0);
	crew_group_spawn_task_at(&group, two_fail_and_another, &zero, NULL, NULL, "b.c:3");
	CHECK(crew_group_wait(&group) == 0);
	crew_group_spawn_task_at(&group, fail, &(int){ CREW_EBROKEN }, NULL, NULL, "b.c:4");
	CHECK(crew_group_close(&group, 0) == 2);
	for (struct crew_error *error = errors.private_.first; error; error = error->private_.next)
		if (error->place)
			error->place = file_of(error->place);
	crew_errors_print(&errors, out);
	crew_errors_print(NULL, out);
	fclose(out);
	crew_errors_fini(&errors);
	same = strncmp(text,
		       "load (b.c:2): ENOENT: no file x (a.c:1)\ntask (b.c:3): EBADF: neither (",
		       70) == 0 &&
	       strstr(text, ")\n\tbecause of E2BIG: Argument list too long\n\t\ttask (") &&
	       strstr(text, "): E2BIG: said of 7 (") && strstr(text, ")\n\t\ttask (") &&
	       strstr(text, "): ENOEXEC: said of 8 (") &&
	       strstr(text, ")\ntask (b.c:4): CREW_EBROKEN: the other side is gone\n");
	if (!same)
		fputs(text, stderr);
	free(text);
	CHECK(same);
	return 0;
}

static int rest_is_printed(void *arg)
{
	int own = 1000;
	char *text = NULL;
	size_t bytes = 0;
	FILE *out = open_memstream(&text, &bytes);
	bool same;
	struct crew_errors errors;
	struct crew_group group;

	(void)arg;
	open_collecting(&group, &errors);
	for (unsigned i = 0; i < CREW__ERRORS_MAX + 3; i++)
		crew_group_spawn_task_at(&group, fail, &own, NULL, NULL, "here:1");
	CHECK(crew_group_close(&group, 0) == 1000);
	crew_errors_print(&errors, out);
	fclose(out);
	crew_errors_fini(&errors);
	same = strncmp(text, "task (here:1): 1000\ntask (here:1): 1000\n", 40) == 0 &&
	       strstr(text, ": 1000\nand 3 more\n");
	free(text);
	CHECK(same);
	return 0;
}

Test(errors, are_printed_a_line_each, .timeout = 60)
{
	everywhere(printed);
	everywhere(rest_is_printed);
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

#if !defined(CREW__TSAN) && !defined(CREW__ASAN) /* whose malloc has no mallinfo2; LSan looks */

static int some_of_everything(void *arg)
{
	crew_task_fn *tasks[] = { in_order,   many_at_once, kept_while_cancelled,
				  supervised, causes,	    causes_are_bounded,
				  in_a_scope, host,	    nested,
				  taken_out,  deep,	    wide,
				  in_a_scope };

	(void)arg;
	for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++) {
		int rc = tasks[i](NULL);

		if (rc)
			return rc;
	}
	return two_fail_and_say(NULL) == 7 ? crew_fail(3, "nobody hears it") : 0;
}

Test(errors, R10_everything_is_given_back, .timeout = 60)
{
	struct crew *crew = start_crew(2);
	bool same = false;

	/* threads keep a little of what they free; a leak of ours would show every time */
	for (int round = 0; round < 10 && !same; round++) {
		size_t before = mallinfo2().uordblks;

		for (int i = 0; i < 10; i++) {
			cr_assert_eq(crew_run(crew, some_of_everything, NULL), 3);
			cr_assert_eq(some_of_everything(NULL), 3);
		}
		same = round && mallinfo2().uordblks <= before;
	}
	cr_assert(same, "each of ten times");
	cr_assert_eq(crew_stop(crew), 0);
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
