/* SPDX-License-Identifier: MIT */
/*
 * model/lock.c - locks (crew/lock.h): what is written under one is in plain memory, so an order
 * that is missing is a race. Nobody is in twice, nothing is lost to a cancellation, the last
 * one may free it, and when an owner ends all the others are told.
 */
#include "model/sync.h"

#include "crew/lock.h"

#include <string.h>

static struct {
	struct crew_lock lock;
	uint64_t inside; /* guarded by lock, as is what follows */
	uint64_t visits;
	uint64_t users;
} room;

static struct crew_word visits; /* of those who say so */

static void begin(void)
{
	memset(&room, 0, sizeof(room));
	crew__init_word(&visits, 0);
}

static bool enter(void)
{
	int rc = crew_lock_acquire(&room.lock);

	crew__sim_check(rc == 0 || (rc == CREW_ECANCELED && crowd_cancelled()),
			"cancelled by nobody");
	if (rc)
		return false;
	crew__sim_check(room.inside++ == 0, "two are inside");
	room.visits++;
	crew__add_relaxed(&visits, 1);
	return true;
}

static void leave(void)
{
	room.inside--;
	crew__sim_check(crew_lock_release(&room.lock) == 0, "not held by who holds it");
}

static void visit(void)
{
	if (enter())
		leave();
}

static void visit_twice(void)
{
	visit();
	visit();
}

static void try_to_visit(void)
{
	int rc = crew_lock_acquire_nowait(&room.lock);

	if (rc) {
		crew__sim_check(rc == CREW_EWOULDBLOCK, "a free lock was refused");
		return;
	}
	crew__sim_check(room.inside++ == 0, "two are inside");
	room.visits++;
	crew__add_relaxed(&visits, 1);
	leave();
}

static void look(void)
{
	struct crew_lock_stats stats = { .size = sizeof(stats) };

	crew_lock_read_stats(&room.lock, &stats);
	crew__sim_check(stats.waiting <= ROLES_MAX && !stats.broken, "nonsense is shown");
}

static void end(void)
{
	struct crew_lock_stats stats = { .size = sizeof(stats) };

	crew__sim_check(room.visits == crew__load_relaxed(&visits), "a visit was lost");
	crew_lock_read_stats(&room.lock, &stats);
	crew__sim_check(!stats.owner && stats.waiting == 0, "it was left locked");
	crew__sim_check(crew_lock_acquire_nowait(&room.lock) == 0, "it was left locked");
	crew__sim_check(crew_lock_release(&room.lock) == 0, "it is not ours");
	crew_lock_fini(&room.lock);
}

Test(lock, released_and_cancelled_at_once_with_three_interruptions, .timeout = 300)
{
	struct crowd crowd = { begin, { visit, visit }, .cancelled = 2, .end = end };

	crowd_of_threads("lock_two", &crowd, 3);
}

Test(lock, the_next_one_gets_what_a_cancelled_one_has_not, .timeout = 300)
{
	struct crowd crowd = { begin, { visit, visit, visit }, .cancelled = 2, .end = end };

	crowd_of_threads("lock_three", &crowd, 2);
}

/* Until all the others are in line. */
static void visit_long(void)
{
	if (!enter())
		return;
	crowd_sleep();
	leave();
}

Test(lock, passed_on_as_the_first_in_line_is_cancelled, .timeout = 300)
{
	struct crowd crowd = {
		begin, { visit_long, visit, visit }, .cancelled = 6, .late = true, .end = end
	};

	crowd_of_threads("lock_line", &crowd, 1);
	crowd.cancelled = 2;
	crowd_of_threads("lock_head", &crowd, 1);
}

Test(lock, again_and_again, .timeout = 300)
{
	struct crowd crowd = { begin, { visit_twice, visit_twice }, .cancelled = 1, .end = end };

	crowd_of_threads("lock_row", &crowd, 2);
}

Test(lock, who_tries_and_who_looks, .timeout = 300)
{
	struct crowd crowd = { begin, { visit, visit, try_to_visit }, .cancelled = 2, .end = end };

	crowd_of_threads("lock_try", &crowd, 2);
	crowd.roles[2] = look;
	crowd_of_threads("lock_look", &crowd, 2);
}

Test(lock, tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { visit_twice, visit, visit_twice, visit_twice },
			       .cancelled = 8,
			       .threads = 4,
			       .end = end };

	crowd_of_tasks("lock_tasks", &crowd, 1000);
}

/* ---- the last one frees it ----------------------------------------------------------------- */

#define USERS 3

static void begin_used(void)
{
	begin();
	room.users = USERS;
}

/* Waits for nobody else to be done: whoever finds that it was the last one frees it. */
static void use(void)
{
	bool last;

	if (crew_lock_acquire(&room.lock))
		return;
	last = --room.users == 0;
	crew_lock_release(&room.lock);
	if (last)
		memset(&room, 0xa5, sizeof(room));
}

static void end_freed(void)
{
	crowd_check_freed(&room, sizeof(room));
}

Test(lock, the_last_one_frees_it, .timeout = 300)
{
	struct crowd crowd = { begin_used, { use, use, use }, .end = end_freed };

	crowd_of_threads("lock_freed", &crowd, 2);
}

/* One is cancelled: it says so under the lock as well, uninterrupted. */
static void use_cancelled(void)
{
	struct crew_scope shield;

	visit();
	crew_scope_open(&shield, CREW_SCOPE(.shield = true));
	use();
	crew_scope_close(&shield, 0);
}

Test(lock, the_last_one_frees_it_when_waits_were_cancelled, .timeout = 300)
{
	struct crowd crowd = {
		begin_used, { use, use_cancelled, use }, .cancelled = 2, .end = end_freed
	};

	crowd_of_threads("lock_freed_cancelled", &crowd, 2);
}

/* ---- the owner ends -------------------------------------------------------------------------- */

static struct crew_word told;

static void begin_broken(void)
{
	begin();
	crew__init_word(&told, 0);
}

/* In a task. */
static void forget(void)
{
	if (crew_lock_acquire(&room.lock) == 0)
		crew_yield();
	else
		crew__add_relaxed(&told, 1);
}

static void visit_or_be_told(void)
{
	int rc = crew_lock_acquire(&room.lock);

	crew__sim_check(rc == 0 || rc == CREW_EOWNERDEAD || crowd_cancelled(), "wrong code");
	if (rc == CREW_EOWNERDEAD)
		crew__add_relaxed(&told, 1);
	if (rc == 0)
		crew__sim_check(crew_lock_release(&room.lock) == 0, "it does not hold it");
	else
		crew__sim_check(crew_lock_release(&room.lock) == CREW_EPERM, "it holds it");
}

static void end_broken(void)
{
	struct crew_lock_stats stats = { .size = sizeof(stats) };

	crew_lock_read_stats(&room.lock, &stats);
	crew__sim_check(stats.broken && stats.owner && stats.waiting == 0, "it is not broken");
	crew__sim_check(crew_lock_acquire(&room.lock) == CREW_EOWNERDEAD, "nobody was told");
}

Test(lock, its_owner_ends, .timeout = 300)
{
	struct crowd crowd = { begin_broken,
			       { forget, visit_or_be_told, visit_or_be_told, visit_or_be_told },
			       .cancelled = 8,
			       .threads = 4,
			       .end = end_broken };

	crowd_of_tasks("lock_broken", &crowd, 1000);
	crowd.roles[1] = forget;
	crowd_of_tasks("lock_broken_once", &crowd, 1000);
}
