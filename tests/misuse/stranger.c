/* expect: somebody who is no child of a group and does not hold it spawned into it */
/* SPDX-License-Identifier: MIT */
/* The owner was told that all have ended, and its worker is busy, when a stranger comes. */
#include "exec/exec.h"

#include "crew/crew.h"

#include <sched.h>

static struct crew_group group;
static struct crew_word held;
static struct crew_word busy;
static struct crew_word over;

static int own(void *arg)
{
	(void)arg;
	crew_group_open(&group, NULL);
	crew_group_hold(&group);
	crew__store_release(&held, 1);
	return crew_group_close(&group, 0);
}

static int compute(void *arg)
{
	crew__store_release(&busy, 1);
	while (!crew__load_acquire(&over))
		;
	return arg != NULL;
}

int main(void)
{
	struct crew_group outer;
	struct crew *crew;

	if (crew_start(&crew, CREW_OPTIONS(.workers = 1)))
		return 2;
	crew_group_open(&outer, CREW_GROUP(.crew = crew));
	crew_group_spawn(&outer, own, NULL);
	while (!crew__load_acquire(&held) ||
	       crew__load_acquire(&group.private_.count) < CREW__JOIN_BIAS)
		sched_yield();
	crew_group_spawn(&outer, compute, NULL);
	while (!crew__load_acquire(&busy))
		sched_yield();
	crew_group_release(&group);
	crew_group_hold(&group);
	crew__store_release(&over, 1);
	crew_group_close(&outer, 0);
	return crew_stop(crew);
}
