/* expect: a guard is given up while somebody is inside: a plain thread */
/* SPDX-License-Identifier: MIT */
#include "crew/guard.h"

int main(void)
{
	struct crew_guard guard = CREW_GUARD_INIT;

	crew_guard_enter(&guard);
	crew_guard_fini(&guard);
	return 0;
}
