/* SPDX-License-Identifier: MIT */
/*
 * scope.h - what the files of this floor know about scopes: what is deferred, handles.
 */
#ifndef CREW__SCOPE_H
#define CREW__SCOPE_H

#include "exec/exec.h"

#include "crew/crew.h"

/* The owner, of a scope or of a group's: fn(arg) runs when it is left. */
void crew__defer(struct crew_scope *scope, struct crew_defer *entry, void (*fn)(void *arg),
		 void *arg);
void crew__run_deferred(struct crew_scope *scope);

/* Locks a handle. Its scope; or NULL, it was left: then `cause` says why that was
 * cancelled, if it was. */
struct crew_scope *crew__ref_lock(struct crew_scope_ref *ref, struct crew__cause *cause);
void crew__ref_unlock(struct crew_scope_ref *ref);
/* The owner leaves: from here on no handle reaches the scope. */
void crew__ref_leave(struct crew_scope *scope);

/* Is the caller the owner of the group, and the group its innermost scope? 0, or why not. */
int crew__group_owned(const struct crew_group *group);

#endif /* CREW__SCOPE_H */
