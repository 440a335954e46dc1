/* expect-signal: SEGV */
/* SPDX-License-Identifier: MIT */
/* A task that needs more stack than it has meets the guard, not another task's stack. */
#include "crew/crew.h"

#include <string.h>

static int deeper(volatile char *above, int depth)
{
	volatile char here[1024];

	memset((void *)(uintptr_t)here, depth, sizeof(here));
	return depth ? deeper(here, depth - 1) + above[0] : here[1];
}

static int recurse(void *arg)
{
	char first[1] = { 0 };

	(void)arg;
	return deeper(first, 10000);
}

int main(void)
{
	return crew_run(NULL, recurse, NULL);
}
