/* SPDX-License-Identifier: MIT */
/*
 * record.h - what does not fit into a slot: a task on its way through the inject
 * queue, with a name or flags, or with a copy of its argument.
 */
#ifndef CREW__RECORD_H
#define CREW__RECORD_H

#include "exec/deque.h"
#include "exec/inject.h"

#include "crew/group.h"

enum crew__record_kind {
	CREW__RECORD_PLAIN,
	CREW__RECORD_COPY,     /* with room for an argument behind it */
	CREW__RECORD_TASK,     /* the head of what has handles (floor 4) */
	CREW__RECORD_OVERFLOW, /* the head of what a deque had no room for */
	CREW__RECORD_KINDS,
	CREW__RECORD_TURN = CREW__RECORD_KINDS, /* none: who waits for room (floor 4) */
};

struct crew__record {
	union {
		struct crew__injected injected;
		struct crew__record *behind; /* while it waits to be let in (floor 4) */
	};
	struct crew__slot slot; /* what was asked for */
	const char *name;
	uint8_t kind;
	uint8_t flags; /* enum crew_task_flags */
	bool keep;     /* the slot in the deque refers to the record until the task ends */
	bool limited;  /* its group is told when it has ended */
	struct crew__word32 holders; /* of a task with handles; 0: it is free */
};

/* A task that a full deque had no room for, and those that were the newest in it. */
struct crew__overflow {
	struct crew__record record;
	struct crew__slot slots[1 + CREW__OVERFLOW_BATCH];
};

#define CREW__RECORD_BYTES ((size_t)64)
#define CREW__TASK_BYTES   ((size_t)512)

/* The copy of the argument: aligned for any type. */
static inline void *crew__record_copy(struct crew__record *record)
{
	return (char *)record + CREW__RECORD_BYTES;
}

/* A task with handles is run also in a cancelled group, where it may not call its function. */
static inline bool crew__record_decides(const struct crew__record *record)
{
	return record && record->kind == CREW__RECORD_TASK;
}

/* What a deque holds for a record that stays until the task ends. */
static inline struct crew__slot crew__record_slot(struct crew__record *record)
{
	struct crew__slot slot = record->slot;

	slot.arg = record;
	slot.group |= CREW__SLOT_RECORD;
	if (record->flags & (CREW_TASK_PINNED | CREW_TASK_INLINE))
		slot.group |= CREW__SLOT_PINNED;
	return slot;
}

struct crew__worker;

/* Puts what came from the inject queue into the worker's deque. pre: there is room. */
void crew__record_open(struct crew__worker *worker, struct crew__injected *what);

#endif /* CREW__RECORD_H */
