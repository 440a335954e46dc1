/* SPDX-License-Identifier: MIT */
/* keyed_lock.c - locks by key (crew/keyed_lock.h). */
#include "api/sync.h"

#include "base/alloc.h"
#include "base/random.h"
#include "crew/keyed_lock.h"

#include <string.h>

STATS_OF(keyed_lock)

static uint64_t waiting(const struct crew_keyed_lock *lock)
{
	return stats_of(lock).waiting;
}

static uint64_t keys(const struct crew_keyed_lock *lock)
{
	return stats_of(lock).keys;
}

struct want {
	struct crew_keyed_lock *lock;
	const char *key;
};

static int acquire(void *arg)
{
	const struct want *want = (const struct want *)arg;

	return crew_keyed_lock_acquire(want->lock, want->key, strlen(want->key));
}

static int release(void *arg)
{
	const struct want *want = (const struct want *)arg;

	return crew_keyed_lock_release(want->lock, want->key, strlen(want->key));
}

static int acquire_and_release(void *arg)
{
	int rc = acquire(arg);

	return rc ? rc : release(arg);
}

static int line_up(struct line *line, struct want wants[], unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		uint64_t before = waiting(wants[i].lock);

		line_add(line, acquire_and_release, &wants[i]);
		UNTIL(waiting(wants[i].lock) == before + 1);
	}
	return 0;
}

static int by_key(void *arg)
{
	struct crew_keyed_lock lock = { 0 };
	struct want wants[] = { { &lock, "a" }, { &lock, "b" }, { &lock, "a" } };
	char other_place[] = { 'a' };
	struct line line;

	(void)arg;
	CHECK(acquire(&wants[0]) == 0 && acquire(&wants[1]) == 0 && keys(&lock) == 2);
	/* no bytes are a key as well, and so is a zero */
	CHECK(crew_keyed_lock_acquire(&lock, NULL, 0) == 0);
	CHECK(crew_keyed_lock_acquire(&lock, "", 1) == 0 && keys(&lock) == 4);
	CHECK(crew_keyed_lock_acquire_nowait(&lock, other_place, 1) == CREW_EDEADLK);
	line_open(&line);
	CHECK(line_up(&line, wants, 3) == 0);
	CHECK(keys(&lock) == 4 && waiting(&lock) == 3);
	CHECK(release(&wants[1]) == 0);
	UNTIL(has_ended(&line.one[1]));
	CHECK(ended_of(&line) == 1 && keys(&lock) == 3 && waiting(&lock) == 2);
	CHECK(release(&wants[0]) == 0);
	CHECK(line_close(&line) == 0 && line.one[0].rc == 0 && line.one[2].rc == 0);
	CHECK(crew_keyed_lock_release(&lock, NULL, 0) == 0);
	CHECK(crew_keyed_lock_release(&lock, "", 1) == 0 && keys(&lock) == 0);
	crew_keyed_lock_fini(&lock);
	return 0;
}

Test(keyed_lock, O7_O9_row47_the_same_key_waits_and_others_do_not)
{
	in_all_places(by_key);
}

static int try_it(void *arg)
{
	const struct want *want = (const struct want *)arg;

	return crew_keyed_lock_acquire_nowait(want->lock, want->key, strlen(want->key));
}

static int of_its_owner(void *arg)
{
	struct crew_keyed_lock lock = { 0 };
	struct want want = { &lock, "key" };
	struct line line;

	(void)arg;
	CHECK(release(&want) == CREW_EPERM && keys(&lock) == 0);
	CHECK(acquire(&want) == 0);
	CHECK(acquire(&want) == CREW_EDEADLK);
	line_open(&line);
	for (unsigned i = 0; i < 2; i++)
		line_add(&line, release, &want);
	for (unsigned i = 0; i < 2; i++)
		line_add(&line, try_it, &want);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_EPERM && line.one[1].rc == CREW_EPERM);
	CHECK(line.one[2].rc == CREW_EWOULDBLOCK && line.one[3].rc == CREW_EWOULDBLOCK);
	CHECK(keys(&lock) == 1 && crew_blocking(release, &want) == 0 && keys(&lock) == 0);
	crew__alloc_fail_after(1);
	CHECK(acquire(&want) == CREW_ENOMEM && keys(&lock) == 0);
	crew__alloc_fail_after(0);
	return 0;
}

Test(keyed_lock, O8_J2_J3_Y8_a_key_is_its_owners)
{
	in_all_places(of_its_owner);
}

static int cancelled(void *arg)
{
	struct crew_keyed_lock lock = { 0 };
	struct want wants[] = { { &lock, "key" }, { &lock, "key" }, { &lock, "key" } };
	struct line line;

	(void)arg;
	CHECK(acquire(&wants[0]) == 0);
	line_open(&line);
	CHECK(line_up(&line, wants, 3) == 0);
	crew_scope_cancel(&line.one[1].scope, NULL);
	UNTIL(has_ended(&line.one[1]));
	CHECK(waiting(&lock) == 2 && keys(&lock) == 1);
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(release(&wants[0]) == 0);
	crew_scope_cancel(&line.one[2].scope, NULL); /* it has it */
	CHECK(line_close(&line) == 0 && keys(&lock) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[1].rc == CREW_ECANCELED &&
	      line.one[2].rc == 0);
	return 0;
}

Test(keyed_lock, O7_B8_B9_B10_row48_a_cancelled_wait_leaves_no_key_behind)
{
	in_all_places(cancelled);
}

static int in_a_cancelled_scope(void *arg)
{
	struct crew_keyed_lock lock = { 0 };
	struct want want = { &lock, "key" };
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(acquire(&want) == CREW_ECANCELED && keys(&lock) == 0);
	CHECK(try_it(&want) == 0 && acquire(&want) == CREW_EDEADLK);
	CHECK(release(&want) == 0 && keys(&lock) == 0);
	crew_scope_close(&scope, 0);
	return 0;
}

Test(keyed_lock, B13_B14_Y2_Y3_in_a_cancelled_scope)
{
	in_all_places(in_a_cancelled_scope);
}

static int broken(void *arg)
{
	struct crew_keyed_lock lock = { 0 };
	struct want want = { &lock, "key" };
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn(&group, acquire, &want);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(acquire(&want) == CREW_EOWNERDEAD && try_it(&want) == CREW_EOWNERDEAD);
	CHECK(keys(&lock) == 1 && stats_of(&lock).broken == 1);
	crew_keyed_lock_fini(&lock);
	CHECK(acquire_and_release(&want) == 0 && keys(&lock) == 0);
	return 0;
}

Test(keyed_lock, J4_Y6_a_key_is_broken_when_its_owner_ends)
{
	in_all_places(broken);
}

/* ---- all at once ------------------------------------------------------------------- */

#define KEYS 64

struct traffic {
	struct crew_keyed_lock lock;
	struct crew_word numbers;
	struct crew_word turns;
	uint64_t count[KEYS]; /* a race, should two hold one key */
};

static int use_many_keys(void *arg)
{
	struct traffic *traffic = (struct traffic *)arg;
	uint64_t random = crew__add_relaxed(&traffic->numbers, 1);

	for (int i = 0; i < 3000; i++) {
		uint32_t key = crew__random_below(&random, KEYS);
		int rc = crew_keyed_lock_acquire(&traffic->lock, &key, sizeof(key));

		if (rc)
			return rc;
		traffic->count[key]++;
		if (i % 64 == 0)
			crew_yield();
		crew__add_relaxed(&traffic->turns, 1);
		CHECK(crew_keyed_lock_release(&traffic->lock, &key, sizeof(key)) == 0);
	}
	return 0;
}

static int heavy_traffic(void *arg)
{
	static struct traffic traffic;
	uint64_t sum = 0;

	(void)arg;
	memset(&traffic, 0, sizeof(traffic));
	CHECK(run_and_cancel_thirds(use_many_keys, &traffic, &traffic.turns, 500) == 0);
	for (unsigned i = 0; i < KEYS; i++)
		sum += traffic.count[i];
	CHECK(sum == crew__load_relaxed(&traffic.turns));
	CHECK(keys(&traffic.lock) == 0 && waiting(&traffic.lock) == 0);
	crew_keyed_lock_fini(&traffic.lock);
	return 0;
}

Test(keyed_lock, O7_J21_no_key_is_left_by_many_and_their_cancellations)
{
	in_all_places(heavy_traffic);
}

/* So many that every table grows several times. Under TSan each held one costs kilobytes. */
#define VERY_MANY 20000

static int very_many(void *arg)
{
	static struct crew_keyed_lock lock;

	(void)arg;
	for (uint64_t i = 0; i < VERY_MANY; i++)
		CHECK(crew_keyed_lock_acquire(&lock, &i, sizeof(i)) == 0);
	CHECK(keys(&lock) == VERY_MANY);
	for (uint64_t i = VERY_MANY; i-- > 0;)
		CHECK(crew_keyed_lock_release(&lock, &i, sizeof(i)) == 0);
	CHECK(keys(&lock) == 0);
	return 0;
}

Test(keyed_lock, row50_very_many_keys_are_held_and_forgotten)
{
	in_all_places(very_many);
}
