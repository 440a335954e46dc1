/* SPDX-License-Identifier: MIT */
/* hold.c - groups that are held open by those who are no children of theirs. */
#include "api/scope.h"

/* A plain thread that spawns into a group which its owner closes meanwhile. */
struct held {
	struct crew_group group;
	struct crew_word ran;
	int spawned;
	int held_again;
	uint64_t written;
};

static int run(void *arg)
{
	crew__add_acq_rel((struct crew_word *)arg, 1);
	return 0;
}

/* Is the owner in close, waiting? */
static bool is_armed(struct crew_group *group)
{
	return crew__load_acquire(&group->private_.count) >= CREW__JOIN_BIAS;
}

static void *spawn_late(void *arg)
{
	struct held *held = (struct held *)arg;

	while (!is_armed(&held->group))
		sched_yield();
	held->spawned = crew_group_spawn(&held->group, run, &held->ran);
	held->held_again = crew_group_hold(&held->group);
	crew_group_release(&held->group);
	held->written = 7;
	crew_group_release(&held->group);
	return NULL;
}

static int close_while_held(void *arg)
{
	struct held held = { .spawned = 1 };
	pthread_t thread;
	int rc;

	(void)arg;
	crew_group_open(&held.group, CREW_GROUP(.crew = test_crew));
	CHECK(crew_group_hold(&held.group) == 0);
	CHECK(pthread_create(&thread, NULL, spawn_late, &held) == 0);
	rc = crew_group_close(&held.group, 0);
	CHECK(rc == 0 && held.written == 7 && held.spawned == 0 && held.held_again == 0);
	CHECK(crew__load_acquire(&held.ran) == 1);
	CHECK(crew_group_hold(&held.group) == CREW_ECLOSED);
	pthread_join(thread, NULL);
	return 0;
}

Test(hold, close_waits_for_the_release_and_for_what_was_spawned, .timeout = 60)
{
	everywhere(close_while_held);
}

static int hold_and_wait(void *arg)
{
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	CHECK(crew_group_hold(&group) == 0);
	crew_group_cancel(&group, NULL);
	CHECK(crew_group_hold(&group) == 0);
	CHECK(crew_group_wait(&group) == CREW_ECANCELED);
	crew_group_release(&group);
	crew_group_release(&group);
	CHECK(crew_group_close(&group, 0) == 0);
	crew_group_open(&group, CREW_GROUP(.policy = (enum crew_policy)77));
	CHECK(crew_group_hold(&group) == CREW_EINVAL);
	CHECK(crew_group_close(&group, 0) == CREW_EINVAL);
	return 0;
}

Test(hold, a_cancelled_group_can_be_held, .timeout = 60)
{
	everywhere(hold_and_wait);
}
