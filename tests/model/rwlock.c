/* SPDX-License-Identifier: MIT */
/*
 * model/rwlock.c - locks of readers and writers (crew/rwlock.h): nobody is beside a writer,
 * whatever is cancelled, in every interleaving within a bound. Who waits is served: a run in
 * which somebody is forgotten does not end.
 */
#include "model/sync.h"

#include "crew/rwlock.h"

#include <string.h>

static struct crew_rwlock lock;
static uint64_t text; /* a race, should somebody be beside a writer */
static struct crew_word reading;

static void begin(void)
{
	lock = (struct crew_rwlock)CREW_RWLOCK_INIT;
	crew__init_word(&reading, 0);
	text = 0;
}

static bool got(int rc)
{
	crew__sim_check(rc == 0 || (rc == CREW_ECANCELED && crowd_cancelled()),
			"cancelled by nobody");
	return rc == 0;
}

static void read_it(void)
{
	if (!got(crew_rwlock_acquire_read(&lock)))
		return;
	crew__add_relaxed(&reading, 1);
	crew__sim_check(text % 2 == 0, "it is half written");
	crew__add_relaxed(&reading, UINT64_MAX);
	crew__sim_check(crew_rwlock_release_read(&lock) == 0, "nobody reads");
}

static void write_half(void)
{
	crew__sim_check(crew__load_relaxed(&reading) == 0, "somebody reads");
	text++;
	crew__sim_check(crew__load_relaxed(&reading) == 0, "somebody reads");
	text++;
}

static void write_it(void)
{
	if (!got(crew_rwlock_acquire_write(&lock)))
		return;
	write_half();
	crew__sim_check(crew_rwlock_release_write(&lock) == 0, "somebody else writes");
}

static void write_and_read_it(void)
{
	uint64_t before;

	if (!got(crew_rwlock_acquire_write(&lock)))
		return;
	write_half();
	before = text;
	crew__sim_check(crew_rwlock_downgrade(&lock) == 0, "somebody else writes");
	crew__sim_check(text == before, "somebody has written in between");
	crew__sim_check(crew_rwlock_release_read(&lock) == 0, "nobody reads");
}

static void try_both(void)
{
	if (crew_rwlock_acquire_read_nowait(&lock) == 0) {
		crew__sim_check(text % 2 == 0, "it is half written");
		crew_rwlock_release_read(&lock);
	}
	if (crew_rwlock_acquire_write_nowait(&lock) == 0) {
		write_half();
		crew_rwlock_release_write(&lock);
	}
}

static void end(void)
{
	struct crew_rwlock_stats stats = { .size = sizeof(stats) };

	crew_rwlock_read_stats(&lock, &stats);
	crew__sim_check(!stats.readers && !stats.writer && !stats.waiting, "somebody has it still");
	crew_rwlock_fini(&lock);
}

Test(rwlock, released_and_cancelled_at_once_with_two_interruptions, .timeout = 300)
{
	struct crowd crowd = { begin, { write_it, write_it }, .cancelled = 1, .end = end };

	crowd_of_threads("rwlock_writers", &crowd, 2);
	crowd.roles[1] = read_it;
	crowd_of_threads("rwlock_reader", &crowd, 2);
}

Test(rwlock, who_is_behind_a_cancelled_one_goes_on, .timeout = 300)
{
	struct crowd crowd = { begin, { read_it, write_it, read_it }, .cancelled = 2, .end = end };

	crowd_of_threads("rwlock_line", &crowd, 1);
	crowd.late = true;
	crowd_of_threads("rwlock_late", &crowd, 1);
}

/* Somebody reads all the time: who is behind a writer goes on when that is gone. */
static void begin_with_reader(void)
{
	begin();
	crew__sim_check(crew_rwlock_acquire_read_nowait(&lock) == 0, "not free");
}

static void read_late(void)
{
	crowd_sleep();
	read_it();
}

static void end_with_reader(void)
{
	crew__sim_check(crew_rwlock_release_read(&lock) == 0, "nobody reads");
	end();
}

Test(rwlock, who_is_behind_a_cancelled_one_does_not_wait_for_others, .timeout = 300)
{
	struct crowd crowd = { begin_with_reader,
			       { write_it, read_late },
			       .cancelled = 1,
			       .late = true,
			       .end = end_with_reader };

	crowd_of_threads("rwlock_head", &crowd, 2);
}

Test(rwlock, nobody_writes_between_writing_and_reading, .timeout = 300)
{
	struct crowd crowd = {
		begin, { write_and_read_it, write_it, read_it }, .cancelled = 4, .end = end
	};

	crowd_of_threads("rwlock_downgrade", &crowd, 1);
	crowd.roles[2] = try_both;
	crowd.cancelled = 2;
	crowd_of_threads("rwlock_try", &crowd, 1);
}

Test(rwlock, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { write_it, read_it, write_and_read_it, read_it },
			       .cancelled = 9,
			       .threads = 4,
			       .end = end };

	crowd_of_tasks("rwlock_tasks", &crowd, 1000);
}

static void release_read(void)
{
	text = 2;
	crew__sim_check(crew_rwlock_release_read(&lock) == 0, "nobody reads");
}

/* Whoever is last frees it. */
static void write_and_free(void)
{
	got(crew_rwlock_acquire_write(&lock));
	crew__sim_check(text == 2, "it has not seen what was written");
	crew_rwlock_release_write(&lock);
	crowd_free(&lock, sizeof(lock));
}

Test(rwlock, the_last_one_frees_it, .timeout = 300)
{
	struct crowd crowd = { begin_with_reader,
			       { write_and_free, release_read },
			       .end = crowd_freed };

	crowd_of_threads("rwlock_freed", &crowd, 3);
}
