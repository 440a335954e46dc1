/* expect: a scope is entered once, after it was prepared */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"

int main(void)
{
	struct crew_scope scope;

	crew_scope_open(&scope, NULL);
	crew_scope_enter(&scope);
	return 0;
}
