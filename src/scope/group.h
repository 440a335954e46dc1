/* SPDX-License-Identifier: MIT */
/*
 * group.h - what the files of this floor know about groups.
 *
 * A group's children are counted, not listed. Listed are those whose handle somebody
 * has: the roster. It is written when it is first needed, under the group's lock.
 */
#ifndef CREW__GROUP_H
#define CREW__GROUP_H

#include "exec/exec.h"

#include "crew/group.h"

/* private_.state: open ones are not small, so that garbage is no open group; the low
 * byte of an open group's is its policy. */
#define CREW__GROUP_CLOSED  UINT32_C(0)
#define CREW__GROUP_OPEN    UINT32_C(0x6f706e00)
#define CREW__GROUP_REFUSED UINT32_C(0x72656600) /* opened with bad options */

/* In the scope's flags. */
enum crew__group_flags {
	CREW__GROUP_STOPPED = 0x10000, /* a child, or the block, was stopped by a cancellation */
	CREW__GROUP_FAILED = 0x20000,  /* `first` is set */
	CREW__GROUP_GAVE_UP = 0x40000, /* the block was stopped */
	CREW__GROUP_ROSTER = 0x80000,  /* there is a roster */
	CREW__GROUP_KEEPS = 0x100000,  /* there is a list of errors (errors.h), */
	CREW__GROUP_GIVEN = 0x200000,  /* which is the caller's */
};

/* How children ended that did not end well, and those whose handle was asked for: `kept`
 * in the order of spawning, `ended` in the order of completion, until they are handed out.
 * Guarded by the group's lock. */
struct crew__roster {
	struct crew__link kept;
	struct crew__link ended;
	struct crew__link takers; /* who waits for the next to end */
	uint64_t begun;		  /* of `kept`: all but lazy ones that have not begun */
	uint64_t failed;
	uint64_t cancelled;
	uint64_t never_started;
	uint64_t forgotten; /* counted, and no children after all; holds, when they are over */
};
_Static_assert(sizeof(struct crew__roster) == sizeof(((struct crew_group *)0)->private_.roster),
	       "crew_group has room for it");

/* Bit of private_.fiber: not all children run at once (admit.c). */
#define CREW__GROUP_LIMITED ((uintptr_t)1)

/* How many run, and who is to be let in. Guarded by the group's lock. */
struct crew__admission {
	uint32_t max;
	uint32_t running;
	struct crew__record *last; /* in the line; the first one is behind it */
	struct crew__fiber *owner; /* constant; NULL: a plain thread */
};
_Static_assert(sizeof(struct crew__admission) ==
		       sizeof(((struct crew_group *)0)->private_.admission),
	       "crew_group has room for it");

static inline bool crew__group_is_limited(const struct crew_group *group)
{
	return (uintptr_t)group->private_.fiber & CREW__GROUP_LIMITED;
}

/* The fiber of the owner; NULL: a visitor. */
static inline struct crew__fiber *crew__group_fiber(const struct crew_group *group)
{
	return (struct crew__fiber *)((uintptr_t)group->private_.fiber & ~CREW__GROUP_LIMITED);
}

static inline bool crew__group_is_open(const struct crew_group *group)
{
	return (group->private_.state & ~UINT32_C(0xff)) == CREW__GROUP_OPEN;
}

static inline enum crew_policy crew__group_policy(const struct crew_group *group)
{
	return (enum crew_policy)(group->private_.state & 0xff);
}

static inline void crew__group_note(struct crew_group *group, uint32_t flag)
{
	crew__scope_set(&group->scope, flag);
}

/* pre: it has one. */
static inline struct crew__roster *crew__group_roster(struct crew_group *group)
{
	return (struct crew__roster *)(void *)group->private_.roster;
}

/* Locks the group; from now on it has a roster. */
struct crew__roster *crew__group_lock(struct crew_group *group);

static inline void crew__group_unlock(struct crew_group *group)
{
	crew__lock_release(crew__join_lock(group));
}

/* One waiter of a lot that is a list. */
struct crew__queued {
	struct crew__link link;
	struct crew__waiter waiter;
};

/* Counts one that did not end well. */
void crew__group_tally(struct crew_group *group, enum crew_task_state state);

/* One that is no child will never be one. */
void crew__group_never_started(struct crew_group *group);

/* May this caller spawn into the group? 0, or why not. `flags`: enum crew_task_flags. */
int crew__group_may_spawn(const struct crew_group *group, const struct crew__caller *caller,
			  crew_task_fn *fn, uint32_t flags);
/* Counts a child. True: in `own`. */
bool crew__group_count(struct crew_group *group, const struct crew__caller *caller);
/* The same for a caller who perhaps does not keep the group open. False: no child is left, and
 * the owner is told so: it is not to be told twice. */
bool crew__group_count_late(struct crew_group *group, const struct crew__caller *caller);
/* The flags of tasks that begin also when they are cancelled before. */
#define CREW__TASK_BEGINS ((uint32_t)(CREW_TASK_ATOMIC | CREW_TASK_INLINE))

/* The owner opens a group with .running_max. */
void crew__admission_open(struct crew_group *group, const struct crew__caller *owner,
			  uint32_t running_max);
/* Before a child is made: the owner of a full group waits. CREW_ECANCELED: it is not to be
 * spawned. *has_room: it has its place. */
int crew__group_room(struct crew_group *group, const struct crew__caller *caller, uint32_t flags,
		     bool *has_room);
/* There is no memory for it: gives its place back. CREW_ENOMEM. */
int crew__group_no_record(struct crew_group *group, bool has_room);
/* Queues a child that was counted and has its record; without a place it gets in line. */
void crew__group_put(struct crew_group *group, struct crew__record *record, bool has_room);
/* Takes a child out of the line, which stays counted. False: it has been let in. */
bool crew__group_withdraw(struct crew_group *group, const struct crew__record *record);
/* Queues a child that has a record, or not; it is counted when it could be. */
int crew__group_spawn(struct crew_group *group, const struct crew__slot *slot,
		      const struct crew_task_options *options, const void *copy, size_t copy_bytes);
/* Children with handles: none is left when it returns, and what nobody has asked for is told
 * the group. pre: the owner closes, and no child is left but those that never started. */
void crew__roster_close(struct crew_group *group);

#endif /* CREW__GROUP_H */
