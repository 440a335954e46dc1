/* SPDX-License-Identifier: MIT */
/*
 * crew/select.h - whatever can be done first, of several things.
 *
 * A select has some cases: to send by a channel, to receive from one, or from a broadcast,
 * to see an event set, or a task ended. It does exactly one of them, the first that can be
 * done, and waits while none can. Of the others nothing happens: no item is taken or given,
 * and nobody in line is overtaken.
 *
 *	int print_until(struct crew_receiver *lines, struct crew_event *stop)
 *	{
 *		const char *line;
 *		struct crew_case cases[] = {
 *			CREW_ON_EVENT(stop),
 *			CREW_ON_RECEIVE(lines, &line),
 *		};
 *
 *		for (;;) {
 *			int which = crew_select_one(cases, 2, CREW_IN_ORDER);
 *
 *			if (which < 0 || which == 0)
 *				return which;
 *			if (cases[1].rc)
 *				return cases[1].rc == CREW_EEND ? 0 : cases[1].rc;
 *			printf("%s\n", line);
 *		}
 *	}
 *
 * A case that fails is done as well: one on an end that is closed, or on a channel that has
 * ended, is chosen at once, and .rc says why. Who goes on with the others takes it out:
 * cases[i].kind = CREW_CASE_OFF.
 *
 * The end of a task, CREW_ON_TASK(handle), is seen and not taken: crew_task_join() gives code
 * and value then, at once. A lazy task begins when a select that may wait for it does; the
 * handle is not dropped before that has returned. The case of a task that is the caller, or
 * waits for it, fails with CREW_EDEADLK.
 *
 * Timeouts are scopes: crew_scope_move_on_after() around it, and what it returns then is
 * CREW_ECANCELED.
 *
 * Of a select and its cancellation the first wins, as with every wait: CREW_ECANCELED means
 * that none of the cases has happened.
 *
 * What the calls cost, with n cases in m channels, events and tasks:
 *
 *	that need not wait	the locks of the m lots, all at a time; the case
 *	that wait		these, two switches, then the m locks again one by one;
 *				no memory
 *	CREW_FAIR		n random numbers
 *
 * See also: crew/channel.h, crew/broadcast.h, crew/event.h, crew/group.h (handles).
 */
#ifndef CREW_SELECT_H
#define CREW_SELECT_H

#include "crew/base.h"
#include "crew/channel.h"
#include "crew/event.h"

CREW_BEGIN

enum crew_case_kind {
	CREW_CASE_OFF = 0,    /* not looked at */
	CREW_CASE_SEND,	      /* crew_send(on, item) */
	CREW_CASE_RECEIVE,    /* crew_receive(on, item) */
	CREW_CASE_EVENT,      /* crew_event_wait(on) */
	CREW_CASE_SUBSCRIBER, /* crew_subscriber_receive(on, item) */
	CREW_CASE_TASK,	      /* crew_task_join(on, NULL, NULL), but nobody has asked */
};

/*
 * May be used again as it is. Must not be touched while a select waits with it; the ends,
 * events and tasks stay where they are until that has returned. Of `private_` nothing is for
 * callers, nor need it be set.
 */
struct crew_case {
	enum crew_case_kind kind;
	int rc; /* of the one that was done: 0, or why it failed */
	void *on;
	void *item;
	void *private_[16];
};

/* clang-format off */
#define CREW_ON_SEND(sender, what) \
	{ CREW_CASE_SEND, 0, (sender), (void *)(uintptr_t)(what), { NULL } }
#define CREW_ON_RECEIVE(receiver, where_to) \
	{ CREW_CASE_RECEIVE, 0, (receiver), (where_to), { NULL } }
#define CREW_ON_EVENT(event) \
	{ CREW_CASE_EVENT, 0, (event), NULL, { NULL } }
#define CREW_ON_SUBSCRIBER(subscriber, where_to) \
	{ CREW_CASE_SUBSCRIBER, 0, (subscriber), (where_to), { NULL } }
#define CREW_ON_TASK(task) \
	{ CREW_CASE_TASK, 0, (task), NULL, { NULL } }
/* clang-format on */

enum crew_select_order {
	CREW_FAIR = 0, /* of those that can be done at once each is as likely */
	CREW_IN_ORDER, /* the first */
};

/*
 * Does one of the cases. Waits while none can be done; for ever, when none is on.
 *
 * Checkpoint:	cancel
 * Callers:	tasks and plain threads
 * Returns:	which one, from 0 on; its .rc says how
 *		CREW_ECANCELED	the caller is cancelled, or was while it waited
 *		CREW_EINVAL	a kind or an order that is none; or more than INT32_MAX cases
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_select_one(struct crew_case cases[], size_t count, enum crew_select_order order);

/*
 * Does one of the cases if any can be done at once. Does not look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	which one, from 0 on; its .rc says how
 *		CREW_EWOULDBLOCK it would have to wait
 *		CREW_EINVAL	as crew_select_one()
 */
CREW_API int crew_select_nowait(struct crew_case cases[], size_t count,
				enum crew_select_order order);

CREW_END

#endif /* CREW_SELECT_H */
