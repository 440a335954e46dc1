/* SPDX-License-Identifier: MIT */
/* select.h - what select.c asks of what can be selected. See select.c. */
#ifndef CREW__SELECT_H
#define CREW__SELECT_H

#include "sync/channel.h"

#include "crew/select.h"

/* What a case keeps in its private_. */
struct crew__case {
	struct crew__deal deal; /* its wait; what a channel is asked for */
	struct crew_lot *lot;	/* NULL: there is none, it fails with deal.wait.rc */
	struct crew_case *next; /* the cases that have one, by the addresses of their lots */
	uint64_t shuffled;	/* of the i-th case: which one is looked at i-th */
};

static inline struct crew__case *crew__case_of(struct crew_case *one)
{
	_Static_assert(sizeof(struct crew__case) <= sizeof(one->private_), "room in a case");
	return (struct crew__case *)(void *)one->private_;
}

/* A kind of case. */
struct crew__selectable {
	/* Begins deal.end and deal.kind, if it needs them. Where to wait, or NULL. Then the
	 * case has CREW_ECLOSED, if it is given no other code. */
	struct crew_lot *(*begin)(struct crew_case *one);
	/* pre of these: the lot is locked. */
	enum crew__try (*try)(struct crew_case *one, struct crew__aside *aside);
	struct crew_lot_queue *(*queue)(struct crew_case *one);
	/* After a try that said wait, when another case was done. NULL: nothing to do. */
	void (*give_up)(struct crew_case *one);
	/* pre: no lot is locked. Before a select that may wait. NULL: nothing to do. */
	void (*want)(struct crew_case *one);
};

extern const struct crew__selectable crew__selectable_send, crew__selectable_receive,
	crew__selectable_event, crew__selectable_subscriber, crew__selectable_task;

#endif /* CREW__SELECT_H */
