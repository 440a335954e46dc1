/* SPDX-License-Identifier: MIT */
/*
 * model/admit.c - groups with .running_max (scope/admit.c): the owner that waits for room
 * against children that end, get in line themselves, change the limit, cancel; against its
 * own timeout; on a worker, and on a plain thread.
 *
 * No more run at once than may, whoever was spawned runs once, and who was not never.
 */
#include "model/model.h"

static struct crew_word running;
static struct crew_word allowed;
static bool may_be_skipped;
static unsigned spawned_by_child;

static struct crew_group *open_limited(struct crew *crew, uint32_t running_max)
{
	struct crew_group *group = model_open(crew);

	crew_group_close(group, 0);
	crew_group_open(group, CREW_GROUP(.crew = crew, .running_max = running_max));
	crew__init_word(&running, 0);
	crew__init_word(&allowed, running_max);
	may_be_skipped = false;
	spawned_by_child = 0;
	return group;
}

static int child(void *arg)
{
	crew__sim_check(crew__add_acq_rel(&running, 1) < crew__load_acquire(&allowed),
			"too many run at once");
	model_ran((unsigned)(uintptr_t)arg);
	crew_yield();
	crew__add_acq_rel(&running, (uint64_t)-1);
	return 0;
}

/* The first child: has two more get in line, then does what the test is about. */
enum first {
	END,
	ALLOW,
	CANCEL
};

struct program {
	struct crew_group *group;
	enum first first;
};

static int first_child(void *arg)
{
	const struct program *program = (const struct program *)arg;

	for (uintptr_t n = 1; n <= 2; n++)
		if (crew_group_spawn(program->group, child, (void *)n) == 0)
			spawned_by_child++;
	if (program->first == ALLOW) {
		crew__store_release(&allowed, 2);
		crew_group_set_running_max(program->group, 2);
	} else if (program->first == CANCEL) {
		crew_group_cancel(program->group, "model");
	}
	return child(NULL);
}

static void check(uintptr_t n, int rc)
{
	uint64_t ran = crew__load_relaxed(&model_now->ran[n]);

	crew__sim_check(rc == 0 || rc == CREW_ECANCELED, "spawn failed");
	crew__sim_check(rc == 0 ? ran == 1 || may_be_skipped : ran == 0,
			"who was spawned runs, and nobody else");
}

static void own(struct crew *crew, enum first first)
{
	struct program program = { .group = open_limited(crew, 1), .first = first };
	struct crew_scope scope;
	int rcs[3];

	may_be_skipped = first == CANCEL;
	crew__sim_check(crew_group_spawn(program.group, first_child, &program) == 0, "spawn");
	crew_scope_move_on_after(&scope, CREW_US(1));
	rcs[0] = crew_group_spawn(program.group, child, (void *)10);
	rcs[1] = crew_group_spawn_task(program.group, child, (void *)11,
				       CREW_TASK(.flags = CREW_TASK_ATOMIC), NULL);
	crew_scope_close(&scope, CREW_ECANCELED);
	rcs[2] = crew_group_spawn(program.group, child, (void *)12);
	crew__sim_check(rcs[1] == 0, "an atomic one was refused");
	crew__sim_check(model_close(program.group, 0) == 0, "close failed");
	for (uintptr_t i = 0; i < 3; i++)
		check(10 + i, rcs[i]);
	crew__sim_check(crew__load_relaxed(&model_now->ran[11]) == 1, "an atomic one begins");
	for (uintptr_t n = 1; n <= 2; n++)
		check(n, n <= spawned_by_child ? 0 : CREW_ECANCELED);
}

static int ends_program(void *arg)
{
	(void)arg;
	own(NULL, END);
	return 0;
}

static int allows_program(void *arg)
{
	(void)arg;
	own(NULL, ALLOW);
	return 0;
}

static int cancels_program(void *arg)
{
	(void)arg;
	own(NULL, CANCEL);
	return 0;
}

Test(admit, the_owner_waits_while_children_end, .timeout = 300)
{
	model_search("room", (struct model){ .program = ends_program, .lasts = -1 }, 1500);
}

Test(admit, the_limit_grows_while_the_owner_waits, .timeout = 300)
{
	model_search("room_grows", (struct model){ .program = allows_program, .lasts = -1 }, 1500);
}

Test(admit, the_group_is_cancelled_while_the_owner_waits, .timeout = 300)
{
	model_search("room_cancelled", (struct model){ .program = cancels_program, .lasts = -1 },
		     1500);
}

static void own_beside(struct model *m)
{
	own(m->crew, ALLOW);
}

Test(admit, a_plain_thread_is_the_owner, .timeout = 300)
{
	model_search("room_thread",
		     (struct model){ .beside = own_beside, .threads = 1, .lasts = -1 }, 1500);
}
