/* expect: crew: deadlock */
/* SPDX-License-Identifier: MIT */
#include "crew.h"

static struct crew_event never;

static int wait(void *arg)
{
	(void)arg;
	return crew_event_wait(&never);
}

int main(void)
{
	struct crew *crew;
	int rc = crew_start(&crew, CREW_OPTIONS(.deadlock = CREW_DEADLOCK_ABORT));

	return rc ? rc : crew_run(crew, wait, NULL);
}
