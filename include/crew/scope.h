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

/* Why something is cancelled. */
enum crew_cancel_source {
	CREW_BY_CALL = 1,     /* somebody asked for it */
	CREW_BY_DEADLINE = 2, /* the time was up */
	CREW_BY_SIBLING = 3,  /* a child of the group failed */
	CREW_BY_PARENT = 4,   /* the group's own block failed */
	CREW_BY_STOP = 5,     /* crew_cancel() */
};

/*
 * Storage for a scope. It must not be moved or copied while it is open. No
 * field is for callers.
 */
struct crew_scope {
	struct {
		struct crew_scope *parent;
		void *crew; /* whose timer serves its deadline */
		const char *name;
		uint32_t flags;
		uint32_t lock;
		/* what follows is written when it is first needed */
		void *tree[6];	/* children, siblings, members */
		void *entry[5]; /* in the timer's heap */
		struct crew_word deadline;
		int64_t when; /* it was cancelled: why, and by whom */
		const char *reason;
		const char *by;
		const char *site;
		uint32_t source;
		uint32_t state;
		void *ref;
		void *reserved[2];
	} private_;
};

#endif /* CREW_SCOPE_H */
