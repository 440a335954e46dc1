/* SPDX-License-Identifier: MIT */
/* waits.c - each thing that tasks wait for has a word in dumps, beside the task's name. */
#include "api/scope.h"

#include "crew.h"

#include <stdlib.h>

#define LONG CREW_S(100000)

static struct crew_limiter limiter = CREW_LIMITER_INIT(0);
static struct crew_rwlock rwlock = CREW_RWLOCK_INIT;
static struct crew_keyed_lock keys;
static struct crew_rate rate = CREW_RATE_INIT(1, LONG, 1);
static struct crew_ticker ticker = CREW_TICKER_INIT(LONG, CREW_TICKER_SKIP);
static struct crew_flight flight = CREW_FLIGHT_INIT;

static int for_limiter(void *arg)
{
	(void)arg;
	return crew_limiter_acquire(&limiter);
}

static int to_read(void *arg)
{
	(void)arg;
	return crew_rwlock_acquire_read(&rwlock);
}

static int to_write(void *arg)
{
	(void)arg;
	return crew_rwlock_acquire_write(&rwlock);
}

static int for_key(void *arg)
{
	(void)arg;
	return crew_keyed_lock_acquire(&keys, "k", 1);
}

static int for_rate(void *arg)
{
	(void)arg;
	return crew_rate_take(&rate, 1);
}

static int for_tick(void *arg)
{
	(void)arg;
	return crew_ticker_take(&ticker, NULL);
}

static int sleep_on(void *arg, void **value)
{
	(void)value;
	(void)arg;
	return crew_sleep(CREW_NEVER);
}

static int for_call(void *arg)
{
	return crew_flight_do(&flight, "k", 1, sleep_on, arg, NULL, NULL);
}

/* Of what waits by time the first sleeps; so there are two of each. */
static const struct {
	crew_task_fn *fn;
	const char *name;
	const char *reason;
} waits[] = {
	{ for_limiter, "wants a unit", " for limiter, " },
	{ to_read, "wants to read", " for rwlock, to read, " },
	{ to_write, "wants to write", " for rwlock, to write, " },
	{ for_key, "wants a key", " for keyed lock, " },
	{ for_rate, "wants a token", " for rate, " },
	{ for_tick, "wants a tick", " for ticker, " },
	{ for_call, "wants a call", " for flight, " },
};

#define WAITS (sizeof(waits) / sizeof(waits[0]))

/* Is there a line with both? */
static bool line_with(const char *text, const char *name, const char *reason)
{
	const char *at = text;

	while ((at = strstr(at, name))) {
		const char *end = strchr(at, '\n');
		const char *found = strstr(at, reason);

		if (found && (!end || found < end))
			return true;
		at++;
	}
	return false;
}

static bool all_in(const char *text)
{
	for (size_t i = 0; i < WAITS; i++)
		if (!line_with(text, waits[i].name, waits[i].reason))
			return false;
	return true;
}

static bool dump_has_all(struct crew *crew)
{
	char *text = NULL;
	size_t length;
	FILE *out = open_memstream(&text, &length);
	bool all;

	cr_assert_not_null(out);
	cr_assert_eq(crew_dump(crew, out), 0);
	fclose(out);
	all = all_in(text);
	free(text);
	return all;
}

Test(waits, each_has_a_word_in_dumps, .timeout = 60)
{
	struct crew *crew = start_crew(2);
	struct crew_group group;

	cr_assert_eq(crew_rwlock_acquire_write(&rwlock), 0);
	cr_assert_eq(crew_keyed_lock_acquire(&keys, "k", 1), 0);
	cr_assert_eq(crew_rate_take(&rate, 1), 0);
	cr_assert_eq(crew_ticker_take(&ticker, NULL), 0);
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	for (size_t i = 0; i < 2 * WAITS; i++)
		crew_group_spawn_task(&group, waits[i / 2].fn, NULL,
				      CREW_TASK(.name = waits[i / 2].name), NULL);
	while (!dump_has_all(crew))
		crew_sleep(CREW_US(200));
	crew_group_cancel(&group, "seen");
	cr_assert_eq(crew_group_close(&group, 0), 0);
	cr_assert_eq(crew_keyed_lock_release(&keys, "k", 1), 0);
	cr_assert_eq(crew_rwlock_release_write(&rwlock), 0);
	crew_limiter_fini(&limiter);
	crew_rwlock_fini(&rwlock);
	crew_keyed_lock_fini(&keys);
	crew_rate_fini(&rate);
	crew_ticker_fini(&ticker);
	crew_flight_fini(&flight);
	stop(crew);
}
