/* SPDX-License-Identifier: MIT */
/*
 * running_max.c - groups in which only so many children run at once: who waits for room, who
 * gets in line, in which order it goes on. The children count how many they are. Each rule
 * runs as a task, inside crew_blocking(), and on a plain thread that names its crew.
 */
#include "scope.h"

static struct crew_word running;
static struct crew_word most;
static struct crew_word ended;
static struct crew_word freed;

static struct crew_group *open_group(struct crew_group *group, uint32_t running_max)
{
	crew__store_relaxed(&running, 0);
	crew__store_relaxed(&most, 0);
	crew__store_relaxed(&ended, 0);
	crew__store_relaxed(&freed, 0);
	crew_group_open(group, CREW_GROUP(.crew = test_crew, .running_max = running_max));
	return group;
}

static void come(void)
{
	uint64_t now = crew__add_acq_rel(&running, 1) + 1;
	uint64_t before = crew__load_relaxed(&most);

	while (before < now && !crew__cas_acq_rel(&most, &before, now))
		;
}

static void go(void)
{
	crew__add_acq_rel(&running, (uint64_t)-1);
	crew__add_acq_rel(&ended, 1);
}

static int stay_a_while(void *arg)
{
	(void)arg;
	come();
	for (int i = 0; i < 3; i++)
		crew_yield();
	crew_sleep(CREW_US(50));
	go();
	return 0;
}

static void free_arg(void *arg)
{
	(void)arg;
	crew__add_acq_rel(&freed, 1);
}

/* ---- how many ------------------------------------------------------------------------ */

static int so_many_run_at_once(void *arg)
{
	struct crew_group group;

	(void)arg;
	for (uint64_t max = 1; max <= 4; max += 3) {
		open_group(&group, (uint32_t)max);
		for (uint64_t i = 1; i <= 40; i++) {
			int copy = 0;

			CHECK((i % 3 ? crew_group_spawn(&group, stay_a_while, NULL) :
				       crew_group_spawn_copy(&group, stay_a_while, &copy,
							     sizeof(copy))) == 0);
			/* Y16: whoever is let in and has not begun counts as well */
			CHECK(i - crew__load_acquire(&ended) <= max);
		}
		CHECK(crew_group_wait(&group) == 0);
		CHECK(crew__load_acquire(&ended) == 40);
		CHECK(crew_group_spawn(&group, stay_a_while, NULL) == 0);
		CHECK(crew_group_close(&group, 0) == 0);
		CHECK(crew__load_relaxed(&ended) == 41);
		CHECK(crew__load_relaxed(&most) <= max);
	}
	return 0;
}

struct grow {
	struct crew_group *group;
	unsigned depth;
};

static int grow(void *arg)
{
	struct grow *grow_on = (struct grow *)arg;
	struct grow next = { .group = grow_on->group, .depth = grow_on->depth - 1 };
	int rc = 0;

	come();
	for (int i = 0; i < 2 && grow_on->depth && rc == 0; i++)
		rc = crew_group_spawn_copy(grow_on->group, grow, &next, sizeof(next));
	crew_yield();
	go();
	return rc;
}

static int G22_children_get_in_line(void *arg)
{
	struct crew_group group;

	(void)arg;
	for (uint32_t max = 1; max <= 2; max++) {
		struct grow first = { .group = open_group(&group, max), .depth = 6 };

		CHECK(crew_group_spawn_copy(&group, grow, &first, sizeof(first)) == 0);
		CHECK(crew_group_close(&group, 0) == 0);
		CHECK(crew__load_relaxed(&ended) == 127);
		CHECK(crew__load_relaxed(&most) <= max);
	}
	return 0;
}

/* ---- in which order ------------------------------------------------------------------- */

static struct crew_word order[20];
static struct crew_word order_next;

static int take_number(void *arg)
{
	crew__store_relaxed(&order[crew__add_relaxed(&order_next, 1)], (uintptr_t)arg);
	return 0;
}

static int spawn_numbers(void *arg)
{
	struct crew_group *group = (struct crew_group *)arg;

	for (uintptr_t i = 0; i < 20; i++)
		if (i % 4 == 3 ? crew_group_spawn_task(group, take_number, (void *)i,
						       CREW_TASK(.name = "named"), NULL) :
				 crew_group_spawn(group, take_number, (void *)i))
			return CREW_EINVAL;
	return 0;
}

static int G12_one_at_a_time_begin_in_the_order_of_spawning(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew__store_relaxed(&order_next, 0);
	open_group(&group, 1);
	CHECK(crew_group_spawn(&group, spawn_numbers, &group) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	for (uint64_t i = 0; i < 20; i++)
		CHECK(crew__load_relaxed(&order[i]) == i);
	return 0;
}

/* ---- changing it ------------------------------------------------------------------------- */

static struct gate together;

/* Ends when three of them run. */
static int meet(void *arg)
{
	(void)arg;
	gate_add(&together, 1);
	while (!gate_reached(&together, 3))
		crew_yield();
	return stay_a_while(NULL);
}

static int spawn_meeting(void *arg)
{
	struct crew_group *group = (struct crew_group *)arg;
	int rc = 0;

	for (int i = 0; i < 6 && rc == 0; i++)
		rc = crew_group_spawn(group, meet, NULL);
	return rc ? rc : crew_group_set_running_max(group, 4);
}

static int G23_it_may_be_changed_while_children_wait(void *arg)
{
	struct crew_group group;

	(void)arg;
	gate_reset(&together);
	open_group(&group, 1);
	CHECK(crew_group_spawn(&group, spawn_meeting, &group) == 0);
	CHECK(crew_group_wait(&group) == 0);
	CHECK(crew__load_relaxed(&ended) == 6);
	CHECK(crew_group_set_running_max(&group, 1) == 0);
	crew__store_relaxed(&most, 0);
	for (int i = 0; i < 5; i++)
		CHECK(crew_group_spawn(&group, stay_a_while, NULL) == 0);
	CHECK(crew_group_wait(&group) == 0);
	CHECK(crew__load_relaxed(&most) == 1);
	gate_reset(&together);
	CHECK(crew_group_set_running_max(&group, 0) == 0);
	for (int i = 0; i < 3; i++)
		CHECK(crew_group_spawn(&group, meet, NULL) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew_group_set_running_max(&group, 1) == CREW_ESTATE);
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	CHECK(crew_group_set_running_max(&group, 1) == CREW_ESTATE);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

/* ---- not waiting -------------------------------------------------------------------------- */

/* The one that comes too late is refused while this one runs. */
static int stay_until_refused(void *arg)
{
	int rc = 0;

	(void)arg;
	come();
	while (rc == 0 && !crew__load_acquire(&freed))
		rc = crew_sleep(CREW_US(10));
	go();
	return rc;
}

static int spawn_two_nowait(void *arg)
{
	struct crew_group *group = (struct crew_group *)arg;

	come();
	CHECK(crew_group_spawn_task(group, stay_until_refused, NULL,
				    CREW_TASK(.flags = CREW_TASK_NOWAIT), NULL) == 0);
	CHECK(crew_group_spawn_task(group, stay_a_while, NULL,
				    CREW_TASK(.flags = CREW_TASK_NOWAIT, .arg_free = free_arg),
				    NULL) == CREW_EWOULDBLOCK);
	go();
	return 0;
}

static int a_full_group_refuses_who_does_not_want_to_wait(void *arg)
{
	struct crew_group group;
	struct crew_task *task = NULL;

	(void)arg;
	open_group(&group, 2);
	CHECK(crew_group_spawn(&group, spawn_two_nowait, &group) == 0);
	CHECK(crew_group_wait(&group) == 0);
	CHECK(crew__load_acquire(&freed) == 1 && crew__load_acquire(&ended) == 2);
	gate_reset(&together);
	for (int i = 0; i < 2; i++)
		CHECK(crew_group_spawn_task(&group, meet, NULL,
					    CREW_TASK(.flags = CREW_TASK_NOWAIT), NULL) == 0);
	CHECK(crew_group_spawn_task(&group, meet, NULL, CREW_TASK(.flags = CREW_TASK_NOWAIT),
				    &task) == CREW_EWOULDBLOCK);
	CHECK(!task);
	CHECK(crew_group_set_running_max(&group, 3) == 0);
	CHECK(crew_group_spawn_task(&group, meet, NULL, CREW_TASK(.flags = CREW_TASK_NOWAIT),
				    NULL) == 0);
	CHECK(crew_group_spawn_task(&group, meet, NULL,
				    CREW_TASK(.flags = CREW_TASK_NOWAIT | CREW_TASK_LAZY),
				    &task) == CREW_EINVAL);
	return crew_group_close(&group, 0);
}

/* Has room made for another, and does not end before that one has begun. */
static int make_room_and_wait(void *arg)
{
	int rc = crew_group_set_running_max((struct crew_group *)arg, 2);

	gate_add(&together, 1);
	while (rc == 0 && !gate_reached(&together, 2))
		rc = crew_sleep(CREW_US(10));
	return rc;
}

static int join_in(void *arg)
{
	(void)arg;
	gate_add(&together, 1);
	return 0;
}

static int G23_who_waits_is_let_in_by_a_higher_limit(void *arg)
{
	struct crew_group group;

	(void)arg;
	gate_reset(&together);
	open_group(&group, 1);
	CHECK(crew_group_spawn(&group, make_room_and_wait, &group) == 0);
	CHECK(crew_group_spawn(&group, join_in, NULL) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

/* ---- cancelling --------------------------------------------------------------------------- */

static int spawn_and_cancel(void *arg)
{
	struct crew_group *group = (struct crew_group *)arg;
	int rc = 0;

	for (int i = 0; i < 5 && rc == 0; i++) {
		rc = crew_group_spawn(group, stay_a_while, NULL);
		if (rc == 0)
			rc = crew_group_spawn_task(group, stay_a_while, NULL,
						   CREW_TASK(.arg_free = free_arg), NULL);
	}
	crew_group_cancel(group, "enough");
	return rc;
}

static int R16_who_is_in_line_never_begins_when_the_group_is_cancelled(void *arg)
{
	struct crew_group_stats stats = { .size = sizeof(stats) };
	struct crew_group group;

	(void)arg;
	open_group(&group, 1);
	CHECK(crew_group_spawn(&group, spawn_and_cancel, &group) == 0);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew__load_relaxed(&ended) == 0 && crew__load_relaxed(&freed) == 5);
	open_group(&group, 1);
	CHECK(crew_group_spawn(&group, spawn_and_cancel, &group) == 0);
	do {
		crew_yield();
		CHECK(crew_group_read_stats(&group, &stats) == 0);
	} while (stats.active);
	CHECK(stats.never_started == 10 && stats.finished == 1);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

static int the_owner_may_be_cancelled_while_it_waits_for_room(void *arg)
{
	struct crew_group_stats stats = { .size = sizeof(stats) };
	struct crew_group group;
	struct crew_scope scope;

	(void)arg;
	open_group(&group, 1);
	CHECK(crew_group_spawn(&group, sleep_long, NULL) == 0);
	crew_scope_move_on_after(&scope, CREW_MS(1));
	CHECK(crew_group_spawn_task(&group, stay_a_while, NULL, CREW_TASK(.arg_free = free_arg),
				    NULL) == CREW_ECANCELED);
	CHECK(crew__load_relaxed(&freed) == 1);
	CHECK(crew_group_spawn(&group, stay_a_while, NULL) == CREW_ECANCELED);
	CHECK(crew_scope_close(&scope, CREW_ECANCELED) == 0);
	CHECK(crew_group_read_stats(&group, &stats) == 0);
	CHECK(stats.active == 1 && stats.never_started == 2);
	/* its place in the line is free again */
	CHECK(crew_group_set_running_max(&group, 2) == 0);
	CHECK(crew_group_spawn(&group, stay_a_while, NULL) == 0);
	while (!crew__load_acquire(&ended))
		crew_yield();
	crew_group_cancel(&group, NULL);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(crew__load_relaxed(&ended) == 1);
	return 0;
}

static int fail_late(void *arg)
{
	(void)arg;
	crew_sleep(CREW_MS(1));
	return 7;
}

static int a_failure_sends_the_waiting_owner_away(void *arg)
{
	struct crew_group group;

	(void)arg;
	open_group(&group, 1);
	CHECK(crew_group_spawn(&group, fail_late, NULL) == 0);
	CHECK(crew_group_spawn(&group, stay_a_while, NULL) == CREW_ECANCELED);
	CHECK(crew_group_close(&group, 0) == 7);
	CHECK(crew__load_relaxed(&ended) == 0);
	return 0;
}

/* ---- with handles ---------------------------------------------------------------------------- */

static int lazy_ones_get_in_line_when_they_are_joined(void *arg)
{
	struct crew_group group;
	struct crew_task *lazy;
	struct crew_task *task;

	(void)arg;
	open_group(&group, 1);
	CHECK(crew_group_spawn_task(&group, stay_a_while, NULL, CREW_TASK(.flags = CREW_TASK_LAZY),
				    &lazy) == 0);
	CHECK(crew_group_spawn_task(&group, stay_a_while, NULL, NULL, &task) == 0);
	CHECK(crew_task_join(lazy, NULL, NULL) == 0);
	CHECK(crew__load_relaxed(&ended) == 2 && crew__load_relaxed(&most) == 1);
	CHECK(crew_task_join(task, NULL, NULL) == 0);
	crew_task_drop(lazy);
	crew_task_drop(task);
	CHECK(crew_group_close(&group, 0) == 0);
	return 0;
}

Test(running_max, so_many_run_at_once, .timeout = 30)
{
	everywhere(so_many_run_at_once);
}

Test(running_max, G22_children_get_in_line, .timeout = 30)
{
	everywhere(G22_children_get_in_line);
}

Test(running_max, G12_one_at_a_time_begin_in_the_order_of_spawning, .timeout = 30)
{
	everywhere(G12_one_at_a_time_begin_in_the_order_of_spawning);
}

Test(running_max, G23_it_may_be_changed_while_children_wait, .timeout = 30)
{
	everywhere(G23_it_may_be_changed_while_children_wait);
}

Test(running_max, a_full_group_refuses_who_does_not_want_to_wait, .timeout = 30)
{
	everywhere(a_full_group_refuses_who_does_not_want_to_wait);
}

Test(running_max, G23_who_waits_is_let_in_by_a_higher_limit, .timeout = 30)
{
	everywhere(G23_who_waits_is_let_in_by_a_higher_limit);
}

Test(running_max, R16_who_is_in_line_never_begins_when_the_group_is_cancelled, .timeout = 30)
{
	everywhere(R16_who_is_in_line_never_begins_when_the_group_is_cancelled);
}

Test(running_max, the_owner_may_be_cancelled_while_it_waits_for_room, .timeout = 30)
{
	everywhere(the_owner_may_be_cancelled_while_it_waits_for_room);
}

Test(running_max, a_failure_sends_the_waiting_owner_away, .timeout = 30)
{
	everywhere(a_failure_sends_the_waiting_owner_away);
}

Test(running_max, lazy_ones_get_in_line_when_they_are_joined, .timeout = 30)
{
	everywhere(lazy_ones_get_in_line_when_they_are_joined);
}
