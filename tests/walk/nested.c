/* SPDX-License-Identifier: MIT */
/*
 * nested.c - a task below three nested joins: what tools/check-walks walks with gdb and
 * perf. Without an argument it ends at once, else it computes there for so many seconds.
 */
#include "crew/crew.h"

#include <stdlib.h>

#define FRAME __attribute__((noinline, noclone))

static volatile uint64_t work;

FRAME int innermost(void *arg);
FRAME int inner(void *arg);
FRAME int middle(void *arg);
FRAME int outer(void *arg);

FRAME int innermost(void *arg)
{
	crew_time end = crew_now() + CREW_S(*(int *)arg);

	do
		for (int i = 0; i < 1000; i++)
			work = work + 1;
	while (crew_now() < end);
	return 0;
}

/* As its only child the next one is run in place, below close. */
static int join_one(crew_task_fn *fn, void *arg)
{
	struct crew_group group;

	crew_group_open(&group, NULL);
	crew_group_spawn(&group, fn, arg);
	return crew_group_close(&group, 0);
}

FRAME int inner(void *arg)
{
	return join_one(innermost, arg) + (int)(work & 0);
}

FRAME int middle(void *arg)
{
	return join_one(inner, arg) + (int)(work & 0);
}

FRAME int outer(void *arg)
{
	int rc;

	crew_sleep(CREW_US(100)); /* on a stack that has waited before, perhaps elsewhere */
	rc = join_one(middle, arg);
	return rc + (int)(work & 0);
}

int main(int argc, char **argv)
{
	int seconds = argc > 1 ? atoi(argv[1]) : 0;
	struct crew *crew;
	int rc = crew_start(&crew, CREW_OPTIONS(.workers = 1));

	if (rc == 0)
		rc = crew_run(crew, outer, &seconds);
	return rc || crew_stop(crew);
}
