/* SPDX-License-Identifier: MIT */
/* cancel.c - see cancel.h. */
#include "exec/cancel.h"

#include "base/assert.h"
#include "exec/hook.h"
#include "exec/tree.h"
#include "exec/worker.h"

struct crew_word crew__cancel_epoch CREW__STATE = { 1 };

/* Over all deliveries (C4). */
static struct crew__lock deliveries CREW__STATE;

/* ---- looking ------------------------------------------------------------------- */

bool crew__scope_cancelled(const struct crew_scope *scope)
{
	for (; scope; scope = scope->private_.parent) {
		uint32_t flags = crew__scope_flags(scope);

		if (flags & CREW__EFFECTIVE)
			return true;
		if (flags & (CREW__SHIELD | CREW__COMPLETE))
			return false;
	}
	return false;
}

struct crew_scope *crew__scope_past_moving(const struct crew_scope *scope, bool *locked)
{
	if (!*locked)
		crew__lock_acquire(&deliveries);
	*locked = true;
	return scope->private_.parent;
}

void crew__scope_unlock_moving(void)
{
	crew__lock_release(&deliveries);
}

bool crew__scope_origin(const struct crew_scope *scope, struct crew__origin *origin)
{
	const struct crew_scope *found = NULL;
	bool locked = false;

	for (; scope; scope = crew__scope_around(scope, &locked)) {
		if (crew__scope_has(scope, CREW__MARKED))
			found = scope;
		if (crew__scope_has(scope, CREW__SHIELD))
			break;
	}
	if (found)
		*origin = (struct crew__origin){ .cause = crew__scope_cause(found),
						 .name = found->private_.name,
						 .when = found->private_.when };
	crew__scope_looked(locked);
	return found;
}

/* ---- the lists of a scope -------------------------------------------------------- */

/* Locks it; from now on it has lists. */
static struct crew__tree *lock_lists(struct crew_scope *scope)
{
	struct crew__tree *tree = crew__tree_of(scope);

	crew__lock_acquire(crew__scope_lock(scope));
	if (!crew__scope_has(scope, CREW__LISTS)) {
		crew__list_init(&tree->children);
		crew__list_init(&tree->members);
		crew__scope_set(scope, CREW__LISTS);
	}
	return tree;
}

static void unlock(struct crew_scope *scope)
{
	crew__lock_release(crew__scope_lock(scope));
}

/* ---- going down -------------------------------------------------------------------- */

struct walk {
	struct crew_scope *top;
	bool members; /* any were seen */
	struct crew__delivery *delivery;
};

/* What is done at a scope, locked. True: go below it. */
typedef bool visit_fn(struct crew_scope *at, struct walk *walk);

/* From walk->top down, each scope before what is below it. Does not recurse. */
static void go_down(struct walk *walk, visit_fn *visit)
{
	struct crew_scope *at = walk->top;
	struct crew__link *next = NULL;

	crew__lock_acquire(crew__scope_lock(at));
	for (bool enter = true;;) {
		struct crew__link *end = &crew__tree_of(at)->children;
		struct crew_scope *parent;

		if (enter)
			next = visit(at, walk) && crew__scope_has(at, CREW__LISTS) ? end->next :
										     end;
		enter = next != end;
		if (enter) {
			at = crew__tree_child(next);
			crew__lock_acquire(crew__scope_lock(at));
			continue;
		}
		if (at == walk->top) {
			unlock(at); /* LAST TOUCH */
			return;
		}
		/* (that of the top may just be written: it is entered) */
		parent = at->private_.parent;
		next = crew__tree_of(at)->sibling.next;
		unlock(at); /* LAST TOUCH */
		at = parent;
	}
}

static bool make_effective(struct crew_scope *at, struct walk *walk)
{
	if (at != walk->top && crew__scope_has(at, CREW__EFFECTIVE | CREW__SHIELD))
		return false;
	crew__scope_set(at, CREW__EFFECTIVE | CREW__FRESH);
	if (crew__scope_has(at, CREW__LISTS) && !crew__list_empty(&crew__tree_of(at)->members))
		walk->members = true;
	return true;
}

static bool wake_members(struct crew_scope *at, struct walk *walk)
{
	if (!crew__scope_has(at, CREW__FRESH))
		return false;
	crew__scope_clear(at, CREW__FRESH);
	if (crew__scope_has(at, CREW__HOOKS))
		crew__hooks_take(at, walk->delivery);
	if (crew__scope_has(at, CREW__LISTS)) {
		struct crew__link *members = &crew__tree_of(at)->members;

		for (struct crew__link *link = members->next; link != members; link = link->next) {
			struct crew__parker *parker =
				crew__container(link, struct crew__parker, member);
			uintptr_t distance = (uintptr_t)link->next - (uintptr_t)link;

			/* who came one after the other mostly lies at even distances */
			__builtin_prefetch((const void *)((uintptr_t)link + 4 * distance));
			if (crew__cancel_parker(parker)) {
				parker->woken = walk->delivery->woken;
				walk->delivery->woken = parker;
			}
		}
	}
	return true;
}

/* The shield went up: what is effective because of what is outside is so no longer. */
static bool make_clean(struct crew_scope *at, struct walk *walk)
{
	if (at != walk->top && crew__scope_has(at, CREW__MARKED | CREW__SHIELD))
		return false;
	crew__scope_clear(at, CREW__EFFECTIVE);
	return true;
}

/* Plain threads serve their own deadlines, and have to look at them anew. */
static bool tell_threads(struct crew_scope *at, struct walk *walk)
{
	struct crew__link *members = &crew__tree_of(at)->members;

	(void)walk;
	if (!crew__scope_has(at, CREW__LISTS))
		return false;
	for (struct crew__link *link = members->next; link != members; link = link->next)
		crew__tell_parker(crew__container(link, struct crew__parker, member));
	return true;
}

/* pre: deliveries is locked, top is not effective. */
static void deliver(struct crew_scope *top, struct crew__delivery *delivery)
{
	struct walk walk = { .top = top, .delivery = delivery };

	go_down(&walk, make_effective);
	crew__add_acq_rel(&crew__cancel_epoch, 1); /* pairs: cancel.epoch */
	if (walk.members && crew__port_has_membarrier())
		crew__port_membarrier(); /* pairs: cancel.effective */
	else if (walk.members)
		crew__fence_seq_cst();
	go_down(&walk, wake_members);
}

/* ---- registering --------------------------------------------------------------------- */

static void say_linked(struct crew_scope *scope)
{
	uint32_t before = crew__or32_acq_rel(crew__scope_word(scope), CREW__LINKED);

	crew__require(!(before & CREW__LEFT),
		      "a scope was closed while another thread switched its shield or registered "
		      "a hook: whoever does that must know that it is open",
		      NULL);
}

/* Links the scope under its parent. True: it must take over that the parent is effective. */
static bool link_scope(struct crew_scope *scope, struct crew_scope *parent)
{
	struct crew__tree *tree = lock_lists(parent);
	bool inherits;

	if (!crew__scope_has(scope, CREW__LINKED)) {
		crew__list_append(&tree->children, &crew__tree_of(scope)->sibling);
		say_linked(scope);
	}
	inherits = crew__scope_has(parent, CREW__EFFECTIVE) &&
		   !crew__scope_has(scope, CREW__EFFECTIVE | CREW__SHIELD);
	unlock(parent);
	return inherits;
}

static void unlink_scope(struct crew_scope *scope, struct crew_scope *parent)
{
	crew__lock_acquire(crew__scope_lock(parent)); /* C3 */
	crew__list_remove(&crew__tree_of(scope)->sibling);
	unlock(parent);
}

static void inherit(struct crew_scope *scope, struct crew_scope *parent,
		    struct crew__delivery *delivery)
{
	crew__lock_acquire(&deliveries);
	if (crew__scope_has(parent, CREW__EFFECTIVE) &&
	    !crew__scope_has(scope, CREW__EFFECTIVE | CREW__SHIELD))
		deliver(scope, delivery);
	crew__lock_release(&deliveries);
}

void crew__scope_complete(struct crew_scope *scope, struct crew__delivery *delivery)
{
	struct crew_scope *at = scope;
	struct crew_scope *end;

	/* one that is linked and not complete is on somebody else's way: we go it too */
	for (; !crew__scope_has(at, CREW__COMPLETE) && at->private_.parent;
	     at = at->private_.parent)
		if (link_scope(at, at->private_.parent))
			inherit(at, at->private_.parent, delivery);
	end = at;
	for (at = scope; at != end; at = at->private_.parent)
		crew__scope_set(at, CREW__COMPLETE);
	if (!crew__scope_has(end, CREW__COMPLETE))
		crew__scope_set(end, CREW__COMPLETE);
}

static void complete(struct crew_scope *scope)
{
	struct crew__delivery delivery;

	if (crew__scope_has(scope, CREW__COMPLETE))
		return;
	crew__delivery_init(&delivery);
	crew__scope_complete(scope, &delivery);
	crew__delivery_end(&delivery);
}

void crew__scope_join(struct crew_scope *scope, struct crew__parker *parker)
{
	struct crew__tree *tree;

	if (parker->scope)
		crew__scope_part(parker);
	complete(scope);
	tree = lock_lists(scope);
	crew__list_append(&tree->members, &parker->member);
	unlock(scope);
	parker->scope = scope;
}

void crew__scope_part(struct crew__parker *parker)
{
	struct crew_scope *scope = parker->scope;

	crew__lock_acquire(crew__scope_lock(scope));
	crew__list_remove(&parker->member);
	unlock(scope);
	parker->scope = NULL;
}

void crew__scope_leave(struct crew_scope *scope, struct crew__parker *own)
{
	struct crew_scope *parent = scope->private_.parent;

	if (own && own->scope == scope)
		crew__scope_part(own);
	/* one word for both: who links it finds it left, or is found */
	if (crew__or32_acq_rel(crew__scope_word(scope), CREW__LEFT) & CREW__LINKED)
		unlink_scope(scope, parent);
	crew__assert(!crew__scope_has(scope, CREW__LISTS) ||
		     (crew__list_empty(&crew__tree_of(scope)->children) &&
		      crew__list_empty(&crew__tree_of(scope)->members)));
}

bool crew__scope_move(struct crew_scope *scope, struct crew_scope *parent,
		      struct crew__delivery *delivery)
{
	struct crew_scope *before = scope->private_.parent;
	bool may_move;

	crew__scope_complete(parent, delivery);
	crew__lock_acquire(&deliveries);
	may_move = !crew__scope_has(scope, CREW__EFFECTIVE);
	if (may_move) {
		if (before)
			unlink_scope(scope, before);
		crew__scope_clear(scope, CREW__LINKED);
		scope->private_.parent = parent;
		if (link_scope(scope, parent))
			deliver(scope, delivery);
		crew__scope_clear(scope, CREW__MOVING); /* C6 */
	}
	crew__lock_release(&deliveries);
	return may_move;
}

/* ---- cancelling ---------------------------------------------------------------------- */

void crew__scope_deliver(struct crew_scope *scope, const struct crew__cause *cause,
			 struct crew__delivery *delivery)
{
	crew__lock_acquire(&deliveries);
	if (!crew__scope_has(scope, CREW__MARKED)) {
		crew__lock_acquire(crew__scope_lock(scope));
		scope->private_.source = cause->source;
		scope->private_.reason = cause->reason;
		scope->private_.by = cause->by;
		scope->private_.site = cause->site;
		scope->private_.when = crew__port_now();
		crew__scope_set(scope, CREW__MARKED);
		unlock(scope);
		if (!crew__scope_has(scope, CREW__EFFECTIVE))
			deliver(scope, delivery);
	}
	crew__lock_release(&deliveries);
}

void crew__ready_all(struct crew__parker *woken)
{
	while (woken) {
		struct crew__parker *next = woken->woken;

		__builtin_prefetch(next);
		__builtin_prefetch((const void *)((uintptr_t)next + 64)); /* its next line */
		crew__ready(woken);
		woken = next;
	}
}

void crew__delivery_end(struct crew__delivery *delivery)
{
	if (delivery->any_hooks) /* first, so that who goes on finds them run */
		crew__hooks_run(delivery);
	crew__ready_all(delivery->woken);
}

void crew__scope_cancel(struct crew_scope *scope, const struct crew__cause *cause)
{
	struct crew__delivery delivery;

	crew__delivery_init(&delivery);
	crew__scope_deliver(scope, cause, &delivery);
	crew__delivery_end(&delivery);
}

void crew__scope_shield(struct crew_scope *scope, bool shield)
{
	struct crew_scope *parent = scope->private_.parent;
	struct crew__delivery delivery;

	if (parent)
		complete(scope);
	crew__delivery_init(&delivery);
	crew__lock_acquire(&deliveries);
	if (shield) {
		struct walk walk = { .top = scope };

		crew__scope_set(scope, CREW__SHIELD | CREW__SHIELDED);
		if (crew__scope_has(scope, CREW__EFFECTIVE) &&
		    !crew__scope_has(scope, CREW__MARKED))
			go_down(&walk, make_clean);
	} else {
		crew__scope_clear(scope, CREW__SHIELD);
		if (parent && crew__scope_has(parent, CREW__EFFECTIVE) &&
		    !crew__scope_has(scope, CREW__EFFECTIVE))
			deliver(scope, &delivery);
	}
	crew__lock_release(&deliveries);
	crew__delivery_end(&delivery);
}

void crew__scope_tell(struct crew_scope *scope)
{
	struct walk walk = { .top = scope };

	go_down(&walk, tell_threads);
}

void crew__cancel_in_child(struct crew_scope *innermost)
{
	deliveries = (struct crew__lock){ .word = { 0 } };
	crew__hooks_in_child();
	for (struct crew_scope *at = innermost; at; at = at->private_.parent) {
		struct crew_scope_ref *ref = crew__scope_has(at, CREW__ALONE) ? at->private_.ref :
										NULL;

		at->private_.lock = 0;
		if (ref) {
			ref->lock = (struct crew__lock){ .word = { 0 } };
			ref->forks = crew__port_fork_count();
		}
		if (crew__scope_has(at, CREW__LENT))
			at->private_.crew = NULL;
		crew__scope_clear(at, CREW__LINKED | CREW__COMPLETE | CREW__LISTS | CREW__LENT);
	}
}
