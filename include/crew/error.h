/* SPDX-License-Identifier: MIT */
/*
 * crew/error.h - all failures of a group, not only the first.
 *
 * What a task returns is a code, and close returns the code of the first failure. A
 * task that has more to say says it with crew_fail(); whoever wants to hear all of it
 * gives the group a place for them:
 *
 *	static int fetch(void *arg)
 *	{
 *		const char *page = (const char *)arg;
 *
 *		return crew_fail(404, "no such page: %s", page);
 *	}
 *
 *	int fetch_both(char *one, char *other)
 *	{
 *		struct crew_errors errors;
 *		struct crew_group group;
 *		int rc;
 *
 *		crew_group_open(&group, CREW_GROUP(.policy = CREW_COLLECT, .errors = &errors));
 *		crew_group_spawn(&group, fetch, one);
 *		crew_group_spawn(&group, fetch, other);
 *		rc = crew_group_close(&group, 0);
 *		crew_errors_print(&errors, stderr);
 *		crew_errors_fini(&errors);
 *		return rc;
 *	}
 *
 * What is an error: each child that failed, and the block, in the order in which they
 * ended. Whoever was stopped by a cancellation is none; one that returned CREW_ECANCELED
 * although nothing was cancelled is. A group's own timeout is what close returns, and no
 * error; what children return after it struck is kept.
 *
 * Errors nest as groups do. A group without .errors whose close failed leaves what it
 * has collected to the task that closed it: when that task ends with the code, they are
 * `inside` of its error. Whatever nobody asks for is freed.
 *
 * What crew_fail() has said belongs to the task until it ends with that code; ends it
 * with another one, or with 0, nobody will hear of it. A second crew_fail() has the first
 * as its `cause`. Inside of crew_blocking() it speaks for the task, and what the task of a
 * crew_run() has said comes back to the caller. A plain thread is heard while it has a scope
 * or a group open. What is said inside of a forked call (crew/fork.h) that another worker
 * took is lost.
 *
 * Recording never fails, and is bounded: a tree keeps 64 errors, causes included, a
 * message 255 bytes. When there are more, first what only stands between a group
 * and the failures inside goes, then the latest; they are counted, as are those for which
 * there is no memory.
 *
 * See also: crew/group.h (what close returns).
 */
#ifndef CREW_ERROR_H
#define CREW_ERROR_H

#include "crew/base.h"

#include <stdio.h>

CREW_BEGIN

struct crew_errors;

/* One failure. Valid until crew_errors_fini() of the errors that it belongs to. */
struct crew_error {
	int rc;
	uint32_t reserved;
	const char *message;		  /* given to crew_fail(), or NULL */
	const char *place;		  /* where that was, or NULL */
	const char *task;		  /* the name of the task that failed, or NULL */
	const char *site;		  /* where it was spawned; NULL: a plain thread */
	const struct crew_error *cause;	  /* what had failed before, or NULL */
	const struct crew_errors *inside; /* of the group that the task closed, or NULL */
	struct {
		struct crew_error *next;
		struct crew_errors *list; /* that it is in */
	} private_;
};

/*
 * Storage for the errors of one group, given to crew_group_open(), which initialises it;
 * not to be moved, and of use when the group is closed. No field is for callers.
 */
struct crew_errors {
	struct {
		struct crew_error *first;
		struct crew_error *last;
		struct crew_error *of; /* that it is inside of */
		uint64_t count;
		uint64_t kept;	  /* with what is inside */
		int32_t codes[8]; /* of those that are not kept, */
		uint32_t lost[8]; /* and how many */
		void *reserved[2];
	} private_;
};

/*
 * Says why the task is about to fail: return crew_fail(ENOENT, "no file %s", name).
 * The message is made and copied at once; crew_fail() adds the place of the call.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	rc
 */
CREW_API int crew_fail_at(int rc, const char *place, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
#define crew_fail(rc, ...) crew_fail_at(rc, CREW_HERE, __VA_ARGS__)

/*
 * How many failed: children of the group, and its block; also those that are not kept. In
 * this and in what follows NULL has none.
 *
 * Checkpoint:	none
 * Callers:	anybody, when the group is closed
 * Returns:	the number, without what is inside
 */
CREW_API size_t crew_errors_count(const struct crew_errors *errors);

/*
 * The first one; crew_error_next() has the others.
 *
 * Checkpoint:	none
 * Callers:	anybody, when the group is closed
 * Returns:	the error, or NULL
 */
CREW_API const struct crew_error *crew_errors_first(const struct crew_errors *errors);

/*
 * The one that failed next in the same group.
 *
 * Checkpoint:	none
 * Callers:	anybody
 * Returns:	the error, or NULL
 */
CREW_API const struct crew_error *crew_error_next(const struct crew_error *error);

/*
 * Goes through the tree without its shape: the errors that have nothing inside, in order.
 * `rc` other than 0: only those with this code. `after`: the one before; NULL: from the
 * beginning.
 *
 * Checkpoint:	none
 * Callers:	anybody, when the group is closed
 * Returns:	the error, or NULL
 */
CREW_API const struct crew_error *crew_errors_find(const struct crew_errors *errors, int rc,
						   const struct crew_error *after);

/*
 * How many crew_errors_find() would find with this code, and with those that are not kept
 * (the first eight codes of which are told apart).
 *
 * Checkpoint:	none
 * Callers:	anybody, when the group is closed
 * Returns:	the number
 */
CREW_API size_t crew_errors_match(const struct crew_errors *errors, int rc);

/*
 * Prints a line for each, with its causes and with what is inside behind it, a tab further in.
 *
 * Checkpoint:	none
 * Callers:	anybody, when the group is closed
 */
CREW_API void crew_errors_print(const struct crew_errors *errors, FILE *out);

/*
 * Frees all of them.
 *
 * Checkpoint:	none
 * Callers:	anybody, once the group is closed
 */
CREW_API void crew_errors_fini(struct crew_errors *errors);

CREW_END

#endif /* CREW_ERROR_H */
