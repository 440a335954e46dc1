/* SPDX-License-Identifier: MIT */
/* guard.c - guards (crew/guard.h). */
#include "api/sync.h"

#include "crew/guard.h"

#include <string.h>

static const char *user_of(const struct crew_guard *guard)
{
	struct crew_guard_stats stats = { .size = sizeof(stats) };

	crew_guard_read_stats(guard, &stats);
	return stats.user;
}

static int enter(void *arg)
{
	return crew_guard_enter((struct crew_guard *)arg);
}

static int leave(void *arg)
{
	return crew_guard_leave((struct crew_guard *)arg);
}

static int busy(void *arg)
{
	struct crew_guard guard = CREW_GUARD_INIT;
	struct line line;

	(void)arg;
	CHECK(crew_guard_leave(&guard) == CREW_EPERM && !user_of(&guard));
	CHECK(crew_guard_enter(&guard) == 0 && user_of(&guard));
	CHECK(crew_guard_enter(&guard) == CREW_EBUSY);
	line_open(&line);
	for (unsigned i = 0; i < 2; i++)
		line_add(&line, enter, &guard);
	UNTIL(ended_of(&line) == 2);
	CHECK(line.one[0].rc == CREW_EBUSY && line.one[1].rc == CREW_EBUSY);
	line_add(&line, leave, &guard);
	CHECK(line_close(&line) == 0 && line.one[2].rc == 0);
	CHECK(crew_guard_leave(&guard) == CREW_EPERM);
	CHECK(crew_guard_enter(&guard) == 0 && crew_guard_leave(&guard) == 0);
	crew_guard_fini(&guard);
	return 0;
}

Test(guard, row193_a_second_user_is_told_at_once)
{
	in_all_places(busy);
}

static int named(void *arg)
{
	struct crew_guard guard = CREW_GUARD_INIT;
	struct crew_group group;

	(void)arg;
	crew_group_open(&group, CREW_GROUP(.crew = test_crew));
	crew_group_spawn_task(&group, enter, &guard, CREW_TASK(.name = "reader"), NULL);
	CHECK(crew_group_close(&group, 0) == 0);
	CHECK(!strcmp(user_of(&guard), "reader") && crew_guard_leave(&guard) == 0);
	return 0;
}

Test(guard, row193_the_user_is_named)
{
	in_all_places(named);
}
