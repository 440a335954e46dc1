/* expect: a task was left by pthread_exit or thread cancellation */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"

#include <pthread.h>

static int leave(void *arg)
{
	pthread_exit(arg);
}

int main(void)
{
	return crew_run(NULL, leave, NULL);
}
