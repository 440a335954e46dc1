/* SPDX-License-Identifier: MIT */
/* lock.c - locks (crew/lock.h). */
#include "api/lock_kinds.h"

#include "crew/fork.h"

#include <string.h>

static struct crew_lock_stats stats_of(const struct crew_lock *lock)
{
	struct crew_lock_stats stats = { .size = sizeof(stats) };

	crew_lock_read_stats(lock, &stats);
	return stats;
}

static uint64_t waiting(const struct crew_lock *lock)
{
	return stats_of(lock).waiting;
}

/* One who waits for the lock, and when it is told to lets go again. */
struct turn {
	struct crew_lock *lock;
	struct crew_word has;
	struct crew_word may_release;
};

static int take_turn(void *arg)
{
	struct turn *turn = (struct turn *)arg;
	int rc = crew_lock_acquire(turn->lock);

	if (rc)
		return rc;
	crew__store_release(&turn->has, 1);
	UNTIL(crew__load_acquire(&turn->may_release) || crew_check());
	return crew_lock_release(turn->lock);
}

/* One who comes and goes. */
static int pass_through(void *lock)
{
	int rc = crew_lock_acquire((struct crew_lock *)lock);

	return rc ? rc : crew_lock_release((struct crew_lock *)lock);
}

static int try_it(void *lock)
{
	return crew_lock_acquire_nowait((struct crew_lock *)lock);
}

static int release_it(void *lock)
{
	return crew_lock_release((struct crew_lock *)lock);
}

/* What somebody else gets. */
static int by_another(crew_task_fn *fn, struct crew_lock *lock, bool thread)
{
	struct line line;

	line_open(&line);
	line_add_as(&line, fn, lock, thread);
	CHECK(line_close(&line) == 0);
	return line.one[0].rc;
}

/* ---- J: hand-over, misuse ----------------------------------------------------------- */

static int handed_over(void *arg)
{
	struct crew_lock lock = CREW_LOCK_INIT;
	struct turn turns[4];
	struct line line;

	(void)arg;
	memset(turns, 0, sizeof(turns));
	CHECK(crew_lock_acquire(&lock) == 0);
	line_open(&line);
	for (unsigned i = 0; i < 4; i++) {
		turns[i].lock = &lock;
		line_add(&line, take_turn, &turns[i]);
		UNTIL(waiting(&lock) == i + 1);
	}
	CHECK(crew_lock_release(&lock) == 0);
	for (unsigned i = 0; i < 4; i++) {
		/* whoever it was handed to need not have gone on yet: it has it already */
		CHECK(crew_lock_acquire_nowait(&lock) == CREW_EWOULDBLOCK);
		CHECK(stats_of(&lock).owner && waiting(&lock) == 3 - i);
		UNTIL(crew__load_acquire(&turns[i].has));
		crew__store_release(&turns[i].may_release, 1);
		UNTIL(has_ended(&line.one[i]));
	}
	CHECK(line_close(&line) == 0 && !stats_of(&lock).owner);
	CHECK(crew_lock_acquire_nowait(&lock) == 0 && crew_lock_release(&lock) == 0);
	crew_lock_fini(&lock);
	return 0;
}

Test(lock, J1_is_handed_over_first_come_first_served)
{
	in_all_places(handed_over);
}

static int acquired_again(void *arg)
{
	struct crew_lock lock = lock_to_begin_with;
	struct crew_scope scope;

	(void)arg;
	CHECK(crew_lock_acquire(&lock) == 0);
	CHECK(crew_lock_acquire(&lock) == CREW_EDEADLK);
	CHECK(crew_lock_acquire_nowait(&lock) == CREW_EDEADLK);
	/* Y2: misuse first */
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_lock_acquire(&lock) == CREW_EDEADLK);
	crew_scope_close(&scope, 0);
	CHECK(crew_lock_release(&lock) == 0);
	return 0;
}

Test(lock, J2_Y2_acquired_again_by_its_owner)
{
	with_both_kinds(acquired_again);
}

static int released_by_others(void *arg)
{
	struct crew_lock lock = lock_to_begin_with;

	(void)arg;
	CHECK(crew_lock_release(&lock) == CREW_EPERM);
	CHECK(crew_lock_acquire(&lock) == 0);
	for (int thread = 0; thread < 2; thread++) {
		CHECK(by_another(release_it, &lock, thread) == CREW_EPERM);
		CHECK(by_another(try_it, &lock, thread) == CREW_EWOULDBLOCK);
	}
	CHECK(crew_lock_release(&lock) == 0);
	CHECK(crew_lock_release(&lock) == CREW_EPERM);
	return 0;
}

Test(lock, J3_released_by_somebody_else)
{
	with_both_kinds(released_by_others);
}

static int without_waiting(void *arg)
{
	struct crew_lock lock = lock_to_begin_with;
	struct crew_stats before = { .size = sizeof(before) };
	struct crew_stats after = { .size = sizeof(after) };

	(void)arg;
	CHECK(crew_read_stats(test_crew, &before) == 0);
	for (int i = 0; i < 1000; i++)
		CHECK(crew_lock_acquire(&lock) == 0 && crew_lock_release(&lock) == 0);
	CHECK(crew_read_stats(test_crew, &after) == 0);
	CHECK(!crew_in_task() || after.switches == before.switches);
	return 0;
}

Test(lock, J5_a_free_lock_lets_nobody_else_run)
{
	with_both_kinds(without_waiting);
}

/* ---- J4, Y6: the owner ends ------------------------------------------------------------- */

/* Two, in the wrong order. */
static int leave_two_locked(void *arg)
{
	struct crew_lock *locks = (struct crew_lock *)arg;
	struct crew_lock between = CREW_LOCK_INIT;

	CHECK(crew_lock_acquire(&locks[0]) == 0);
	CHECK(crew_lock_acquire(&between) == 0);
	CHECK(crew_lock_acquire(&locks[1]) == 0);
	CHECK(crew_lock_release(&between) == 0);
	return 0;
}

static int is_broken(struct crew_lock *lock, const char *by)
{
	CHECK(stats_of(lock).broken && stats_of(lock).owner);
	CHECK(strcmp(stats_of(lock).owner, by) == 0);
	CHECK(crew_lock_acquire(lock) == CREW_EOWNERDEAD);
	CHECK(crew_lock_acquire_nowait(lock) == CREW_EOWNERDEAD);
	CHECK(crew_lock_release(lock) == CREW_EPERM);
	*lock = lock_to_begin_with;
	CHECK(crew_lock_acquire(lock) == 0 && crew_lock_release(lock) == 0);
	return 0;
}

static int owner_ends(void *arg)
{
	struct crew_lock locks[2] = { lock_to_begin_with, lock_to_begin_with };
	int rc = 0;

	(void)arg;
	for (int how = 0; how < 3 && rc == 0; how++) {
		struct crew_group group;

		crew_group_open(&group, CREW_GROUP(.crew = test_crew));
		if (how == 0) /* in place, if a task closes */
			crew_group_spawn_at(&group, leave_two_locked, locks, "thoughtless");
		else
			crew_group_spawn_task_at(
				&group, leave_two_locked, locks,
				CREW_TASK(.name = "thoughtless",
					  .flags = how == 2 ? CREW_TASK_PINNED : 0),
				NULL, "here");
		CHECK(crew_group_close(&group, 0) == 0);
		rc = is_broken(&locks[0], "thoughtless");
		if (rc == 0)
			rc = is_broken(&locks[1], "thoughtless");
	}
	return rc;
}

Test(lock, J4_Y6_is_broken_when_its_owner_ends)
{
	with_both_kinds(owner_ends);
}

static int die_when_two_wait(void *arg)
{
	struct crew_lock *lock = (struct crew_lock *)arg;

	CHECK(crew_lock_acquire(lock) == 0);
	UNTIL(waiting(lock) == 2);
	return 0;
}

static int owner_ends_while_two_wait(void *arg)
{
	struct crew_lock lock = lock_to_begin_with;
	struct line line;

	(void)arg;
	line_open(&line);
	line_add_as(&line, die_when_two_wait, &lock, false);
	UNTIL(stats_of(&lock).owner);
	line_add_as(&line, pass_through, &lock, false);
	line_add_as(&line, pass_through, &lock, true);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == 0 && line.one[1].rc == CREW_EOWNERDEAD &&
	      line.one[2].rc == CREW_EOWNERDEAD);
	return 0;
}

Test(lock, J4_those_who_wait_are_told)
{
	with_both_kinds(owner_ends_while_two_wait);
}

static int leave_it_locked(struct crew_lock *lock)
{
	return crew_lock_acquire(lock);
}
CREW_FORK1(leave_it_locked, int, struct crew_lock *)

/* The forker waits, so another one takes the call. */
static int forked_owner_ends(void *arg)
{
	struct crew_lock lock = lock_to_begin_with;
	struct leave_it_locked_forked forked;

	(void)arg;
	if (!crew_in_task())
		return 0;
	leave_it_locked_fork(&forked, &lock);
	UNTIL(stats_of(&lock).broken);
	CHECK(leave_it_locked_join(&forked) == 0);
	CHECK(crew_lock_acquire(&lock) == CREW_EOWNERDEAD);
	return 0;
}

Test(lock, J4_a_forked_call_that_somebody_took_is_a_task)
{
	with_both_kinds(forked_owner_ends);
}

/* Each of these would be wrong about its owner if children ran on top of it. */
static int child_of_owner(void *lock)
{
	CHECK(crew_lock_acquire_nowait((struct crew_lock *)lock) == CREW_EWOULDBLOCK);
	CHECK(crew_lock_release((struct crew_lock *)lock) == CREW_EPERM);
	return 0;
}

static int held_over_a_close(void *arg)
{
	struct crew_lock lock = lock_to_begin_with;
	struct crew_group group;

	(void)arg;
	CHECK(crew_lock_acquire(&lock) == 0);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	for (int i = 0; i < 10; i++)
		crew_group_spawn(&group, child_of_owner, &lock);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_lock_release(&lock) == 0);
	return 0;
}

Test(lock, J2_J3_children_are_somebody_else)
{
	with_both_kinds(held_over_a_close);
}

static int in_blocking(void *lock)
{
	CHECK(crew_lock_acquire((struct crew_lock *)lock) == CREW_EDEADLK);
	CHECK(crew_lock_release((struct crew_lock *)lock) == 0);
	CHECK(crew_lock_acquire((struct crew_lock *)lock) == 0);
	return 0;
}

static int blocking_counts(void *arg)
{
	struct crew_lock lock = lock_to_begin_with;

	(void)arg;
	CHECK(crew_lock_acquire(&lock) == 0);
	CHECK(crew_blocking(in_blocking, &lock) == 0);
	CHECK(crew_lock_release(&lock) == 0);
	return 0;
}

Test(lock, Y8_a_blocking_call_counts_as_its_task)
{
	with_both_kinds(blocking_counts);
}

/* ---- B: cancellation ---------------------------------------------------------------------- */

static int cancelled_in_line(void *arg)
{
	struct crew_lock lock = lock_to_begin_with;
	struct line line;

	(void)arg;
	CHECK(crew_lock_acquire(&lock) == 0);
	line_open(&line);
	for (unsigned i = 0; i < 4; i++) {
		line_add(&line, pass_through, &lock);
		UNTIL(waiting(&lock) == i + 1);
	}
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(waiting(&lock) == 3);
	crew_scope_cancel(&line.one[3].scope, NULL);
	CHECK(waiting(&lock) == 2);
	CHECK(crew_lock_release(&lock) == 0);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[1].rc == 0 && line.one[2].rc == 0 &&
	      line.one[3].rc == CREW_ECANCELED);
	CHECK(!stats_of(&lock).owner && waiting(&lock) == 0);
	return 0;
}

Test(lock, B9_B10_a_cancelled_wait_has_left_the_line)
{
	with_both_kinds(cancelled_in_line);
}

static int handed_over_then_cancelled(void *arg)
{
	struct crew_lock lock = CREW_LOCK_INIT;
	struct line line;

	(void)arg;
	CHECK(crew_lock_acquire(&lock) == 0);
	line_open(&line);
	for (unsigned i = 0; i < 2; i++) {
		line_add(&line, pass_through, &lock);
		UNTIL(waiting(&lock) == i + 1);
	}
	CHECK(crew_lock_release(&lock) == 0);
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == 0 && line.one[1].rc == 0);
	return 0;
}

Test(lock, B8_whoever_it_was_handed_to_keeps_it)
{
	in_all_places(handed_over_then_cancelled);
}

static int all_in_line_are_cancelled(void *arg)
{
	struct crew_lock lock = lock_to_begin_with;
	struct line line;

	(void)arg;
	CHECK(crew_lock_acquire(&lock) == 0);
	line_open(&line);
	for (unsigned i = 0; i < 2; i++)
		line_add(&line, pass_through, &lock);
	UNTIL(waiting(&lock) == 2);
	crew_scope_cancel(&line.one[0].scope, NULL);
	crew_scope_cancel(&line.one[1].scope, NULL);
	CHECK(crew_lock_release(&lock) == 0);
	CHECK(crew_lock_acquire_nowait(&lock) == 0);
	CHECK(crew_lock_release(&lock) == 0);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[1].rc == CREW_ECANCELED);
	return 0;
}

Test(lock, B7_cancelled_waits_leave_a_free_lock)
{
	with_both_kinds(all_in_line_are_cancelled);
}

static int in_a_cancelled_scope(void *arg)
{
	struct crew_lock lock = lock_to_begin_with;
	struct crew_scope scope;

	(void)arg;
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_lock_acquire(&lock) == CREW_ECANCELED && !stats_of(&lock).owner);
	CHECK(crew_lock_acquire_nowait(&lock) == 0);
	CHECK(crew_lock_release(&lock) == 0);
	crew_scope_close(&scope, 0);
	return 0;
}

Test(lock, B13_B14_Y3_in_a_cancelled_scope)
{
	with_both_kinds(in_a_cancelled_scope);
}

/* ---- all at once ------------------------------------------------------------------- */

struct account {
	struct crew_lock lock;
	long cents;
	struct crew_word deposits;
};

static int deposit_often(void *arg)
{
	struct account *account = (struct account *)arg;

	for (int i = 0; i < 2000; i++) {
		int rc = crew_lock_acquire(&account->lock);

		if (rc)
			return rc;
		account->cents++;
		if (i % 64 == 0)
			crew_yield();
		crew__add_relaxed(&account->deposits, 1);
		CHECK(crew_lock_release(&account->lock) == 0);
	}
	return 0;
}

static int many_deposits(void *arg)
{
	static struct account account;
	struct line line;

	(void)arg;
	memset(&account, 0, sizeof(account));
	account.lock = lock_to_begin_with;
	line_open(&line);
	for (unsigned i = 0; i < LINE_MAX; i++)
		line_add(&line, deposit_often, &account);
	UNTIL(crew__load_acquire(&account.deposits) > 1000);
	for (unsigned i = 0; i < LINE_MAX; i += 3)
		crew_scope_cancel(&line.one[i].scope, NULL);
	CHECK(line_close(&line) == 0);
	CHECK((uint64_t)account.cents == crew__load_relaxed(&account.deposits));
	for (unsigned i = 0; i < LINE_MAX; i++)
		CHECK(line.one[i].rc == 0 || (i % 3 == 0 && line.one[i].rc == CREW_ECANCELED));
	CHECK(!stats_of(&account.lock).owner && waiting(&account.lock) == 0);
	return 0;
}

Test(lock, J9_J21_nothing_is_lost_by_many_and_their_cancellations)
{
	with_both_kinds(many_deposits);
}
