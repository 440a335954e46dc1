/* SPDX-License-Identifier: MIT */
/* rwlock.c - locks of readers and writers (crew/rwlock.h). */
#include "api/sync.h"

#include "crew/rwlock.h"

#include <string.h>

STATS_OF(rwlock)

static uint64_t waiting(const struct crew_rwlock *lock)
{
	return stats_of(lock).waiting;
}

static uint64_t readers(const struct crew_rwlock *lock)
{
	return stats_of(lock).readers;
}

struct door {
	struct crew_rwlock lock;
	struct crew_word open; /* whoever writes waits for that, and then releases */
};

static int reads(void *arg)
{
	return crew_rwlock_acquire_read(&((struct door *)arg)->lock);
}

static int writes(void *arg)
{
	struct door *door = (struct door *)arg;
	int rc = crew_rwlock_acquire_write(&door->lock);

	if (rc)
		return rc;
	UNTIL(crew__load_acquire(&door->open) > 0);
	crew__add_acq_rel(&door->open, UINT64_MAX);
	return crew_rwlock_release_write(&door->lock);
}

/* r: wants to read, w: wants to write, one behind the other. */
static int line_up(struct line *line, struct door *door, const char *who)
{
	for (; *who; who++) {
		uint64_t before = waiting(&door->lock);

		line_add(line, *who == 'r' ? reads : writes, door);
		UNTIL(waiting(&door->lock) == before + 1);
	}
	return 0;
}

static int in_order(void *arg)
{
	struct door door = { .lock = CREW_RWLOCK_INIT };
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(crew_rwlock_acquire_read(&door.lock) == 0);
	CHECK(crew_rwlock_acquire_read(&door.lock) == 0 && readers(&door.lock) == 2);
	CHECK(line_up(&line, &door, "wrrwr") == 0);
	/* nobody passes a writer that waits */
	CHECK(crew_rwlock_acquire_read_nowait(&door.lock) == CREW_EWOULDBLOCK);
	CHECK(crew_rwlock_release_read(&door.lock) == 0 && waiting(&door.lock) == 5);
	CHECK(crew_rwlock_release_read(&door.lock) == 0 && waiting(&door.lock) == 4);
	/* it is the writer's at once */
	CHECK(stats_of(&door.lock).writer && readers(&door.lock) == 0);
	CHECK(crew_rwlock_acquire_read_nowait(&door.lock) == CREW_EWOULDBLOCK);
	CHECK(crew_rwlock_acquire_write_nowait(&door.lock) == CREW_EWOULDBLOCK);
	crew__store_release(&door.open, 1);
	UNTIL(ended_of(&line) == 3); /* the writer and both readers, up to the next writer */
	CHECK(readers(&door.lock) == 2 && waiting(&door.lock) == 2 && !stats_of(&door.lock).writer);
	CHECK(crew_rwlock_release_read(&door.lock) == 0);
	CHECK(crew_rwlock_release_read(&door.lock) == 0);
	CHECK(stats_of(&door.lock).writer && waiting(&door.lock) == 1);
	crew__store_release(&door.open, 1);
	CHECK(line_close(&line) == 0);
	CHECK(readers(&door.lock) == 1 && crew_rwlock_release_read(&door.lock) == 0);
	crew_rwlock_fini(&door.lock);
	return 0;
}

Test(rwlock, J19_C239_row181_in_the_order_in_which_they_came)
{
	in_all_places(in_order);
}

static int downgraded(void *arg)
{
	struct door door = { .lock = CREW_RWLOCK_INIT };
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(crew_rwlock_downgrade(&door.lock) == CREW_EPERM);
	CHECK(crew_rwlock_acquire_write_nowait(&door.lock) == 0);
	CHECK(line_up(&line, &door, "rwr") == 0);
	CHECK(crew_rwlock_downgrade(&door.lock) == 0);
	/* a reader, with the one that was first; the writer behind it waits for both */
	CHECK(readers(&door.lock) == 2 && waiting(&door.lock) == 2 && !stats_of(&door.lock).writer);
	CHECK(crew_rwlock_release_write(&door.lock) == CREW_EPERM);
	CHECK(crew_rwlock_downgrade(&door.lock) == CREW_EPERM);
	UNTIL(has_ended(&line.one[0]));
	CHECK(crew_rwlock_release_read(&door.lock) == 0 && waiting(&door.lock) == 2);
	crew__store_release(&door.open, 1);
	CHECK(crew_rwlock_release_read(&door.lock) == 0);
	CHECK(line_close(&line) == 0 && readers(&door.lock) == 1);
	CHECK(crew_rwlock_release_read(&door.lock) == 0);
	return 0;
}

Test(rwlock, J19_a_writer_goes_on_as_a_reader)
{
	in_all_places(downgraded);
}

static int release_write(void *arg)
{
	return crew_rwlock_release_write(&((struct door *)arg)->lock);
}

static int of_its_owner(void *arg)
{
	struct door door = { .lock = CREW_RWLOCK_INIT };
	struct line line;

	(void)arg;
	CHECK(crew_rwlock_release_read(&door.lock) == CREW_EPERM);
	CHECK(crew_rwlock_release_write(&door.lock) == CREW_EPERM);
	CHECK(crew_rwlock_acquire_write(&door.lock) == 0);
	CHECK(crew_rwlock_acquire_write(&door.lock) == CREW_EDEADLK);
	CHECK(crew_rwlock_acquire_read(&door.lock) == CREW_EDEADLK);
	CHECK(crew_rwlock_acquire_read_nowait(&door.lock) == CREW_EDEADLK);
	CHECK(crew_rwlock_acquire_write_nowait(&door.lock) == CREW_EDEADLK);
	CHECK(crew_rwlock_release_read(&door.lock) == CREW_EPERM);
	line_open(&line);
	for (unsigned i = 0; i < 2; i++)
		line_add(&line, release_write, &door);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_EPERM && line.one[1].rc == CREW_EPERM);
	CHECK(crew_blocking(release_write, &door) == 0 && !stats_of(&door.lock).writer);
	return 0;
}

Test(rwlock, J2_J3_Y8_writing_is_its_owners)
{
	in_all_places(of_its_owner);
}

static int write_and_leave(void *arg)
{
	return crew_rwlock_acquire_write(&((struct door *)arg)->lock);
}

static int broken(void *arg)
{
	struct door door = { .lock = CREW_RWLOCK_INIT };
	struct crew_group group;
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(crew_rwlock_acquire_read(&door.lock) == 0);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn_task(&group, write_and_leave, &door, CREW_TASK(.name = "careless"), NULL);
	UNTIL(waiting(&door.lock) == 1);
	CHECK(line_up(&line, &door, "rw") == 0);
	CHECK(crew_rwlock_release_read(&door.lock) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_EOWNERDEAD && line.one[1].rc == CREW_EOWNERDEAD);
	CHECK(stats_of(&door.lock).broken && !strcmp(stats_of(&door.lock).writer, "careless"));
	CHECK(crew_rwlock_acquire_read(&door.lock) == CREW_EOWNERDEAD);
	CHECK(crew_rwlock_acquire_write_nowait(&door.lock) == CREW_EOWNERDEAD);
	return 0;
}

Test(rwlock, J4_Y6_is_broken_when_its_writer_ends)
{
	in_all_places(broken);
}

static int cancelled(void *arg)
{
	struct door door = { .lock = CREW_RWLOCK_INIT };
	struct line line;

	(void)arg;
	line_open(&line);
	CHECK(crew_rwlock_acquire_read(&door.lock) == 0);
	CHECK(line_up(&line, &door, "wrw") == 0);
	crew_scope_cancel(&line.one[0].scope, NULL); /* the reader behind it may read */
	UNTIL(ended_of(&line) == 2);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[1].rc == 0);
	CHECK(readers(&door.lock) == 2 && waiting(&door.lock) == 1);
	CHECK(crew_rwlock_release_read(&door.lock) == 0);
	CHECK(crew_rwlock_release_read(&door.lock) == 0);
	crew_scope_cancel(&line.one[2].scope, NULL); /* it has it */
	CHECK(stats_of(&door.lock).writer != NULL);
	crew__store_release(&door.open, 1);
	UNTIL(has_ended(&line.one[2]));
	CHECK(line_close(&line) == 0 && !stats_of(&door.lock).writer);
	crew_rwlock_fini(&door.lock);
	return 0;
}

Test(rwlock, B8_B9_B10_J11_cancelled_ones_have_nothing_and_those_behind_go_on)
{
	in_all_places(cancelled);
}

static int in_a_cancelled_scope(void *arg)
{
	struct crew_rwlock lock = CREW_RWLOCK_INIT;
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_rwlock_acquire_read(&lock) == CREW_ECANCELED && readers(&lock) == 0);
	CHECK(crew_rwlock_acquire_write(&lock) == CREW_ECANCELED && !stats_of(&lock).writer);
	CHECK(crew_rwlock_acquire_write_nowait(&lock) == 0);
	CHECK(crew_rwlock_acquire_write(&lock) == CREW_EDEADLK);
	CHECK(crew_rwlock_downgrade(&lock) == 0);
	CHECK(crew_rwlock_acquire_read_nowait(&lock) == 0);
	CHECK(crew_rwlock_release_read(&lock) == 0 && crew_rwlock_release_read(&lock) == 0);
	crew_scope_close(&scope, 0);
	return 0;
}

Test(rwlock, B13_B14_Y2_Y3_in_a_cancelled_scope)
{
	in_all_places(in_a_cancelled_scope);
}

/* ---- all at once ------------------------------------------------------------------- */

struct traffic {
	struct crew_rwlock lock;
	struct crew_word numbers;
	struct crew_word turns;
	uint64_t one; /* always the same */
	uint64_t other;
};

static int read_and_write_often(void *arg)
{
	struct traffic *traffic = (struct traffic *)arg;
	uint64_t number = crew__add_relaxed(&traffic->numbers, 1);

	for (uint64_t i = 0; i < 1000; i++) {
		bool write = (i + number) % 3 == 0;
		int rc = write ? crew_rwlock_acquire_write(&traffic->lock) :
				 crew_rwlock_acquire_read(&traffic->lock);

		if (rc)
			return rc;
		if (write)
			traffic->one++;
		if (i % 32 == 0)
			crew_yield();
		if (write)
			traffic->other++;
		if (write && i % 2)
			CHECK(crew_rwlock_downgrade(&traffic->lock) == 0);
		CHECK(traffic->one == traffic->other);
		CHECK((write && i % 2 == 0 ? crew_rwlock_release_write(&traffic->lock) :
					     crew_rwlock_release_read(&traffic->lock)) == 0);
		crew__add_relaxed(&traffic->turns, 1);
	}
	return 0;
}

static int heavy_traffic(void *arg)
{
	static struct traffic traffic;

	(void)arg;
	memset(&traffic, 0, sizeof(traffic));
	CHECK(run_and_cancel_thirds(read_and_write_often, &traffic, &traffic.turns, 500) == 0);
	CHECK(readers(&traffic.lock) == 0 && waiting(&traffic.lock) == 0);
	CHECK(crew_rwlock_acquire_write_nowait(&traffic.lock) == 0);
	CHECK(crew_rwlock_release_write(&traffic.lock) == 0);
	return 0;
}

Test(rwlock, J21_nobody_reads_what_is_half_written)
{
	in_all_places(heavy_traffic);
}
