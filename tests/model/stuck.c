/* SPDX-License-Identifier: MIT */
/*
 * model/stuck.c - everybody waits for ever, or seems to (exec/stuck.h). What seems so ends
 * when the clock is looked at, or just before, or just after.
 */
#include "model/mini.h"
#include "model/model.h"
#include "model/small.h"

#include "base/config.h"
#include "crew/event.h"

#include <stdio.h>

static struct crew_event event;
static struct crew__word32 never;

static void make_event(void)
{
	event = (struct crew_event)CREW_EVENT_INIT;
	crew__store_release(&model_now->numbers, 1);
}

/* Threads beside may be there before it is. */
static void set_event(void)
{
	while (!crew__load_acquire(&model_now->numbers))
		crew__port_thread_yield();
	crew_event_set(&event);
}

static int wait_for_event(void *arg)
{
	(void)arg;
	return crew_event_wait(&event);
}

static int two_wait(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	make_event();
	for (int i = 0; i < 2; i++)
		crew_group_spawn(group, wait_for_event, NULL);
	return model_close(group, crew_event_wait(&event));
}

static void search_quietly(const char *name, struct model model, uint64_t n)
{
	FILE *saved = stderr;
	FILE *quiet = fopen("/dev/null", "w");

	cr_assert_not_null(quiet);
	stderr = quiet; /* reports */
	model_search(name, model, n);
	stderr = saved;
	fclose(quiet);
}

/* After two looks, or three: the first may see what was before. */
Test(stuck, is_noticed, .timeout = 300)
{
	struct model model = { .program = two_wait,
			       .deadlock = CREW_DEADLOCK_CANCEL,
			       .expected = CREW_ECANCELED,
			       .lasts = -1 };

	search_quietly("stuck", model, 500);
}

/* ---- who could still do something ---------------------------------------------------- */

static void set_later(crew_time after)
{
	crew_time when = crew__port_now() + after;

	while (crew__port_wait(&never, 0, when))
		;
	set_event();
}

/* A thread that crew does not know, at each moment around a look. */
static void stranger(struct model *m)
{
	(void)m;
	set_later(3 * CREW__STUCK_PERIOD);
}

Test(stuck, is_nobody_while_a_stranger_is_there, .timeout = 300)
{
	struct model model = { .program = two_wait,
			       .beside = stranger,
			       .threads = 1,
			       .deadlock = CREW_DEADLOCK_CANCEL,
			       .lasts = -1 };

	model_search("stranger", model, 500);
}

static int call_later(void *arg)
{
	(void)arg;
	set_later(3 * CREW__STUCK_PERIOD);
	return 0;
}

static int block(void *arg)
{
	(void)arg;
	return crew_blocking(call_later, NULL);
}

static int one_blocks(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	make_event();
	crew_group_spawn(group, wait_for_event, NULL);
	crew_group_spawn(group, block, NULL);
	return model_close(group, 0);
}

Test(stuck, is_nobody_while_a_call_blocks, .timeout = 300)
{
	struct model model = { .program = one_blocks,
			       .deadlock = CREW_DEADLOCK_CANCEL,
			       .lasts = 3 * CREW__STUCK_PERIOD };

	model_search("call", model, 300);
}

static int sleep_and_set(void *arg)
{
	int rc = crew_sleep(3 * CREW__STUCK_PERIOD);

	(void)arg;
	set_event();
	return rc;
}

static int one_sleeps(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	make_event();
	crew_group_spawn(group, wait_for_event, NULL);
	crew_group_spawn(group, sleep_and_set, NULL);
	return model_close(group, 0);
}

Test(stuck, is_nobody_while_a_task_sleeps, .timeout = 300)
{
	struct model model = { .program = one_sleeps,
			       .deadlock = CREW_DEADLOCK_CANCEL,
			       .lasts = 3 * CREW__STUCK_PERIOD };

	model_search("sleeper", model, 300);
}

/* A plain thread waits in crew, but not for ever. */
static void timed(struct model *m)
{
	struct crew_event other = CREW_EVENT_INIT;
	struct crew_scope scope;

	(void)m;
	crew_scope_fail_after(&scope, 3 * CREW__STUCK_PERIOD);
	crew_event_wait(&other);
	crew_scope_close(&scope, 0);
	set_event();
}

Test(stuck, is_nobody_while_a_deadline_comes, .timeout = 300)
{
	struct model model = { .program = two_wait,
			       .beside = timed,
			       .threads = 1,
			       .deadlock = CREW_DEADLOCK_CANCEL,
			       .lasts = -1 };

	model_search("timed", model, 300);
}

/* Two talk with pauses that end when the looks come. */
static struct crew_event said[8];

static int talk(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i + 1 < 8; i += 2) {
		crew_event_wait(&said[i]);
		crew_event_set(&said[i + 1]);
	}
	return 0;
}

static int talk_slowly(void *arg)
{
	struct crew_group *group = model_open(NULL);

	(void)arg;
	for (unsigned i = 0; i < 8; i++)
		said[i] = (struct crew_event)CREW_EVENT_INIT;
	crew_group_spawn(group, talk, NULL);
	for (unsigned i = 0; i + 1 < 8; i += 2) {
		crew_sleep(CREW__STUCK_PERIOD);
		crew_event_set(&said[i]);
		crew_event_wait(&said[i + 1]);
	}
	return model_close(group, 0);
}

Test(stuck, is_nobody_who_talks, .timeout = 300)
{
	struct model model = { .program = talk_slowly,
			       .deadlock = CREW_DEADLOCK_CANCEL,
			       .lasts = 4 * CREW__STUCK_PERIOD };

	model_search("talk", model, 300);
}

/* ---- between two looks ----------------------------------------------------------------- */

/*
 * A crew that has no timer: main looks in its place, and ends a wait before each look, now of a
 * task, now of a plain thread. A look may come before who was told has begun, which then moves
 * no number, or after it waits again, as if nothing had been.
 */
#define TURNS 6

static struct mini mini;
static struct crew_word begun; /* turns */

static int wait_in_turn(void *arg)
{
	for (unsigned i = arg ? 1 : 0; i < TURNS + 2; i += 2) {
		crew_event_wait(&said[i]);
		crew__store_release(&begun, i + 1);
	}
	return 0;
}

static void thread_waits_in_turn(void *arg)
{
	wait_in_turn(arg);
}

/* Time passes when all are still. */
static void let_them_wait(void)
{
	crew_time when = crew__port_now() + 1;

	while (crew__port_wait(&never, 0, when))
		;
}

static void look_in_turn(void *arg)
{
	uint64_t thread;

	(void)arg;
	for (unsigned i = 0; i < TURNS + 2; i++)
		said[i] = (struct crew_event)CREW_EVENT_INIT;
	crew__init_word(&begun, 0);
	mini_begin(&mini, 1);
	crew__threads_init(&mini.crew.threads, 0, mini.crew.name);
	mini_give(&mini, 0, wait_in_turn, NULL);
	crew__port_thread_start(&thread, thread_waits_in_turn, &said, "thread");
	mini_go(&mini);
	for (unsigned i = 0; i < TURNS; i++) {
		let_them_wait();
		crew_event_set(&said[i]);
		crew__stuck_look(&mini.crew);
		if (crew__load_acquire(&begun) == i)
			crew__stuck_look(&mini.crew);
		crew__sim_check(!mini.crew.stuck.reported, "nobody is stuck");
	}
	crew_event_set(&said[TURNS]);
	crew_event_set(&said[TURNS + 1]);
	crew__port_thread_join(thread);
	crew__sim_check(mini_end(&mini) == 0, "close");
}

Test(stuck, is_nobody_who_was_told_between_two_looks, .timeout = 300)
{
	small_search_all("told", look_in_turn, NULL, 1);
}
