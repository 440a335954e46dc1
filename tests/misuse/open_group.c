/* expect: a task returned without closing its group */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int forget_to_close(void *arg)
{
	static struct crew_group group;

	crew_group_open(&group, NULL);
	return crew_group_spawn(&group, nothing, arg);
}

int main(void)
{
	return crew_run(NULL, forget_to_close, NULL);
}
