/* expect: a handle of a task was not dropped before crew_stop() */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

int main(void)
{
	struct crew *crew;
	struct crew_group group;
	struct crew_task *task;
	int rc = crew_start(&crew, NULL);

	if (rc)
		return rc;
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	rc = crew_group_spawn_task(&group, nothing, NULL, NULL, &task);
	return rc + crew_group_close(&group, 0) + crew_stop(crew);
}
