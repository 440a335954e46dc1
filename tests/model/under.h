/* SPDX-License-Identifier: MIT */
/* under.h - a tree of scopes without crews and callers, for models of what walks it. */
#ifndef CREW_UNDER_H
#define CREW_UNDER_H

#include "exec/exec.h"

#include <string.h>

static const struct crew__cause by_call = { .source = CREW_BY_CALL, .reason = "model" };

/* All but what the engine sets when it enters a scope is nonsense. */
static inline void open_under(struct crew_scope *scope, struct crew_scope *parent)
{
	memset(scope, 0xa5, sizeof(*scope));
	scope->private_.parent = parent;
	scope->private_.crew = NULL;
	scope->private_.flags = 0;
	scope->private_.lock = 0;
}

#endif /* CREW_UNDER_H */
