/* SPDX-License-Identifier: MIT */
/* once.c - what is done once (crew/once.h). */
#include "api/sync.h"

#include "crew/once.h"

STATS_OF(once)

/* A call: it says that it has begun, and returns when it is told what. */
struct call {
	struct crew_once *once;
	struct crew_word begun;
	struct crew_word may_end;
	int rc;
	struct crew_word *calls;
};

static int make_call(void *arg)
{
	struct call *call = (struct call *)arg;

	crew__add_relaxed(call->calls, 1);
	crew__store_release(&call->begun, 1);
	UNTIL(crew__load_acquire(&call->may_end) || crew_check());
	return crew_check() ? CREW_ECANCELED : call->rc;
}

static int do_call(void *arg)
{
	struct call *call = (struct call *)arg;

	return crew_once_do(call->once, make_call, call);
}

/* The first makes its call, the others wait in line. */
static int begin_calls(struct line *line, struct call calls[], unsigned count,
		       struct crew_once *once, struct crew_word *made)
{
	crew__init_word(made, 0);
	line_open(line);
	for (unsigned i = 0; i < count; i++) {
		calls[i] = (struct call){ .once = once, .calls = made };
		line_add(line, do_call, &calls[i]);
		if (i == 0)
			UNTIL(crew__load_acquire(&calls[0].begun));
		UNTIL(stats_of(once).waiting == i);
	}
	CHECK(stats_of(once).running && !stats_of(once).done && !crew_once_is_done(once));
	return 0;
}

static int done_once(void *arg)
{
	struct crew_once once = CREW_ONCE_INIT;
	struct crew_word made;
	struct call calls[4];
	struct line line;

	(void)arg;
	CHECK(begin_calls(&line, calls, 4, &once, &made) == 0);
	crew__store_release(&calls[0].may_end, 1);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < 4; i++)
		CHECK(line.one[i].rc == 0);
	CHECK(crew__load_relaxed(&made) == 1 && crew_once_is_done(&once));
	CHECK(stats_of(&once).done && !stats_of(&once).running && stats_of(&once).waiting == 0);
	CHECK(crew_once_do(&once, make_call, &calls[0]) == 0 && crew__load_relaxed(&made) == 1);
	crew_once_fini(&once);
	return 0;
}

Test(once, C238_all_wait_for_the_first)
{
	in_all_places(done_once);
}

static int the_next_takes_over(void *arg)
{
	struct crew_once once = CREW_ONCE_INIT;
	struct crew_word made;
	struct call calls[4];
	struct line line;

	(void)arg;
	CHECK(begin_calls(&line, calls, 4, &once, &made) == 0);
	/* it fails, the next one is cancelled, the third succeeds */
	calls[0].rc = 7;
	crew__store_release(&calls[0].may_end, 1);
	UNTIL(crew__load_acquire(&calls[1].begun));
	CHECK(stats_of(&once).running && stats_of(&once).waiting == 2);
	crew_scope_cancel(&line.one[1].scope, NULL);
	UNTIL(crew__load_acquire(&calls[2].begun));
	CHECK(ended_of(&line) <= 2 && !crew_once_is_done(&once));
	crew__store_release(&calls[2].may_end, 1);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == 7 && line.one[1].rc == CREW_ECANCELED);
	CHECK(line.one[2].rc == 0 && line.one[3].rc == 0);
	CHECK(crew__load_relaxed(&made) == 3 && crew_once_is_done(&once));
	return 0;
}

Test(once, C238_the_next_one_takes_over_from_one_that_fails)
{
	in_all_places(the_next_takes_over);
}

static int cancelled_in_line(void *arg)
{
	struct crew_once once = CREW_ONCE_INIT;
	struct crew_word made;
	struct call calls[3];
	struct line line;

	(void)arg;
	CHECK(begin_calls(&line, calls, 3, &once, &made) == 0);
	crew_scope_cancel(&line.one[1].scope, NULL);
	CHECK(stats_of(&once).waiting == 1);
	calls[0].rc = 7;
	crew__store_release(&calls[2].may_end, 1);
	crew__store_release(&calls[0].may_end, 1);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[1].rc == CREW_ECANCELED && line.one[2].rc == 0);
	CHECK(crew__load_relaxed(&made) == 2 && !crew__load_relaxed(&calls[1].begun));
	return 0;
}

Test(once, B7_B9_B10_who_is_cancelled_in_line_makes_no_call)
{
	in_all_places(cancelled_in_line);
}

static struct crew_once within;

static int comes_again(void *arg)
{
	int rc = crew_once_do(&within, comes_again, arg);

	CHECK(rc == CREW_EDEADLK);
	return 0;
}

static int fails(void *arg)
{
	(void)arg;
	return 7;
}

static int misused(void *arg)
{
	struct crew_once once = CREW_ONCE_INIT;
	struct crew_scope scope;

	within = (struct crew_once)CREW_ONCE_INIT;
	CHECK(crew_once_do(&within, comes_again, arg) == 0);
	CHECK(crew_once_do(&once, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_once_do(&once, fails, NULL) == 7 && !crew_once_is_done(&once));
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_once_do(&once, fails, NULL) == CREW_ECANCELED);
	CHECK(crew_once_do(&within, fails, NULL) == CREW_ECANCELED);
	crew_scope_close(&scope, 0);
	CHECK(crew_once_do(&within, fails, NULL) == 0);
	return 0;
}

Test(once, B13_Y2_misused_and_cancelled)
{
	in_all_places(misused);
}
