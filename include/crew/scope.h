/* SPDX-License-Identifier: MIT */
/*
 * crew/scope.h - regions of code that are cancelled as a whole.
 *
 * Scopes form a tree: a scope opened inside another is its child, and what is
 * cancelled is cancelled with everything below it. The scope of a group
 * (crew/group.h) is the one kind there is so far; crew_check() looks from the
 * innermost one outwards.
 */
#ifndef CREW_SCOPE_H
#define CREW_SCOPE_H

#include "crew/base.h"

/*
 * Storage for a scope. It must not be moved or copied while it is open. No
 * field is for callers.
 */
struct crew_scope {
	struct {
		struct crew_scope *parent;
		void *crew;
		struct crew_word state;
		const char *name;
		void *reserved[4];
	} private_;
};

#endif /* CREW_SCOPE_H */
