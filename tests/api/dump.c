/* SPDX-License-Identifier: MIT */
/* dump.c - the tree of scopes in crew_dump(): D8 of tests/RULES.md. */
#include "api/scope.h"

#include "crew/lock.h"
#include "crew/rate.h"
#include "crew/semaphore.h"
#include "crew/ticker.h"

#include <pthread.h>
#include <stdlib.h>

/* What is dumped while nothing changes. */
static char *dump(void)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);

	cr_assert_not_null(out);
	cr_assert_eq(crew_dump(test_crew, out), 0);
	fclose(out);
	return text;
}

static struct crew_lock held;
static struct crew_semaphore units;

static int wait_for_lock(void *arg)
{
	(void)arg;
	return crew_lock_acquire(&held) || crew_lock_release(&held);
}

static void *thread_for_units(void *arg)
{
	(void)arg;
	return crew_semaphore_acquire(&units, 1) ? &units : NULL;
}

static bool dump_has(const char *line)
{
	char *text = dump();
	bool found = strstr(text, line) != NULL;

	free(text);
	return found;
}

/* A task by its name, threads by their number. */
Test(dump, shows_what_tasks_and_threads_wait_for, .timeout = 60)
{
	struct crew *crew = start_crew(2);
	struct crew_group group;
	pthread_t threads[3];
	void *result;

	cr_assert_eq(crew_lock_acquire(&held), 0);
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	crew_group_spawn_task(&group, wait_for_lock, NULL, CREW_TASK(.name = "patient"), NULL);
	for (int i = 0; i < 3; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, thread_for_units, NULL), 0);
	while (!dump_has("\nthreads\t3 for semaphore\n") || !dump_has(") for lock, "))
		crew_yield();
	cr_assert_eq(crew_semaphore_release(&units, 1), 0);
	while (!dump_has("\nthreads\t2 for semaphore\n"))
		crew_yield();
	cr_assert_eq(crew_semaphore_release(&units, 2), 0);
	for (int i = 0; i < 3; i++) {
		pthread_join(threads[i], &result);
		cr_assert_null(result);
	}
	cr_assert_not(dump_has("for semaphore"));
	cr_assert_eq(crew_lock_release(&held), 0);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	cr_assert_not(dump_has("for lock"));
	cr_assert_eq(crew_stop(crew), 0);
}

static int take_token(void *rate)
{
	return crew_rate_take(rate, 1);
}

static int take_tick(void *ticker)
{
	return crew_ticker_take(ticker, NULL);
}

/* The first of a line, who sleeps, as well as those behind it. */
Test(dump, shows_for_which_moments_tasks_wait, .timeout = 60)
{
	struct crew *crew = start_crew(2);
	struct crew_rate rate = CREW_RATE_INIT(1, CREW_S(1000000), 1);
	struct crew_ticker ticker = CREW_TICKER_INIT(CREW_S(1000000), CREW_TICKER_BURST);
	struct crew_group group;

	cr_assert_eq(crew_rate_take(&rate, 1), 0);
	cr_assert_eq(crew_ticker_take(&ticker, NULL), 0);
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	for (int i = 0; i < 2; i++)
		crew_group_spawn(&group, take_token, &rate);
	crew_group_spawn(&group, take_tick, &ticker);
	wait_for_parked(crew, 2, "rate");
	wait_for_parked(crew, 1, "ticker");
	cr_assert_not(dump_has(") for sleep, "));
	crew_group_cancel(&group, NULL);
	cr_assert_eq(crew_group_close(&group, 0), 0);
	cr_assert_eq(crew_stop(crew), 0);
}

static struct crew_scope shield;

static int clean_up(void *arg)
{
	crew_scope_open(&shield, CREW_SCOPE(.name = "clean-up", .shield = true));
	crew_sleep(CREW_NEVER);
	crew_scope_close(&shield, 0);
	return arg != NULL;
}

static int work(void *arg)
{
	struct crew_scope scope;
	struct crew_group group;
	int rc;

	(void)arg;
	crew_scope_open(&scope, CREW_SCOPE(.name = "timed", .timeout_ns = CREW_S(1000000)));
	crew_group_open(&group, CREW_GROUP(.name = "inner"));
	crew_group_spawn_task(&group, clean_up, NULL, CREW_TASK(.name = "cleaner"), NULL);
	rc = crew_group_close(&group, crew_sleep(CREW_NEVER));
	return crew_scope_close(&scope, rc);
}

/* The line that begins so, with what follows behind it. */
static char *line_with(char *text, const char *wanted)
{
	char *found = strstr(text, wanted);

	cr_assert(found && (found == text || found[-1] == '\n'), "no %s in\n%s", wanted, text);
	return found;
}

Test(dump, D8_shows_the_tree_of_scopes_and_marks_shields, .timeout = 60)
{
	struct crew *crew = start_crew(2);
	struct crew_group outer;
	char *text;
	char *at;

	crew_group_open(&outer, CREW_GROUP(.crew = crew, .name = "outer"));
	crew_group_spawn(&outer, work, NULL);
	wait_for_sleepers(2);
	text = dump();
	at = line_with(text, "group\touter\n");
	at = line_with(at, "scope\t  timed, 99");
	at = line_with(at, "group\t    inner\n");
	cr_assert_not_null(strstr(at, "task\t      - ("), "%s", text);
	at = line_with(at, "scope\t      clean-up, shield\n");
	line_with(at, "task\t        cleaner (tests/api/dump.c:");
	free(text);
	crew_group_cancel(&outer, NULL);
	wait_for_sleepers(1);
	text = dump();
	at = line_with(text, "group\touter, cancelled\n");
	at = line_with(at, "scope\t  timed, cancelled from outside, 99");
	line_with(at, "scope\t      clean-up, shield\n");
	free(text);
	/* who holds a lock while he fails is still told the rest */
	crew__lock_acquire(crew__scope_lock(&outer.scope));
	text = dump();
	line_with(text, "group\touter, cancelled, busy\n");
	crew__lock_release(crew__scope_lock(&outer.scope));
	free(text);
	crew_scope_cancel(&shield, NULL);
	cr_assert_eq(crew_group_close(&outer, 0), 0);
	cr_assert_eq(crew_stop(crew), 0);
}

static int fail(void *arg)
{
	(void)arg;
	return 3;
}

/* One of each kind, and the owner waits for the one that is left. */
static int family(void *arg)
{
	struct crew_group_stats stats = { .size = sizeof(stats) };
	struct crew_group group;
	struct crew_task *task;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.name = "family", .policy = CREW_SUPERVISE));
	crew_group_spawn(&group, fail, NULL);
	crew_group_spawn(&group, fail, NULL);
	CHECK(crew_group_spawn_task(&group, sleep_long, NULL, CREW_TASK(.flags = CREW_TASK_ATOMIC),
				    &task) == 0);
	CHECK(crew_task_cancel(task, NULL) == 0);
	crew_task_drop(task);
	CHECK(crew_group_wait(&group) == 0);
	CHECK(crew_group_read_stats(&group, &stats) == 0 && stats.cancelled == 1);
	crew_group_spawn(&group, clean_up, NULL);
	wait_for_sleepers(1);
	crew_group_cancel(&group, NULL);
	CHECK(crew_group_spawn(&group, fail, NULL) == CREW_ECANCELED);
	return crew_group_close(&group, 0);
}

Test(dump, shows_how_the_children_of_groups_ended, .timeout = 60)
{
	struct crew *crew = start_crew(2);
	struct crew_group outer;
	char *text = NULL;

	crew_group_open(&outer, CREW_GROUP(.crew = crew, .name = "outer"));
	crew_group_spawn(&outer, family, NULL);
	do { /* it gets there by and by */
		free(text);
		text = dump();
	} while (!strstr(text, "\ngroup\t  family, cancelled; children: 1 left, 2 failed, "
			       "1 cancelled, 1 never started\n"));
	free(text);
	crew_scope_cancel(&shield, NULL);
	cr_assert_eq(crew_group_close(&outer, 0), 0);
	stop(crew);
}
