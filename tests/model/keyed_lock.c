/* SPDX-License-Identifier: MIT */
/*
 * model/keyed_lock.c - locks by key (crew/keyed_lock.h): one holds a key, and it is forgotten
 * when nobody does, whatever is cancelled, in every interleaving within a bound.
 */
#include "model/sync.h"

#include "crew/keyed_lock.h"

#include <string.h>

static struct crew_keyed_lock lock;
static uint64_t text; /* a race, should two hold one key */

static void begin(void)
{
	memset(&lock, 0, sizeof(lock));
	text = 0;
}

static void release(char key)
{
	crew__sim_check(crew_keyed_lock_release(&lock, &key, 1) == 0, "somebody else holds it");
}

static bool hold(char key)
{
	int rc = crew_keyed_lock_acquire(&lock, &key, 1);

	crew__sim_check(rc == 0 || (rc == CREW_ECANCELED && crowd_cancelled()),
			"cancelled by nobody");
	return rc == 0;
}

static void hold_key(void)
{
	if (!hold('k'))
		return;
	text++;
	release('k');
}

static void hold_other(void)
{
	if (hold('o'))
		release('o');
}

static void try_key(void)
{
	char key = 'k';

	if (crew_keyed_lock_acquire_nowait(&lock, &key, 1) == 0) {
		text++;
		release('k');
	}
}

static void release_of_others(void)
{
	char key = 'k';

	crew__sim_check(crew_keyed_lock_release(&lock, &key, 1) == CREW_EPERM, "it holds nothing");
}

static void end(void)
{
	struct crew_keyed_lock_stats stats = { .size = sizeof(stats) };

	crew_keyed_lock_read_stats(&lock, &stats);
	crew__sim_check(stats.keys == 0 && stats.waiting == 0, "a key was not forgotten");
	crew_keyed_lock_fini(&lock);
}

Test(keyed_lock, released_and_cancelled_at_once_with_two_interruptions, .timeout = 300)
{
	struct crowd crowd = { begin, { hold_key, hold_key }, .cancelled = 1, .end = end };

	crowd_of_threads("keyed_two", &crowd, 2);
	crowd.roles[1] = try_key;
	crowd_of_threads("keyed_try", &crowd, 2);
	crowd.roles[1] = release_of_others;
	crowd_of_threads("keyed_others", &crowd, 2);
}

Test(keyed_lock, the_last_one_of_three_forgets_the_key, .timeout = 300)
{
	struct crowd crowd = {
		begin, { hold_key, hold_key, hold_key }, .cancelled = 2, .end = end
	};

	crowd_of_threads("keyed_three", &crowd, 1);
}

Test(keyed_lock, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { hold_key, hold_key, hold_other, hold_key },
			       .cancelled = 8,
			       .threads = 4,
			       .end = end };

	crowd_of_tasks("keyed_tasks", &crowd, 1000);
}
