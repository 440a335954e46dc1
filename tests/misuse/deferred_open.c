/* expect: a deferred function returned without closing its scope or group */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"

static void forget_to_close(void *scope)
{
	crew_scope_open((struct crew_scope *)scope, NULL);
}

int main(void)
{
	static struct crew_scope inner;
	struct crew_defer entry;
	struct crew_scope scope;

	crew_scope_open(&scope, NULL);
	if (crew_scope_defer(&scope, &entry, forget_to_close, &inner))
		return 2;
	return crew_scope_close(&scope, 0);
}
