/* SPDX-License-Identifier: MIT */
/*
 * errors.h - the failures of a group as one tree, and what a task says before it fails.
 *
 * WORDS
 *	pending	what a task has said with crew_fail(), or what a group that it closed left to
 *		it: a chain from the newest on, each the cause of the one before. It hangs on
 *		the task's fiber, or on the plain thread.
 *	list	a struct crew_errors: the caller's, or one of ours inside of an error.
 *	leaf	an error with nothing inside.
 *
 * LIFE OF AN ERROR
 *	pending -> in its group's list, when the task ends with that code
 *		-> set aside, while its task runs children in place, and back
 *		-> freed, when the task ends otherwise
 *	in a list -> with the list inside of a pending one, when the group is closed
 *
 * INVARIANTS
 *	L1  A child in place begins, and ends, with nothing pending: so the fiber's is the
 *	    running task's. Its parent's is set aside by close.
 *	L2  A group's list is there when its scope has CREW__GROUP_KEEPS; both change, and the list
 *	    grows, under the group's lock, before the child is counted off.
 *	L3  The group's first failure is the first in the list: the same lock guards it.
 *	L4  A tree holds at most CREW__ERRORS_MAX errors, causes and what is inside of them
 *	    included; so it is no deeper than that.
 *
 * GUARDED BY tests/api/errors.c, tests/model/errors.c.
 */
#ifndef CREW__ERRORS_H
#define CREW__ERRORS_H

#include "scope/group.h"

#include "crew/error.h"

struct crew__fiber;

/* What is shown to callers as const is ours to change and to free. */
static inline struct crew_error *crew__error_cause(const struct crew_error *error)
{
	return (struct crew_error *)(uintptr_t)error->cause;
}

static inline struct crew_errors *crew__error_inside(const struct crew_error *error)
{
	return (struct crew_errors *)(uintptr_t)error->inside;
}

/* ---- errors.c: the tree ------------------------------------------------------ */

/* With a copy of the message, or NULL for none. NULL: no memory. */
struct crew_error *crew__error_make(int rc, const char *place, const char *message);
/* Hangs the list, one of ours, below the error. */
void crew__error_nest(struct crew_error *error, struct crew_errors *inside);
/* The last of its causes has this one; as much of that as there is room for. */
void crew__error_chain(struct crew_error *error, struct crew_error *cause);
/* Frees it, its causes, and what is inside. NULL is allowed. */
void crew__error_free(struct crew_error *error);
/* Appends a failure with the code. NULL: there was no memory for it, so it is counted. What
 * there is no room for is freed. */
void crew__errors_append(struct crew_errors *errors, int rc, struct crew_error *error);

/* ---- fail.c: from the task to the group. `fiber`: of the caller; NULL: a plain thread -- */

/* The pending one with the code, with its causes, or NULL; what is newer is freed. */
struct crew_error *crew__pending_take(struct crew__fiber *fiber, int rc);
/* Nothing is pending any more; what was, or NULL, for crew__pending_restore(). */
struct crew_error *crew__pending_set_aside(struct crew__fiber *fiber);
void crew__pending_restore(struct crew__fiber *fiber, struct crew_error *aside);
/* Makes the error pending; what was so is its cause. NULL: nothing. */
void crew__pending_push(struct crew__fiber *fiber, struct crew_error *error);

/* The caller's storage, at open. */
void crew__group_keep_in(struct crew_group *group, struct crew_errors *errors);
/* The failure of who runs on the fiber, with what was said of it. NULL: no memory. */
struct crew_error *crew__error_of(struct crew__fiber *fiber, int rc);
/* Takes the error, or counts it for lack of memory (NULL). `own`: close may return it. */
void crew__group_add_error(struct crew_group *group, int rc, struct crew_error *error, bool own);
/* The group is closed with the code: what it has collected goes where it belongs. */
void crew__group_leave_errors(struct crew_group *group, struct crew__fiber *fiber, int rc);

#endif /* CREW__ERRORS_H */
