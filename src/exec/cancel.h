/* SPDX-License-Identifier: MIT */
/*
 * cancel.h - the tree of scopes: what is cancelled, and who has to be woken for it.
 *
 * WORDS
 *	marked		the scope was cancelled itself. It never goes back.
 *	shield		what is outside of the scope does not reach inside.
 *	effective	marked; or not shielded, and the parent is effective. Whoever runs
 *			in an effective scope is cancelled.
 *	linked		in its parent's list of children.
 *	complete	linked, and so are all around it, up to the outermost.
 *	moving		its parent may become another, once: the scope of a task whose start
 *			somebody waits for (scope/start.c).
 *	member		a parker that waits, or has waited, with the scope as its innermost.
 *
 * A scope lies in the frame of whoever opened it. Opening one writes a few words and
 * tells nobody. It is linked when somebody may have to find it: when what runs in it
 * waits and can be interrupted, or when its shield is switched. That goes upwards, from
 * the scope to the first complete one; on the way each takes over from its parent what
 * it must.
 *
 * A check looks from the innermost scope outwards: effective is yes, shielded or complete
 * is no, else the parent knows. A fiber remembers the epoch at which it last found
 * that it is not cancelled. While the epoch stands still that is still so: scopes opened
 * since then were opened inside clean ones, and those closed since had clean parents (a
 * shield's may be not: closing one makes the fiber forget). So a check costs two loads
 * and a compare.
 *
 * A wait that can be interrupted makes its parker a member of its innermost scope, once
 * for many waits. A canceller goes down from the scope and makes all below effective, up
 * to shields; then it moves the epoch; then it goes down once more and ends the
 * waits of all members. What it takes is theirs to finish: nobody but the parker itself
 * makes it a member, or none.
 *
 * INVARIANTS
 *	C1  Whoever waits interruptibly is a member of its innermost scope, which is complete.
 *	C2  A complete scope's effective flag is right, but for a cancellation on its way.
 *	C3  The lists of a scope, and the flag that they are there, are guarded by its lock.
 *	    A walker holds the locks of the path that it stands on: parents first. So a
 *	    scope may be left as soon as it is unlinked under its parent's lock.
 *	C4  marked, shield, effective change under the one lock over all deliveries, so
 *	    that whoever finds a subtree effective knows that it was woken: a cancel that
 *	    returns has woken all that waited below before it began.
 *	C5  Deliveries begin at a scope that somebody keeps open: its owner, a task in it,
 *	    the timer (which its owner waits for), the list of a crew's visitors, a handle
 *	    (whose lock its owner passes).
 *	C6  A moving scope is complete from the beginning. Its parent changes under the lock
 *	    over deliveries, and while the parent's list does not have it; then it is no
 *	    longer moving. So most who look outwards end there. Who goes on past it
 *	    holds that lock until it is done with what it found: the frames out there
 *	    are left when the scope has moved.
 *
 * ORDERS
 *	cancel.epoch	marking comes first, then the epoch moves (release). A check
 *			loads the epoch (acquire), then looks, and remembers the epoch
 *			that it loaded: a mark that it missed moves the epoch later.
 *	cancel.effective  the hook of a wait: store the word, look at effective (in a
 *			scope that stays: park.h P4). Canceller: set effective, look at the
 *			word. Its membarrier is the fence of both; where there is none
 *			both fence.
 *
 * Locks, outermost first: the list of visitors, a timer's striking, a handle, deliveries, scopes
 * from parents to children, hooks, a timer's heap. (That one's striking is taken inside as
 * well, by the timer, which alone waits while it holds it.)
 *
 * REJECTED
 *	Nodes apart from the scopes, type-stable and with generations: opening could fail
 *	for memory, and nothing here is touched late. Going through all fibers of the crew:
 *	each of many nested groups that fail would look at all of them. Locks along the path
 *	instead of the one over deliveries: who cancels inside of what somebody else is
 *	cancelling would have to climb and wait; every delivery moves one common word, the
 *	epoch, anyway.
 *
 * GUARDED BY tests/model/scope.c, tests/model/turns.c.
 */
#ifndef CREW__CANCEL_H
#define CREW__CANCEL_H

#include "base/atomic.h"
#include "base/list.h"
#include "exec/park.h"
#include "port/lock.h"

#include "crew/scope.h"

/* Those from 1 << 16 to 1 << 29 belong to whoever opened the scope. */
enum crew__scope_flags {
	CREW__LINKED = 1,
	CREW__COMPLETE = 2,
	CREW__MARKED = 4,
	CREW__SHIELD = 8,
	CREW__EFFECTIVE = 16,
	CREW__FRESH = 32,     /* became effective in the delivery that is on its way */
	CREW__LISTS = 64,     /* there are lists */
	CREW__SHIELDED = 128, /* has, or had, a shield */
	/* deadline.h */
	CREW__DATED = 256,   /* has a deadline, and an entry */
	CREW__ENTERED = 512, /* its deadline counts */
	CREW__LENT = 1024,   /* its crew is lent by a group inside */
	/* hook.h */
	CREW__HOOKS = 2048, /* there is a list of hooks */
	/* scope/ */
	CREW__DEFERRED = 4096, /* something is deferred */
	CREW__LOCALS = 8192,   /* something is bound */
	CREW__ALONE = 16384,   /* is no group's */
	CREW__LEFT = 32768,    /* its owner leaves, or has left */
	CREW__MOVING = 1 << 30,
};

/* private_.state of a scope that is no group's. What others find says whether it is still
 * there, as far as they may ask. */
#define CREW__SCOPE_NEW	    UINT32_C(0x6e657700)
#define CREW__SCOPE_OPEN    UINT32_C(0x6f706e01)
#define CREW__SCOPE_CLOSING UINT32_C(0x636c6f02) /* what was deferred is run */
#define CREW__SCOPE_CLOSED  UINT32_C(0)

/* Why a scope was cancelled. */
struct crew__cause {
	uint32_t source; /* enum crew_cancel_source */
	const char *reason;
	const char *by; /* a task's name */
	const char *site;
};

/*
 * What a delivery leaves to do when all locks are let go: to run the hooks that it has
 * found (hook.h), and to make ready whom it has woken. Lies in the canceller's frame.
 */
struct crew__delivery {
	struct crew__parker *woken;
	struct crew__link hooks; /* guarded by the lock over all hooks */
	bool any_hooks;
};

static inline void crew__delivery_init(struct crew__delivery *delivery)
{
	delivery->woken = NULL;
	delivery->any_hooks = false;
	crew__list_init(&delivery->hooks);
}

/* What all handles of a scope share (scope/ref.c); the scope holds it until it is left. */
struct crew_scope_ref {
	struct crew__lock lock;
	struct crew__word32 holders;
	uint32_t forks;		  /* another number in a child: it is nobody's */
	struct crew_scope *scope; /* guarded by lock. NULL: it was left */
	struct crew__cause cause; /* the same. Why what was left was cancelled; source 0: not */
};

/* Starts at 1; 0 in a fiber means: not looked yet. */
extern struct crew_word crew__cancel_epoch;

static inline struct crew__word32 *crew__scope_word(struct crew_scope *scope)
{
	return (struct crew__word32 *)(void *)&scope->private_.flags;
}

static inline uint32_t crew__scope_flags(const struct crew_scope *scope)
{
	return crew__load32_acquire(
		(const struct crew__word32 *)(const void *)&scope->private_.flags);
}

static inline bool crew__scope_has(const struct crew_scope *scope, uint32_t any)
{
	return crew__scope_flags(scope) & any;
}

static inline void crew__scope_set(struct crew_scope *scope, uint32_t flags)
{
	crew__or32_acq_rel(crew__scope_word(scope), flags);
}

static inline void crew__scope_clear(struct crew_scope *scope, uint32_t flags)
{
	crew__and32_acq_rel(crew__scope_word(scope), ~flags);
}

static inline struct crew__word32 *crew__scope_state(const struct crew_scope *scope)
{
	return (struct crew__word32 *)(uintptr_t)&scope->private_.state;
}

static inline bool crew__scope_is_closed(const struct crew_scope *scope)
{
	return crew__load32_relaxed(crew__scope_state(scope)) == CREW__SCOPE_CLOSED;
}

static inline struct crew__lock *crew__scope_lock(struct crew_scope *scope)
{
	return (struct crew__lock *)(void *)&scope->private_.lock;
}

/* Looking outwards (C6): the scope around this one, or NULL. `locked` begins as false; when
 * nothing further out is looked at any more, crew__scope_looked(locked). */
struct crew_scope *crew__scope_past_moving(const struct crew_scope *scope, bool *locked);
void crew__scope_unlock_moving(void);

static inline struct crew_scope *crew__scope_around(const struct crew_scope *scope, bool *locked)
{
	if (crew__unlikely(crew__scope_has(scope, CREW__MOVING)))
		return crew__scope_past_moving(scope, locked);
	return scope->private_.parent;
}

static inline void crew__scope_looked(bool locked)
{
	if (crew__unlikely(locked))
		crew__scope_unlock_moving();
}

/* The outermost scope that was cancelled, of those that reach some scope. */
struct crew__origin {
	struct crew__cause cause;
	const char *name;
	crew_time when;
};
/* False: there is none. */
bool crew__scope_origin(const struct crew_scope *scope, struct crew__origin *origin);

/* Why it was cancelled. pre: it is marked, so this was all written before, and stays. */
static inline struct crew__cause crew__scope_cause(const struct crew_scope *scope)
{
	return (struct crew__cause){ .source = scope->private_.source,
				     .reason = scope->private_.reason,
				     .by = scope->private_.by,
				     .site = scope->private_.site };
}

/* What cancelled the scope itself, or 0. */
static inline uint32_t crew__scope_source(const struct crew_scope *scope)
{
	return crew__scope_flags(scope) & CREW__MARKED ? scope->private_.source : 0;
}

/* Is whoever runs in `scope` cancelled? NULL: no. */
bool crew__scope_cancelled(const struct crew_scope *scope);

/* From now on whoever goes down from above finds the scope. pre: it stays meanwhile. */
void crew__scope_complete(struct crew_scope *scope, struct crew__delivery *delivery);
/* Own side. The parker is, or is no longer, a member of `scope`, or of any. */
void crew__scope_join(struct crew_scope *scope, struct crew__parker *parker);
void crew__scope_part(struct crew__parker *parker);
/* The owner leaves. pre: what was opened in it is closed. Parts `own` (or NULL) from it. */
void crew__scope_leave(struct crew_scope *scope, struct crew__parker *own);

/*
 * Cancels a scope and all below; the first cause stays. Returns when everybody who
 * waited there is ready, and the hooks have run. crew__scope_deliver() leaves that to
 * crew__delivery_end(), which may come when the scope is gone, and when no lock is held.
 */
void crew__scope_cancel(struct crew_scope *scope, const struct crew__cause *cause);
void crew__scope_deliver(struct crew_scope *scope, const struct crew__cause *cause,
			 struct crew__delivery *delivery);
void crew__delivery_end(struct crew__delivery *delivery);
void crew__ready_all(struct crew__parker *woken);

/* The owner of a moving scope: it moves below `parent`, which stays meanwhile, and is cancelled if
 * that is. False: it is cancelled where it is, and stays there. */
bool crew__scope_move(struct crew_scope *scope, struct crew_scope *parent,
		      struct crew__delivery *delivery);

/* Switches a shield. Off: a cancellation from outside is delivered at once. */
void crew__scope_shield(struct crew_scope *scope, bool shield);

/* A deadline has moved: plain threads that wait below look at it anew. */
void crew__scope_tell(struct crew_scope *scope);

/* After fork, in the child: forgets what threads that are gone held, and knew of the
 * scopes of the one thread that is left, from `innermost` outwards. */
void crew__cancel_in_child(struct crew_scope *innermost);

#endif /* CREW__CANCEL_H */
