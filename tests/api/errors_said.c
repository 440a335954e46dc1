/* SPDX-License-Identifier: MIT */
/* errors_said.c - what tasks say of their failures (crew/error.h): whose it is, and how much. */
#include "api/errors.h"

#include "crew/fork.h"

/* Says something, and does well. */
static int recover(void *arg)
{
	say(arg);
	return 0;
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
	snprintf(line, sizeof(line), "errors_said.c:%d", __LINE__ + 1);
	CHECK(crew_group_close(&group, crew_fail(6, "%s", "block")) == 5);
	error = crew_errors_first(&errors);
	CHECK(error->rc == 5 && is(error->message, "said of 5"));
	CHECK(is(error->task, "black sheep") && is(error->site, "here:1"));
	CHECK(strncmp(file_of(error->place), "errors.h:", 9) == 0);
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

#ifdef ERRORS_COUNT_MEMORY

static int some_of_everything(void *arg)
{
	CHECK(causes(arg) == 0);
	CHECK(causes_are_bounded(arg) == 0);
	CHECK(host(arg) == 0);
	CHECK(in_a_scope(arg) == 0);
	CHECK(in_a_scope(arg) == 0);
	return crew_fail(3, "nobody hears it");
}

Test(errors, R10_what_is_said_is_given_back, .timeout = 60)
{
	gives_everything_back(some_of_everything, 3);
}

#endif
