/* SPDX-License-Identifier: MIT */
/*
 * roster.c - the children of a group whose handles were asked for: handing them out, in the
 * order in which they end or were spawned, and what is left of them at close.
 *
 * A task is in `kept` until it is handed out, once; from its end on in `ended` as well,
 * unless somebody waits for the next: then it goes to the first of those. Close takes those
 * that are left out in the same way: children may begin meanwhile (H4), and ask for the next.
 */
#include "scope/handle.h"

struct taker {
	struct crew__queued queued;
	struct crew_task *task; /* NULL: it has to look again */
};

/* pre: locked. It leaves the roster, which hands its hold on. */
static struct crew_task *unlist(struct crew__roster *roster, struct crew_task *task)
{
	crew__list_remove(&task->kept);
	crew__list_remove(&task->ended);
	roster->begun -= task->counted;
	return task;
}

/* pre: locked. The first one that is listed, or NULL. */
static struct crew_task *first_listed(const struct crew__roster *roster)
{
	return crew__list_empty(&roster->kept) ?
		       NULL :
		       crew__container(roster->kept.next, struct crew_task, kept);
}

/* pre: locked. Counts one that is listed: it ends some day. */
static void count(struct crew__roster *roster, struct crew_task *task)
{
	task->counted = true;
	roster->begun++;
}

/* pre: locked. The first of those who wait goes on, with `task`. False: nobody waits. */
static bool serve(struct crew__roster *roster, struct crew_task *task, struct crew__parker **woken)
{
	struct crew__link *link;

	while ((link = crew__list_take(&roster->takers))) {
		struct crew__queued *queued = crew__container(link, struct crew__queued, link);
		struct taker *taker = crew__container(queued, struct taker, queued);
		struct crew__parker *parker;

		taker->task = task;
		if (crew__grant(&queued->waiter, &parker)) {
			parker->woken = *woken;
			*woken = parker;
			return true;
		}
	}
	return false;
}

/* pre: locked. When none is left, or one, who still waits looks again: it waits for nothing, or
 * perhaps for itself. */
static struct crew__parker *send_away(struct crew__roster *roster, struct crew__parker *woken)
{
	while (roster->begun <= 1 && serve(roster, NULL, &woken))
		;
	return woken;
}

void crew__roster_keep(struct crew_task *task)
{
	struct crew__roster *roster = crew__group_lock(task->group);

	crew__list_append(&roster->kept, &task->kept);
	if (!crew__handle_is_lazy(task))
		count(roster, task);
	crew__group_unlock(task->group);
}

void crew__roster_begun(struct crew_task *task)
{
	struct crew__roster *roster = crew__group_lock(task->group);

	if (!crew__list_empty(&task->kept))
		count(roster, task);
	crew__group_unlock(task->group);
}

void crew__roster_ended(struct crew_task *task)
{
	struct crew__roster *roster = crew__group_lock(task->group);
	struct crew__parker *woken = NULL;

	if (!crew__list_empty(&task->kept)) {
		if (serve(roster, task, &woken))
			unlist(roster, task);
		else
			crew__list_append(&roster->ended, &task->ended);
		woken = send_away(roster, woken);
	}
	crew__group_unlock(task->group);
	crew__ready_all(woken);
}

/* ---- handing out ------------------------------------------------------------------ */

/* Any task of the crew may ask, and whoever else may spawn. */
static int may_take(struct crew_group *group, const struct crew__caller *caller)
{
	if (group->private_.state == CREW__GROUP_REFUSED)
		return group->private_.refused;
	if (!crew__group_is_open(group))
		return CREW_ESTATE;
	if (crew__is_forked(group->scope.private_.crew))
		return CREW_EFORKED;
	return crew__caller_check(caller);
}

static void unlock_group(void *opaque)
{
	crew__group_unlock(opaque);
}

/* The scope of the child that the caller is, or is inside of; NULL: of none. */
static const struct crew_scope *child_around(const struct crew__caller *caller,
					     const struct crew_group *group)
{
	const struct crew_scope *at = crew__caller_scope(caller);
	const struct crew_scope *outer;
	bool locked = false;

	while (at && (outer = crew__scope_around(at, &locked)) != &group->scope)
		at = outer;
	crew__scope_looked(locked);
	return at;
}

/* pre: locked. Is it the only one that is left? */
static bool is_left_alone(const struct crew__roster *roster, const struct crew_scope *child)
{
	const struct crew__link *link = roster->kept.next;

	if (!child || roster->begun != 1)
		return false;
	while (!crew__container(link, struct crew_task, kept)->counted)
		link = link->next;
	return child == &crew__container(link, struct crew_task, kept)->scope;
}

/* 0: one, or it has to look again. */
static int await_next(struct crew_group *group, const struct crew_scope *child,
		      struct crew_task **task)
{
	struct taker taker = { .task = NULL };
	struct crew__roster *roster;
	bool alone, granted;

	crew__waiter_init(&taker.queued.waiter, true);
	roster = crew__group_lock(group);
	alone = is_left_alone(roster, child);
	if (alone || !roster->begun || !crew__list_empty(&roster->ended)) {
		crew__group_unlock(group);
		crew__waiter_fini(&taker.queued.waiter);
		return alone ? CREW_EDEADLK : 0;
	}
	crew__list_append(&roster->takers, &taker.queued.link);
	granted = crew__park(&taker.queued.waiter, unlock_group, group, CREW_NEVER, "group next");
	if (!granted) {
		crew__group_lock(group);
		crew__list_remove(&taker.queued.link);
		crew__group_unlock(group);
		return CREW_ECANCELED;
	}
	*task = taker.task;
	return 0;
}

static int take_nowait(struct crew_group *group, struct crew_task **task)
{
	struct crew__roster *roster = crew__group_lock(group);
	bool more = roster->begun;

	if (!crew__list_empty(&roster->ended))
		*task = unlist(roster,
			       crew__container(roster->ended.next, struct crew_task, ended));
	crew__group_unlock(group);
	return *task ? 0 : more ? CREW_EWOULDBLOCK : CREW_EEMPTY;
}

int crew_group_next(struct crew_group *group, struct crew_task **task)
{
	struct crew__caller caller = crew__caller();
	const struct crew_scope *child;
	int rc = task ? may_take(group, &caller) : CREW_EINVAL;

	if (task)
		*task = NULL;
	if (rc == 0)
		rc = take_nowait(group, task);
	if (rc != CREW_EWOULDBLOCK)
		return rc;
	child = child_around(&caller, group);
	while (rc == CREW_EWOULDBLOCK) {
		rc = await_next(group, child, task);
		if (rc == 0 && !*task)
			rc = take_nowait(group, task);
	}
	return rc;
}

int crew_group_next_nowait(struct crew_group *group, struct crew_task **task)
{
	struct crew__caller caller = crew__caller();
	int rc = task ? may_take(group, &caller) : CREW_EINVAL;

	if (task)
		*task = NULL;
	if (rc && rc != CREW_ECANCELED) /* B14 */
		return rc;
	return take_nowait(group, task);
}

int crew_group_next_spawned(struct crew_group *group, struct crew_task **task)
{
	struct crew__caller caller = crew__caller();
	int rc = task ? may_take(group, &caller) : CREW_EINVAL;

	if (task)
		*task = NULL;
	while (rc == 0) {
		struct crew__roster *roster = crew__group_lock(group);
		struct crew_task *first = first_listed(roster);
		struct crew__parker *woken = NULL;
		bool ours;

		if (first)
			crew__handle_hold(first);
		crew__group_unlock(group);
		if (!first)
			return CREW_EEMPTY;
		rc = crew__handle_await(first);
		crew__group_lock(group);
		ours = rc == 0 && !crew__list_empty(&first->kept);
		if (ours) {
			unlist(roster, first);
			woken = send_away(roster, NULL);
		}
		crew__group_unlock(group);
		crew__ready_all(woken);
		crew_task_drop(first);
		if (ours) {
			*task = first;
			return 0;
		}
	}
	return rc;
}

/* ---- close --------------------------------------------------------------------------- */

void crew__roster_close(struct crew_group *group)
{
	for (;;) {
		struct crew__roster *roster = crew__group_lock(group);
		struct crew_task *task = first_listed(roster);
		struct crew__parker *woken = NULL;
		bool over;

		if (task) {
			unlist(roster, task);
			woken = send_away(roster, NULL);
		}
		/* locked, so that nobody is listed, or handed out, meanwhile */
		over = !task && !crew__join_left(group);
		crew__group_unlock(group);
		crew__ready_all(woken);
		if (over)
			return;
		if (task)
			crew__handle_give_up(task);
		/* H4: or somebody was faster */
		if (crew__join_left(group))
			crew__join_park(group, false, "group close");
		if (task) {
			crew__handle_settle(task);
			crew_task_drop(task);
		}
	}
}
