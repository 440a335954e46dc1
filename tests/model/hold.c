/* SPDX-License-Identifier: MIT */
/*
 * model/hold.c - groups that plain threads hold open (exec/join.h): they spawn and let go
 * while the owner closes. Nobody touches a group that was closed (model_close()).
 */
#include "exec/exec.h"
#include "model/model.h"

static struct crew_group *held;
static struct crew_word next;

/* model_now->numbers: how many hold the group */
static int close_held(void *arg)
{
	int rc;

	(void)arg;
	held = model_open(NULL);
	for (int i = 0; i < 2; i++)
		crew__sim_check(crew_group_hold(held) == 0, "hold");
	crew__store_relaxed(&next, 0);
	crew__store_release(&model_now->numbers, 1);
	rc = model_close(held, 0);
	model_check_ran(0, 4);
	return rc;
}

static void spawn_and_release(struct model *m)
{
	uintptr_t first;

	while (!crew__load_acquire(&m->numbers))
		crew__sim_yield();
	first = 2 * crew__add_relaxed(&next, 1);
	for (uintptr_t n = first; n < first + 2; n++)
		crew__sim_check(crew_group_spawn(held, model_leaf, (void *)n) == 0, "spawn");
	crew_group_release(held);
}

Test(hold, plain_threads_spawn_and_let_go_while_the_owner_closes, .timeout = 300)
{
	struct model model = { .program = close_held, .beside = spawn_and_release, .threads = 2 };

	model_search("hold", model, 2000);
}
