/* SPDX-License-Identifier: MIT */
/* scope_hook.c - functions that are called when a scope is cancelled. */
#include "api/scope.h"

#define LONG CREW_S(100)

static void count(void *arg)
{
	crew__add_relaxed((struct crew_word *)arg, 1);
}

static uint64_t number(const struct crew_word *word)
{
	return crew__load_acquire(word);
}

/* ---- when they run ------------------------------------------------------------- */

static int once(void *arg)
{
	struct crew_scope_hook hook;
	struct crew_scope_hook never;
	struct crew_scope_hook late;
	struct crew_word runs = { 0 };
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, NULL);
	CHECK(crew_scope_on_cancel(&scope, &hook, NULL, NULL) == CREW_EINVAL);
	CHECK(!crew_scope_hook_stop(&hook));
	CHECK(crew_scope_on_cancel(&scope, &hook, count, &runs) == 0);
	CHECK(crew_scope_on_cancel(&scope, &never, count, &runs) == 0);
	CHECK(!crew_scope_hook_stop(&never) && !crew_scope_hook_stop(&never));
	CHECK(number(&runs) == 0);
	crew_scope_cancel(&scope, NULL);
	CHECK(number(&runs) == 1);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_scope_on_cancel(&scope, &late, count, &runs) == 0 && number(&runs) == 2);
	CHECK(crew_scope_hook_stop(&hook) && crew_scope_hook_stop(&late));
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0 && number(&runs) == 2);
	CHECK(crew_scope_hook_stop(&hook) && !crew_scope_hook_stop(&never));
	CHECK(crew_scope_on_cancel(&scope, &hook, count, &runs) == CREW_ESTATE);
	CHECK(!crew_scope_hook_stop(&hook));
	return 0;
}

Test(scope_hook, runs_once_or_is_stopped, .timeout = 60)
{
	everywhere(once);
}

static int twice(void *arg)
{
	struct crew_scope_hook hooks[2];
	struct crew_word runs = { 0 };
	struct crew_scope scope;

	(void)arg;
	for (int i = 0; i < 2; i++) {
		crew_scope_open(&scope, NULL);
		CHECK(!i || crew_scope_on_cancel(&scope, &hooks[0], count, &runs) == 0);
		CHECK(crew_scope_on_cancel(&scope, &hooks[1], count, &runs) == 0);
		CHECK(crew_scope_on_cancel(&scope, &hooks[1], count, &runs) == CREW_EINVAL);
		crew_scope_cancel(&scope, NULL);
		CHECK(number(&runs) == 1U + 2 * i);
		CHECK(crew_scope_close(&scope, 0) == 0 && crew_scope_hook_stop(&hooks[1]));
	}
	return 0;
}

Test(scope_hook, is_not_registered_twice_in_a_row, .timeout = 60)
{
	everywhere(twice);
}

static int around(void *arg)
{
	struct crew_scope_hook hooks[3];
	struct crew_word runs[3] = { { 0 }, { 0 }, { 0 } };
	struct crew_scope outer;
	struct crew_scope shield;
	struct crew_scope inner;

	(void)arg;
	crew_scope_open(&outer, NULL);
	crew_scope_open(&shield, CREW_SCOPE(.shield = true));
	crew_scope_open(&inner, NULL);
	crew_scope_on_cancel(&outer, &hooks[0], count, &runs[0]);
	crew_scope_on_cancel(&shield, &hooks[1], count, &runs[1]);
	crew_scope_on_cancel(&inner, &hooks[2], count, &runs[2]);
	crew_scope_cancel(&outer, NULL);
	CHECK(number(&runs[0]) == 1 && number(&runs[1]) == 0 && number(&runs[2]) == 0);
	for (int i = 0; i < 3; i++) {
		crew_scope_set_shield(&shield, i % 2);
		CHECK(number(&runs[0]) == 1 && number(&runs[1]) == 1 && number(&runs[2]) == 1);
	}
	CHECK(crew_scope_close(&inner, 0) == 0 && crew_scope_close(&shield, 0) == 0);
	CHECK(crew_scope_close(&outer, 0) == 0);
	return 0;
}

Test(scope_hook, sees_what_is_around_its_scope_up_to_shields, .timeout = 60)
{
	everywhere(around);
}

static int prepared(void *arg)
{
	struct crew_scope_hook hooks[2];
	struct crew_word runs = { 0 };
	struct crew_scope outer;
	struct crew_scope token;

	(void)arg;
	crew_scope_open(&outer, NULL);
	crew_scope_init(&token, NULL);
	CHECK(crew_scope_on_cancel(&token, &hooks[0], count, &runs) == 0);
	crew_scope_enter(&token);
	crew_scope_cancel(&outer, NULL);
	CHECK(number(&runs) == 1);
	CHECK(crew_scope_close(&token, 0) == 0);
	/* entered in a scope that is cancelled */
	crew_scope_init(&token, NULL);
	CHECK(crew_scope_on_cancel(&token, &hooks[0], count, &runs) == 0);
	CHECK(number(&runs) == 1);
	crew_scope_enter(&token);
	CHECK(number(&runs) == 2);
	CHECK(crew_scope_close(&token, 0) == 0);
	/* never entered */
	crew_scope_init(&token, NULL);
	CHECK(crew_scope_on_cancel(&token, &hooks[0], count, &runs) == 0);
	CHECK(crew_scope_on_cancel(&token, &hooks[1], count, &runs) == 0);
	crew_scope_cancel(&token, NULL);
	CHECK(number(&runs) == 4 && crew_scope_hook_stop(&hooks[1]));
	CHECK(crew_scope_close(&outer, 0) == 0);
	return 0;
}

Test(scope_hook, of_scopes_that_are_prepared, .timeout = 60)
{
	everywhere(prepared);
}

/* The group fails, and with it the scope of its child. */
struct child {
	struct crew_word runs;
	int rc;
};

static int hooked_sleep(void *arg)
{
	struct child *child = (struct child *)arg;
	struct crew_scope_hook hook;
	struct crew_scope scope;

	crew_scope_open(&scope, NULL);
	crew_scope_on_cancel(&scope, &hook, count, &child->runs);
	child->rc = crew_sleep(LONG);
	return crew_scope_close(&scope, child->rc);
}

static int fail(void *arg)
{
	wait_for_sleepers(1);
	return arg ? 8 : 7;
}

static int by_failure(void *arg)
{
	struct child child = { .rc = 1 };
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn(&group, hooked_sleep, &child);
	crew_group_spawn(&group, fail, NULL);
	CHECK(crew_group_close(&group, 0) == 7);
	CHECK(child.rc == CREW_ECANCELED && number(&child.runs) == 1);
	return 0;
}

Test(scope_hook, runs_when_a_group_around_it_fails, .timeout = 60)
{
	everywhere(by_failure);
}

static int by_deadline(void *arg)
{
	struct crew_scope_hook hook;
	struct crew_word runs = { 0 };
	struct crew_scope scope;

	(void)arg;
	crew_scope_fail_after(&scope, CREW_MS(1));
	crew_scope_on_cancel(&scope, &hook, count, &runs);
	CHECK(crew_sleep(LONG) == CREW_ECANCELED);
	CHECK(crew_scope_hook_stop(&hook) == (number(&runs) == 1));
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == CREW_ETIMEDOUT);
	return 0;
}

Test(scope_hook, runs_when_the_time_is_up, .timeout = 60)
{
	everywhere(by_deadline);
}

/* What is deferred cancels the scope, whose hooks are stopped by then. */
static void cancel_scope(void *arg)
{
	crew_scope_cancel((struct crew_scope *)arg, NULL);
}

static int closing(void *arg)
{
	struct crew_scope_hook hook;
	struct crew_word runs = { 0 };
	struct crew_defer entry;
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, NULL);
	CHECK(crew_scope_on_cancel(&scope, &hook, count, &runs) == 0);
	CHECK(crew_scope_defer(&scope, &entry, cancel_scope, &scope) == 0);
	CHECK(crew_scope_close(&scope, 0) == 0 && crew_scope_cancelled(&scope));
	CHECK(number(&runs) == 0 && !crew_scope_hook_stop(&hook));
	return 0;
}

Test(scope_hook, is_stopped_before_anything_else_that_closing_does, .timeout = 60)
{
	everywhere(closing);
}

/* ---- what they may do --------------------------------------------------------------- */

struct nested {
	struct crew_scope scope;
	struct crew_scope other;
	struct crew_scope_hook first;
	struct crew_scope_hook second;
	struct crew_scope_hook third;
	struct crew_word runs;
	bool own;
	bool of_second;
};

/* Stops itself, and one that is due behind it; cancels another scope. */
static void stop_both(void *arg)
{
	struct nested *nested = (struct nested *)arg;

	nested->own = crew_scope_hook_stop(&nested->first);
	nested->of_second = crew_scope_hook_stop(&nested->second);
	memset(&nested->first, 0xa5, sizeof(nested->first));
	memset(&nested->second, 0xa5, sizeof(nested->second));
	crew_scope_cancel(&nested->other, "from a hook");
}

static int from_inside(void *arg)
{
	struct crew_scope_hook nonsense;
	struct nested nested = { .of_second = true };

	(void)arg;
	memset(&nonsense, 0xa5, sizeof(nonsense));
	crew_scope_init(&nested.other, NULL);
	crew_scope_open(&nested.scope, NULL);
	crew_scope_on_cancel(&nested.scope, &nested.first, stop_both, &nested);
	crew_scope_on_cancel(&nested.scope, &nested.second, count, &nested.runs);
	crew_scope_on_cancel(&nested.other, &nested.third, count, &nested.runs);
	crew_scope_cancel(&nested.scope, NULL);
	CHECK(nested.own && !nested.of_second && number(&nested.runs) == 1);
	CHECK(memcmp(&nested.first, &nonsense, sizeof(nonsense)) == 0);
	CHECK(memcmp(&nested.second, &nonsense, sizeof(nonsense)) == 0);
	CHECK(crew_scope_hook_stop(&nested.third));
	CHECK(crew_scope_close(&nested.scope, 0) == 0);
	return 0;
}

Test(scope_hook, may_stop_itself_and_others_and_cancel, .timeout = 60)
{
	everywhere(from_inside);
}

/* ---- who waits for one that runs ------------------------------------------------------- */

struct slow {
	struct crew_scope scope;
	struct crew_scope_hook hook;
	struct crew_word began;
	struct crew_word go_on;
	struct crew_word ended;
};

static void run_slowly(void *arg)
{
	struct slow *slow = (struct slow *)arg;

	crew__store_release(&slow->began, 1);
	while (!number(&slow->go_on))
		sched_yield();
	crew__store_release(&slow->ended, 1);
}

static void *cancel_it(void *arg)
{
	struct slow *slow = (struct slow *)arg;

	crew_scope_cancel(&slow->scope, NULL);
	return NULL;
}

/* Lets the hook go on when so many wait for it. */
static void *let_it_go_on(void *arg)
{
	struct slow *slow = (struct slow *)arg;
	struct crew__fiber *fiber;

	for (bool waits = false; !waits;) {
		for (uint64_t i = 0; (fiber = crew__fiber_at(test_crew, i)); i++) {
			const char *reason =
				(const char *)(uintptr_t)crew__load_relaxed(&fiber->reason);

			waits |= reason && strcmp(reason, "hook stop") == 0;
		}
		sched_yield();
	}
	crew__store_release(&slow->go_on, 1);
	return NULL;
}

static int stop_while_it_runs(void *arg)
{
	for (int closes = 0; closes < 2; closes++) {
		struct slow slow = { .began = { 0 } };
		pthread_t threads[2];

		(void)arg;
		crew_scope_open(&slow.scope, NULL);
		crew_scope_on_cancel(&slow.scope, &slow.hook, run_slowly, &slow);
		CHECK(pthread_create(&threads[0], NULL, cancel_it, &slow) == 0);
		CHECK(pthread_create(&threads[1], NULL, let_it_go_on, &slow) == 0);
		while (!number(&slow.began))
			crew_yield();
		if (closes)
			CHECK(crew_scope_close(&slow.scope, 0) == 0);
		CHECK(crew_scope_hook_stop(&slow.hook) && number(&slow.ended));
		if (!closes)
			CHECK(crew_scope_close(&slow.scope, 0) == 0);
		pthread_join(threads[0], NULL);
		pthread_join(threads[1], NULL);
	}
	return 0;
}

Test(scope_hook, who_stops_one_that_runs_waits_for_its_end, .timeout = 60)
{
	struct crew *crew = start_crew(2);
	int rc = crew_run(crew, stop_while_it_runs, NULL);

	cr_assert_eq(rc, 0, "line %d", rc);
	cr_assert_eq(crew_stop(crew), 0);
}
