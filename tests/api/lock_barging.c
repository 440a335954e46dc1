/* SPDX-License-Identifier: MIT */
/*
 * lock_barging.c - what barging locks (crew/lock.h) do otherwise: row 197. What holds for both
 * kinds is in lock.c. With one worker, a task that was called does not come before the one that
 * has called it waits.
 */
#include "api/sync.h"

#include "crew/lock.h"

#include <stdlib.h>
#include <string.h>

static struct crew_lock lock;
static struct crew_word may_release;

static struct crew_lock_stats now(void)
{
	struct crew_lock_stats stats = { .size = sizeof(stats) };

	crew_lock_read_stats(&lock, &stats);
	return stats;
}

static int take_turn(void *arg)
{
	int rc = crew_lock_acquire(&lock);

	(void)arg;
	if (rc)
		return rc;
	UNTIL(crew__load_acquire(&may_release) || crew_check());
	return crew_lock_release(&lock);
}

static void in_one_task(crew_task_fn *fn)
{
	int rc = crew_start(&test_crew, CREW_OPTIONS(.workers = 1));

	cr_assert_eq(rc, 0);
	rc = crew_run(test_crew, fn, NULL);
	cr_assert_eq(rc, 0, "line %d", rc);
	cr_assert_eq(crew_stop(test_crew), 0);
}

/* The lock is held; so many tasks are in line. */
static int line_up(struct line *line, unsigned count)
{
	lock = (struct crew_lock)CREW_LOCK_BARGING_INIT;
	crew__init_word(&may_release, 0);
	CHECK(crew_lock_acquire(&lock) == 0);
	for (unsigned i = 0; i < count; i++) {
		line_add_as(line, take_turn, NULL, false);
		UNTIL(now().waiting == i + 1);
	}
	return 0;
}

static int passed_so_often(void *arg)
{
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(line_up(&line, 2) == 0);
	for (unsigned i = 0; i < CREW__LOCK_PASSES; i++) {
		CHECK(crew_lock_release(&lock) == 0);
		/* free, and somebody waits for it */
		CHECK(!now().owner && now().waiting == 2 && !now().broken);
		CHECK((i % 2 ? crew_lock_acquire : crew_lock_acquire_nowait)(&lock) == 0);
		CHECK(now().owner && now().waiting == 2);
	}
	CHECK(crew_lock_release(&lock) == 0);
	/* handed over: it is the first one's, who keeps it though it is cancelled */
	CHECK(now().owner && now().waiting == 1);
	CHECK(crew_lock_acquire_nowait(&lock) == CREW_EWOULDBLOCK);
	CHECK(crew_lock_release(&lock) == CREW_EPERM);
	crew_scope_cancel(&line.one[0].scope, NULL);
	UNTIL(has_ended(&line.one[0]));
	CHECK(line.one[0].rc == 0);
	crew__store_release(&may_release, 1);
	CHECK(line_close(&line) == 0 && line.one[1].rc == 0);
	CHECK(!now().owner && now().waiting == 0);
	crew_lock_fini(&lock);
	return 0;
}

Test(lock, row197_who_waits_for_a_barging_one_is_passed_but_not_for_ever)
{
	in_one_task(passed_so_often);
}

/* Called in vain: it is the first again. */
static int called_in_vain(void *arg)
{
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(line_up(&line, 3) == 0);
	for (int i = 0; i < 2; i++) {
		CHECK(crew_lock_release(&lock) == 0 && crew_lock_acquire(&lock) == 0);
		crew_yield();
		CHECK(now().waiting == 3 && ended_of(&line) == 0);
	}
	CHECK(crew_lock_release(&lock) == 0);
	crew__store_release(&may_release, 1);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK(line.one[i].rc == 0 && line.one[i].turn == i + 1);
	return 0;
}

Test(lock, row197_who_was_called_in_vain_is_the_first_again)
{
	in_one_task(called_in_vain);
}

static int called_then_cancelled(void *arg)
{
	struct line line;

	(void)arg;
	line_open(&line);
	/* B9: it comes, and somebody else holds it */
	CHECK(line_up(&line, 2) == 0);
	CHECK(crew_lock_release(&lock) == 0 && crew_lock_acquire(&lock) == 0);
	crew_scope_cancel(&line.one[0].scope, NULL);
	UNTIL(has_ended(&line.one[0]));
	CHECK(line.one[0].rc == CREW_ECANCELED && now().waiting == 1);
	/* B8: it comes, and it is free */
	CHECK(crew_lock_release(&lock) == 0);
	crew_scope_cancel(&line.one[1].scope, NULL);
	UNTIL(has_ended(&line.one[1]));
	CHECK(line.one[1].rc == 0 && now().waiting == 0 && !now().owner);
	return line_close(&line);
}

Test(lock, B8_B9_called_and_then_cancelled)
{
	in_one_task(called_then_cancelled);
}

/* The first of its line. */
static int pass_and_end(void *line)
{
	CHECK(line_up((struct line *)line, 2) == 0);
	CHECK(crew_lock_release(&lock) == 0 && crew_lock_acquire(&lock) == 0);
	return 0;
}

static int breaks_while_called(void *arg)
{
	struct line line;

	(void)arg;
	line_open(&line);
	line_add_as(&line, pass_and_end, &line, false);
	UNTIL(has_ended(&line.one[0]));
	CHECK(line_close(&line) == 0 && line.one[0].rc == 0);
	CHECK(line.one[1].rc == CREW_EOWNERDEAD && line.one[2].rc == CREW_EOWNERDEAD);
	CHECK(now().broken && now().owner && now().waiting == 0);
	CHECK(crew_lock_acquire(&lock) == CREW_EOWNERDEAD);
	CHECK(crew_lock_acquire_nowait(&lock) == CREW_EOWNERDEAD);
	return 0;
}

Test(lock, J4_Y6_who_was_called_is_told_as_well)
{
	in_one_task(breaks_while_called);
}

static int shown_in_dumps(void *arg)
{
	struct line line;
	char *text = NULL;
	size_t length;
	FILE *out;

	(void)arg;
	line_open(&line);
	CHECK(line_up(&line, 1) == 0);
	out = open_memstream(&text, &length);
	CHECK(out && crew_dump(test_crew, out) == 0 && fclose(out) == 0);
	CHECK(strstr(text, ") for barging lock, "));
	free(text);
	crew__store_release(&may_release, 1);
	CHECK(crew_lock_release(&lock) == 0);
	return line_close(&line);
}

Test(lock, row197_dumps_say_so)
{
	in_one_task(shown_in_dumps);
}
