/* SPDX-License-Identifier: MIT */
/*
 * model/lock.c - locks (crew/lock.h): what is written under one is in plain memory, so an order
 * that is missing is a race. Nobody is in twice, nothing is lost to a cancellation, the last
 * one may free it, and when an owner ends all the others are told.
 */
#include "model/sync.h"

#include "sync/hold.h"

#include <string.h>

static struct {
	struct crew_lock lock;
	uint64_t inside; /* guarded by lock, as is what follows */
	uint64_t visits;
	uint64_t users;
} room;

static struct crew_word visits; /* of those who say so */
static bool barging;		/* it is a lock of that kind */

static void begin(void)
{
	memset(&room, 0, sizeof(room));
	if (barging)
		room.lock = (struct crew_lock)CREW_LOCK_BARGING_INIT;
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

/* ---- barging locks --------------------------------------------------------------------------- */

Test(lock, barging_and_cancelled_at_once, .timeout = 300)
{
	struct crowd crowd = { begin, { visit, visit }, .cancelled = 2, .end = end };

	barging = true;
	crowd_of_threads("barging_two", &crowd, 3);
	crowd.roles[0] = crowd.roles[1] = visit_twice;
	crowd_of_threads("barging_row", &crowd, 2);
	barging = false;
}

static void visit_long_twice(void)
{
	visit_long();
	visit_long();
}

Test(lock, barging_with_a_line, .timeout = 300)
{
	struct crowd crowd = { begin, { visit_twice, visit, visit }, .cancelled = 2, .end = end };

	barging = true;
	crowd_of_threads("barging_three", &crowd, 2);
	crowd.late = true;
	crowd.roles[0] = visit_long_twice;
	crowd_of_threads("barging_head", &crowd, 1);
	crowd.cancelled = 4;
	crowd_of_threads("barging_second", &crowd, 1);
	crowd.cancelled = 2;
	crowd.roles[0] = visit_long;
	crowd.roles[2] = try_to_visit;
	crowd_of_threads("barging_try", &crowd, 2);
	crowd.roles[2] = look;
	crowd_of_threads("barging_look", &crowd, 2);
	barging = false;
}

Test(lock, barging_tasks_and_threads, .timeout = 300)
{
	struct crowd crowd = { begin,
			       { visit_twice, visit, visit_twice, visit_twice },
			       .cancelled = 8,
			       .threads = 4,
			       .end = end };

	barging = true;
	crowd_of_tasks("barging_tasks", &crowd, 1000);
	crowd = (struct crowd){ begin_broken,
				{ forget, visit_or_be_told, visit_or_be_told, forget },
				.cancelled = 2,
				.threads = 4,
				.end = end_broken };
	crowd_of_tasks("barging_broken", &crowd, 1000);
	barging = false;
}

Test(lock, the_last_one_frees_a_barging_one, .timeout = 300)
{
	struct crowd crowd = { begin_used, { use, use, use }, .end = end_freed };

	barging = true;
	crowd_of_threads("barging_freed", &crowd, 2);
	crowd.roles[1] = use_cancelled;
	crowd.cancelled = 2;
	crowd_of_threads("barging_freed_cancelled", &crowd, 2);
	barging = false;
}

/* Who is in line comes in that order, and is passed so often at most while it is the first. */
static struct {
	uint64_t line[2]; /* who, as holders; guarded by the lock, as is the rest */
	unsigned length, came, passes;
	unsigned most; /* of all runs */
} bound;

static void begin_bound(void)
{
	begin();
	bound.length = bound.came = bound.passes = 0;
}

static void end_bound(void)
{
	crew__sim_check(bound.came == bound.length, "somebody in line has not come");
	end();
}

static void come_or_pass(void)
{
	uint64_t self;

	crew__sim_check(crew_lock_acquire(&room.lock) == 0, "acquire");
	self = crew__hold_of(crew__load_relaxed(&room.lock.private_.word));
	if (bound.came < bound.length && self == bound.line[bound.came]) {
		bound.came++;
		bound.passes = 0;
	} else if (bound.came < bound.length) {
		crew__sim_check(++bound.passes <= CREW__LOCK_PASSES, "passed too often");
		crew__sim_check(bound.length < 2 || self != bound.line[1],
				"the second in line came first");
		if (bound.passes > bound.most)
			bound.most = bound.passes;
	}
	crew__sim_check(crew_lock_release(&room.lock) == 0, "release");
}

/* Looks who is in line, and comes again and again. */
static void hog(void)
{
	struct crew__wait *wait;

	crew__sim_check(crew_lock_acquire(&room.lock) == 0, "acquire");
	crowd_sleep();
	crew_lot_lock(&room.lock.private_.lot);
	for (wait = room.lock.private_.lot.private_.queue.first; wait; wait = wait->next)
		bound.line[bound.length++] = wait->what;
	crew_lot_unlock(&room.lock.private_.lot);
	crew__sim_check(crew_lock_release(&room.lock) == 0, "release");
	for (unsigned i = 0; i < 2 * CREW__LOCK_PASSES + 1; i++)
		come_or_pass();
}

Test(lock, nobody_is_passed_for_ever, .timeout = 300)
{
	struct crowd crowd = { begin_bound, { hog, come_or_pass, come_or_pass }, .end = end_bound };

	barging = true;
	bound.most = 0;
	crowd_of_threads("barging_bound", &crowd, 2);
	cr_assert_eq(bound.most, CREW__LOCK_PASSES, "%u", bound.most);
	barging = false;
}
