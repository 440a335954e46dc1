/* SPDX-License-Identifier: MIT */
/* condition.c - conditions (crew/condition.h). */
#include "api/lock_kinds.h"

#include "crew/condition.h"

struct room {
	struct crew_lock lock;
	struct crew_condition condition;
	uint64_t order; /* guarded by lock */
	bool open;
};

static void init_room(struct room *room)
{
	*room = (struct room){ .lock = lock_to_begin_with };
	crew_condition_init(&room->condition, &room->lock);
}

static uint64_t waiting(const struct room *room)
{
	struct crew_condition_stats stats = { .size = sizeof(stats) };

	crew_condition_read_stats(&room->condition, &stats);
	return stats.waiting;
}

static struct crew_lock_stats lock_of(const struct room *room)
{
	struct crew_lock_stats stats = { .size = sizeof(stats) };

	crew_lock_read_stats(&room->lock, &stats);
	return stats;
}

struct visit {
	struct room *room;
	uint64_t order;
};

/* Holds the lock afterwards, whatever the wait has returned: 1000 is added if not. */
static int wait_in_it(void *arg)
{
	struct visit *visit = (struct visit *)arg;
	struct room *room = visit->room;
	int rc;

	CHECK(crew_lock_acquire(&room->lock) == 0);
	rc = crew_condition_wait(&room->condition);
	visit->order = ++room->order;
	return crew_lock_release(&room->lock) == 0 ? rc : 1000 + rc;
}

static int line_up(struct line *line, struct visit visits[], unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		line_add(line, wait_in_it, &visits[i]);
		UNTIL(waiting(visits[i].room) == i + 1);
	}
	return 0;
}

static int without_the_lock(void *arg)
{
	struct room room;
	struct crew_scope scope;

	(void)arg;
	init_room(&room);
	CHECK(crew_condition_init(&room.condition, NULL) == CREW_EINVAL);
	CHECK(crew_condition_init(&room.condition, &room.lock) == 0);
	CHECK(crew_condition_wait(&room.condition) == CREW_EPERM);
	CHECK(crew_condition_notify(&room.condition, 1) == CREW_EPERM);
	CHECK(crew_condition_notify_all(&room.condition) == CREW_EPERM);
	crew_scope_open(&scope, NULL);
	crew_scope_cancel(&scope, NULL);
	CHECK(crew_condition_wait(&room.condition) == CREW_EPERM); /* Y2 */
	/* it looks before it releases: nobody has held the lock meanwhile */
	CHECK(crew_lock_acquire_nowait(&room.lock) == 0);
	CHECK(crew_condition_wait(&room.condition) == CREW_ECANCELED);
	CHECK(crew_lock_release(&room.lock) == 0);
	crew_scope_close(&scope, 0);
	return 0;
}

Test(condition, J14_Y10_needs_the_lock_and_looks_first)
{
	with_both_kinds(without_the_lock);
}

static int moved_in_order(void *arg)
{
	struct room room;
	struct visit visits[5];
	struct line line;

	(void)arg;
	init_room(&room);
	for (unsigned i = 0; i < 5; i++)
		visits[i] = (struct visit){ .room = &room };
	line_open(&line);
	CHECK(line_up(&line, visits, 5) == 0);
	CHECK(crew_lock_acquire(&room.lock) == 0);
	CHECK(crew_condition_notify(&room.condition, 2) == 0);
	/* nobody is woken: they are in the line of the lock */
	CHECK(waiting(&room) == 3 && lock_of(&room).waiting == 2);
	CHECK(crew_condition_notify(&room.condition, 1) == 0);
	CHECK(waiting(&room) == 2 && lock_of(&room).waiting == 3);
	CHECK(ended_of(&line) == 0);
	CHECK(crew_lock_release(&room.lock) == 0);
	UNTIL(ended_of(&line) == 3);
	CHECK(crew_lock_acquire(&room.lock) == 0);
	CHECK(crew_condition_notify_all(&room.condition) == 0 && waiting(&room) == 0);
	CHECK(crew_condition_notify_all(&room.condition) == 0);
	CHECK(crew_lock_release(&room.lock) == 0);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < 5; i++)
		CHECK(line.one[i].rc == 0 && visits[i].order == i + 1);
	crew_condition_fini(&room.condition);
	crew_lock_fini(&room.lock);
	return 0;
}

Test(condition, J16_notified_ones_are_in_the_line_of_the_lock)
{
	with_both_kinds(moved_in_order);
}

/* J15: it is cancelled, and still not back while somebody holds the lock. */
static int cancelled_while_held(void *arg)
{
	struct room room;
	struct visit visit = { .room = &room };
	struct line line;

	(void)arg;
	init_room(&room);
	line_open(&line);
	CHECK(line_up(&line, &visit, 1) == 0);
	CHECK(crew_lock_acquire(&room.lock) == 0);
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(waiting(&room) == 0);
	UNTIL(lock_of(&room).waiting == 1);
	CHECK(!has_ended(&line.one[0]));
	CHECK(crew_lock_release(&room.lock) == 0);
	CHECK(line_close(&line) == 0);
	CHECK(line.one[0].rc == CREW_ECANCELED && visit.order == 1);
	return 0;
}

Test(condition, J15_the_lock_is_held_again_when_it_was_cancelled)
{
	with_both_kinds(cancelled_while_held);
}

static int cancelled_then_notified(void *arg)
{
	struct room room;
	struct visit visits[3];
	struct line line;

	(void)arg;
	init_room(&room);
	for (unsigned i = 0; i < 3; i++)
		visits[i] = (struct visit){ .room = &room };
	line_open(&line);
	CHECK(line_up(&line, visits, 3) == 0);
	CHECK(crew_lock_acquire(&room.lock) == 0);
	crew_scope_cancel(&line.one[0].scope, NULL);
	CHECK(crew_condition_notify(&room.condition, 1) == 0);
	CHECK(waiting(&room) == 1);
	/* B8: notified, then cancelled: it has it */
	crew_scope_cancel(&line.one[1].scope, NULL);
	CHECK(crew_lock_release(&room.lock) == 0);
	UNTIL(ended_of(&line) == 2);
	CHECK(line.one[0].rc == CREW_ECANCELED && line.one[1].rc == 0 && waiting(&room) == 1);
	CHECK(crew_lock_acquire(&room.lock) == 0);
	CHECK(crew_condition_notify(&room.condition, 1) == 0);
	CHECK(crew_lock_release(&room.lock) == 0);
	CHECK(line_close(&line) == 0 && line.one[2].rc == 0);
	return 0;
}

Test(condition, J17_a_notification_goes_to_one_who_gets_it)
{
	with_both_kinds(cancelled_then_notified);
}

static bool is_open(void *arg)
{
	struct room *room = (struct room *)arg;

	room->order++;
	return room->open;
}

static int wait_until_open(void *arg)
{
	struct room *room = (struct room *)arg;
	int rc;

	CHECK(crew_lock_acquire(&room->lock) == 0);
	rc = crew_condition_wait_for(&room->condition, is_open, room);
	CHECK(crew_lock_release(&room->lock) == 0);
	return rc;
}

static int wait_until(void *arg)
{
	struct room room;
	struct line line;

	(void)arg;
	init_room(&room);
	CHECK(crew_condition_wait_for(&room.condition, NULL, NULL) == CREW_EINVAL);
	CHECK(crew_condition_wait_for(&room.condition, is_open, &room) == CREW_EPERM);
	CHECK(room.order == 0);
	line_open(&line);
	line_add(&line, wait_until_open, &room);
	UNTIL(waiting(&room) == 1);
	for (unsigned turn = 0; turn < 2; turn++) {
		CHECK(crew_lock_acquire(&room.lock) == 0);
		CHECK(room.order == turn + 1);
		room.open = turn == 1;
		CHECK(crew_condition_notify_all(&room.condition) == 0);
		CHECK(crew_lock_release(&room.lock) == 0);
		UNTIL(turn == 1 || waiting(&room) == 1);
	}
	CHECK(line_close(&line) == 0 && line.one[0].rc == 0 && room.order == 3);
	/* at once */
	CHECK(wait_until_open(&room) == 0 && room.order == 4);
	return 0;
}

Test(condition, J18_waits_until_it_is_true)
{
	with_both_kinds(wait_until);
}

/* ---- the lock breaks ---------------------------------------------------------------- */

static int wait_and_be_told(void *arg)
{
	struct room *room = (struct room *)arg;
	int rc;

	CHECK(crew_lock_acquire(&room->lock) == 0);
	rc = crew_condition_wait(&room->condition);
	return crew_lock_release(&room->lock) == CREW_EPERM ? rc : 1;
}

struct collapse {
	struct room room;
	struct line line;
};

/* One was notified, one is cancelled, one still waits. */
static int break_it(void *arg)
{
	struct collapse *collapse = (struct collapse *)arg;
	struct room *room = &collapse->room;

	CHECK(crew_lock_acquire(&room->lock) == 0);
	CHECK(crew_condition_notify(&room->condition, 1) == 0);
	crew_scope_cancel(&collapse->line.one[1].scope, NULL);
	UNTIL(lock_of(room).waiting == 2);
	return 0;
}

static int lock_breaks(void *arg)
{
	struct collapse collapse;
	struct crew_group group;

	(void)arg;
	init_room(&collapse.room);
	line_open(&collapse.line);
	for (unsigned i = 0; i < 3; i++) {
		line_add(&collapse.line, wait_and_be_told, &collapse.room);
		UNTIL(waiting(&collapse.room) == i + 1);
	}
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn(&group, break_it, &collapse);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(line_close(&collapse.line) == 0);
	for (unsigned i = 0; i < 3; i++)
		CHECK(collapse.line.one[i].rc == CREW_EOWNERDEAD);
	CHECK(waiting(&collapse.room) == 0 && lock_of(&collapse.room).broken);
	return 0;
}

Test(condition, Y10_all_are_told_when_the_lock_breaks)
{
	with_both_kinds(lock_breaks);
}

/* ---- all at once ---------------------------------------------------------------------- */

struct box {
	struct crew_lock lock;
	struct crew_condition filled;
	struct crew_condition emptied;
	int items;
	long put;
	long taken;
};

static int produce(void *arg)
{
	struct box *box = (struct box *)arg;

	for (int i = 0; i < 1000; i++) {
		int rc = crew_lock_acquire(&box->lock);

		while (rc == 0 && box->items == 2)
			rc = crew_condition_wait(&box->emptied);
		CHECK(rc == 0);
		box->items++;
		box->put++;
		CHECK(crew_condition_notify(&box->filled, 1) == 0);
		CHECK(crew_lock_release(&box->lock) == 0);
	}
	return 0;
}

/* Until it is cancelled. */
static int consume(void *arg)
{
	struct box *box = (struct box *)arg;

	for (;;) {
		int rc = crew_lock_acquire(&box->lock);

		if (rc)
			return rc;
		while (rc == 0 && box->items == 0)
			rc = crew_condition_wait(&box->filled);
		if (rc == 0) {
			box->items--;
			box->taken++;
			CHECK(crew_condition_notify(&box->emptied, 1) == 0);
		}
		CHECK(crew_lock_release(&box->lock) == 0);
		if (rc)
			return rc;
	}
}

static int produce_and_consume(void *arg)
{
	static struct box box;
	struct line line;

	(void)arg;
	box = (struct box){ .lock = lock_to_begin_with };
	crew_condition_init(&box.filled, &box.lock);
	crew_condition_init(&box.emptied, &box.lock);
	line_open(&line);
	for (unsigned i = 0; i < 4; i++) {
		line_add_as(&line, produce, &box, i % 2);
		line_add_as(&line, consume, &box, i % 2);
	}
	crew_scope_cancel(&line.one[1].scope, NULL); /* the others do its part */
	crew_scope_cancel(&line.one[3].scope, NULL);
	for (unsigned i = 0; i < 4; i++)
		UNTIL(has_ended(&line.one[2 * i]));
	for (unsigned i = 2; i < 4; i++)
		crew_scope_cancel(&line.one[2 * i + 1].scope, NULL);
	CHECK(line_close(&line) == 0);
	for (unsigned i = 0; i < LINE_MAX; i++)
		CHECK(line.one[i].rc == (i % 2 ? CREW_ECANCELED : 0));
	CHECK(box.put == 4000 && box.put == box.taken + box.items);
	return 0;
}

Test(condition, J17_J21_nothing_is_lost_by_many_and_their_cancellations)
{
	with_both_kinds(produce_and_consume);
}
