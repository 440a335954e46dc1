/* SPDX-License-Identifier: MIT */
/*
 * model/hook.c - functions that scopes call when they are cancelled (exec/hook.h), K1 to K4:
 * registering, stopping, closing and cancelling, by two or three plain threads in all orders
 * within a bound; then in a crew, whose timer cancels. What was stopped or closed is filled
 * with nonsense, which must still be there at the end. What a hook writes is plain memory, so
 * whoever stops it needs the order.
 */
#include "exec/exec.h"
#include "model/model.h"
#include "model/small.h"

#include <string.h>

static struct crew_scope outer;
static struct crew_scope scope;
static struct crew_scope_hook hook;
static struct crew_link link;
static uint64_t threads[2];
static uint64_t ran; /* of the hook */
static bool told[2]; /* by stop */

static void note(void *arg)
{
	(void)arg;
	ran++;
}

static void spoil(void *what, size_t size)
{
	memset(what, 0xa5, size);
}

static void check_spoilt(const void *what, size_t size)
{
	for (size_t i = 0; i < size; i++)
		crew__sim_check(((const unsigned char *)what)[i] == 0xa5,
				"touched after it was stopped or closed");
}

static void begin(void)
{
	ran = 0;
	told[0] = told[1] = false;
	crew_scope_open(&outer, NULL);
}

static void end(void)
{
	crew__sim_check(crew_scope_close(&outer, 0) == 0, "close");
}

static void start(unsigned n, void (*fn)(void *), void *arg)
{
	crew__port_thread_start(&threads[n], fn, arg, "model");
}

static void cancel(void *arg)
{
	crew_scope_cancel(arg, "model");
}

/* ---- stopping ------------------------------------------------------------------- */

static void stop_against_cancel(void *arg)
{
	uint64_t seen;

	(void)arg;
	begin();
	crew_scope_open(&scope, NULL);
	crew_scope_on_cancel(&scope, &hook, note, NULL);
	start(0, cancel, &outer);
	told[0] = crew_scope_hook_stop(&hook);
	seen = ran;
	spoil(&hook, sizeof(hook));
	crew__sim_check(seen == told[0], "stop has told otherwise");
	crew__port_thread_join(threads[0]);
	crew__sim_check(ran == seen, "a hook ran after it was stopped");
	crew__sim_check(crew_scope_close(&scope, 0) == 0, "close");
	check_spoilt(&hook, sizeof(hook));
	end();
}

Test(hook, is_stopped_while_its_scope_is_cancelled, .timeout = 300)
{
	small_search_all("hook_stop", stop_against_cancel, NULL, 3);
}

static void close_against_cancel(void *arg)
{
	uint64_t seen;

	(void)arg;
	begin();
	crew_scope_open(&scope, NULL);
	crew_scope_on_cancel(&scope, &hook, note, NULL);
	start(0, cancel, &outer);
	crew__sim_check(crew_scope_close(&scope, 0) == 0, "close");
	seen = ran;
	spoil(&hook, sizeof(hook));
	spoil(&scope, sizeof(scope));
	crew__port_thread_join(threads[0]);
	crew__sim_check(ran == seen && seen <= 1, "a hook ran after its scope was closed");
	check_spoilt(&hook, sizeof(hook));
	check_spoilt(&scope, sizeof(scope));
	end();
}

Test(hook, is_left_alone_when_its_scope_is_closed, .timeout = 300)
{
	small_search_all("hook_close", close_against_cancel, NULL, 3);
}

static void stop_it(void *arg)
{
	(void)arg;
	told[1] = crew_scope_hook_stop(&hook);
	spoil(&hook, sizeof(hook));
}

static void stop_and_close(void *arg)
{
	(void)arg;
	begin();
	crew_scope_open(&scope, NULL);
	crew_scope_on_cancel(&scope, &hook, note, NULL);
	start(0, cancel, &outer);
	start(1, stop_it, NULL);
	crew__sim_check(crew_scope_close(&scope, 0) == 0, "close");
	crew__port_thread_join(threads[0]);
	crew__port_thread_join(threads[1]);
	crew__sim_check(ran == told[1], "stop has told otherwise");
	check_spoilt(&hook, sizeof(hook));
	end();
}

Test(hook, is_stopped_by_two, .timeout = 300)
{
	small_search_all("hook_two", stop_and_close, NULL, 2);
}

/* ---- registering ------------------------------------------------------------------- */

static void register_against_cancel(void *arg)
{
	(void)arg;
	begin();
	start(0, cancel, &outer);
	crew_scope_open(&scope, NULL);
	crew_scope_on_cancel(&scope, &hook, note, NULL);
	crew__port_thread_join(threads[0]);
	crew__sim_check(ran == 1, "a hook missed the cancellation, or ran twice");
	crew__sim_check(crew_scope_hook_stop(&hook), "stop has told otherwise");
	crew__sim_check(crew_scope_close(&scope, 0) == 0, "close");
	end();
}

Test(hook, is_registered_while_the_outside_is_cancelled, .timeout = 300)
{
	small_search_all("hook_register", register_against_cancel, NULL, 3);
}

static void enter_against_cancel(void *both)
{
	begin();
	crew_scope_init(&scope, NULL);
	crew_scope_on_cancel(&scope, &hook, note, NULL);
	start(0, cancel, &outer);
	if (both)
		start(1, cancel, &scope);
	crew_scope_enter(&scope);
	crew__port_thread_join(threads[0]);
	if (both)
		crew__port_thread_join(threads[1]);
	crew__sim_check(ran == 1, "a hook missed the cancellation, or ran twice");
	crew__sim_check(crew_scope_close(&scope, 0) == 0, "close");
	end();
}

Test(hook, of_a_scope_that_is_entered_while_the_outside_is_cancelled, .timeout = 300)
{
	small_search_all("hook_enter", enter_against_cancel, NULL, 3);
	small_search_all("hook_enter_both", enter_against_cancel, &scope, 2);
}

/* ---- links --------------------------------------------------------------------------- */

static void link_against_cancel(void *wait)
{
	struct crew_scope source;

	begin();
	crew_scope_init(&source, NULL);
	start(0, cancel, &source);
	crew_scope_open(&scope, NULL);
	crew_scope_on_cancel(&scope, &hook, note, NULL);
	crew__sim_check(crew_scope_link(&scope, &link, &source) == 0, "link");
	if (wait) {
		crew__port_thread_join(threads[0]);
		crew__sim_check(ran == 1 && crew_check() == CREW_ECANCELED, "missed its source");
	}
	crew__sim_check(crew_scope_close(&scope, 0) == 0, "close");
	crew__sim_check(ran <= 1, "a hook ran twice");
	spoil(&link, sizeof(link));
	spoil(&hook, sizeof(hook));
	spoil(&scope, sizeof(scope));
	if (!wait)
		crew__port_thread_join(threads[0]);
	check_spoilt(&link, sizeof(link));
	check_spoilt(&hook, sizeof(hook));
	check_spoilt(&scope, sizeof(scope));
	end();
}

Test(hook, links_against_their_source, .timeout = 300)
{
	small_search_all("hook_link", link_against_cancel, NULL, 3);
	small_search_all("hook_linked", link_against_cancel, &scope, 3);
}

static struct crew_scope_ref *ref;

/* Links a token to a scope that its owner leaves meanwhile. */
static void link_by_handle(void *arg)
{
	(void)arg;
	crew__sim_check(crew_scope_link_ref(&scope, &link, ref) == 0, "link");
	crew_scope_ref_drop(ref);
}

static void link_against_leaving(void *arg)
{
	struct crew_scope source;

	(void)arg;
	begin();
	crew_scope_init(&scope, NULL);
	crew_scope_open(&source, NULL);
	crew_scope_on_cancel(&source, &hook, note, NULL);
	ref = crew_scope_take_ref(&source);
	start(0, link_by_handle, NULL);
	crew__sim_check(crew_scope_close(&source, 0) == 0, "close");
	spoil(&source, sizeof(source));
	crew__port_thread_join(threads[0]);
	crew__sim_check(!crew_scope_unlink(&link), "nobody was cancelled");
	check_spoilt(&source, sizeof(source));
	end();
}

Test(hook, links_by_handle_against_leaving, .timeout = 300)
{
	small_search_all("hook_link_leaving", link_against_leaving, NULL, 3);
}

/* ---- in a crew -------------------------------------------------------------------------- */

static void count(void *arg)
{
	++*(int *)arg;
}

/* The sleep is over when the time is up; a task's stop waits for the timer's thread. */
static int hooked_task(void *arg)
{
	struct crew_scope timed;
	struct crew_scope_hook hooks[2];
	int runs[2] = { 0, 0 };
	int rc;

	(void)arg;
	crew_scope_fail_after(&timed, CREW_MS(1));
	crew_scope_on_cancel(&timed, &hooks[0], count, &runs[0]);
	crew_scope_on_cancel(&timed, &hooks[1], count, &runs[1]);
	rc = crew_sleep(CREW_MS(1));
	crew__sim_check(crew_scope_hook_stop(&hooks[1]) == (runs[1] == 1), "not as it was told");
	spoil(&hooks[1], sizeof(hooks[1]));
	rc = crew_scope_close(&timed, rc);
	crew__sim_check(rc == 0 || rc == CREW_ETIMEDOUT, "close");
	crew__sim_check(runs[0] <= 1, "a hook ran twice");
	spoil(&timed, sizeof(timed));
	spoil(hooks, sizeof(hooks));
	return 0;
}

Test(hook, in_a_crew_whose_timer_cancels, .timeout = 300)
{
	struct model model = { .program = hooked_task, .lasts = CREW_MS(1) };

	model_search("hook_timer", model, 2000);
}
