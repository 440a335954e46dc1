/* SPDX-License-Identifier: MIT */
/*
 * crew/hook.h - what a scope calls: when it is cancelled, and when it is left.
 *
 * A hook is a function that runs when its scope (crew/scope.h) becomes cancelled, by
 * itself or because of what is around it: to shut a socket, to write to an eventfd, to
 * tell another library. It runs on the thread that cancels, which may be the one that
 * serves deadlines: it must be short, and must not wait.
 *
 *	struct peer {
 *		int (*receive)(void *peer);
 *		void (*hang_up)(void *peer);
 *	};
 *
 *	int receive(struct crew_scope *scope, struct peer *peer)
 *	{
 *		struct crew_scope_hook hook;
 *		int rc;
 *
 *		crew_scope_on_cancel(scope, &hook, peer->hang_up, peer);
 *		rc = peer->receive(peer);
 *		return crew_scope_hook_stop(&hook) ? CREW_ECANCELED : rc;
 *	}
 *
 * A token is a scope that is prepared and never entered: it is not around anything. What
 * is linked to it is cancelled with it, and so one cancellation reaches blocks of code
 * that have nothing else in common; one scope may be linked to several.
 *
 * What is deferred runs when its scope or group is closed, last in first out, however the
 * block ends. Where the block was cancelled, calls that wait return at once also there;
 * what must wait nevertheless does so behind a shield, bounded by a deadline:
 *
 *	void finish(void *arg)
 *	{
 *		int (**last_words)(void) = (int (**)(void))arg;
 *		struct crew_scope scope;
 *
 *		crew_scope_open(&scope, CREW_SCOPE(.shield = true, .timeout_ns = CREW_S(1)));
 *		crew_scope_close(&scope, (*last_words)());
 *	}
 *
 * See also: crew/scope.h, crew/group.h.
 */
#ifndef CREW_HOOK_H
#define CREW_HOOK_H

#include "crew/base.h"
#include "crew/scope.h"

CREW_BEGIN

/* Storage for a hook. It stays where it is until it is stopped, or the scope is closed. */
struct crew_scope_hook {
	struct {
		void *lists[4];
		void (*fn)(void *arg);
		void *arg;
		void *run;
		uint32_t state;
		uint32_t forks;
	} private_;
};

/*
 * Calls fn(arg) once, when the scope becomes cancelled: by itself, or because of what is
 * around it, up to a shield: on the thread that cancels, before it goes on, and before
 * whoever waits in the scope does; or at once, if it is cancelled already. Closing the scope
 * stops its hooks first of all; one that just runs on another thread is waited for.
 *
 * fn must not wait, and must not take a lock over which others cancel, or stop hooks. It
 * may cancel, and stop hooks, also its own. But hooks that stop each other, each on its own
 * thread, would wait for each other's ends, or a circle of them: that stops the program with a
 * sentence.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers, while the scope is prepared or open, but not
 *		beside crew_scope_enter()
 * Returns:	0
 *		CREW_ESTATE	the scope is closed
 *		CREW_EINVAL	`fn` is NULL; or `hook` is the one that was registered there last,
 *				and stays registered. Earlier ones are not looked for
 */
CREW_API int crew_scope_on_cancel(struct crew_scope *scope, struct crew_scope_hook *hook,
				  void (*fn)(void *arg), void *arg);

/*
 * Takes the hook out. Afterwards its function does not run, and its storage is the
 * caller's. When it just runs on another thread, waits for its end; from inside of the
 * function does not wait, and nothing touches the hook after that.
 *
 * Checkpoint:	schedule, if it has to wait
 * Callers:	anybody but signal handlers; also when the scope is closed
 * Returns:	true		the function has run, or runs and called this
 *		false		it never will
 */
CREW_API bool crew_scope_hook_stop(struct crew_scope_hook *hook);

/* Storage for what is deferred: one entry, once. It stays where it is until the scope is
 * closed, and nothing else is deferred with it before. */
struct crew_defer {
	struct {
		void *next;
		void (*fn)(void *arg);
		void *arg;
	} private_;
};

/*
 * Calls fn(arg) when the scope is closed: last in first out, once, whatever the block ends
 * with, while the scope is still the innermost one. What fn opens it closes.
 *
 * Checkpoint:	none
 * Callers:	who entered the scope
 * Returns:	0
 *		CREW_ESTATE	not open, being closed, or not by the caller
 *		CREW_EINVAL	`fn` is NULL, or `entry` is deferred there already. All that is
 *				deferred there is looked through
 */
CREW_API int crew_scope_defer(struct crew_scope *scope, struct crew_defer *entry,
			      void (*fn)(void *arg), void *arg);

/* Storage for a link: for one. It stays where it is until the scope is closed, and is used for
 * no other one before, also when the link was taken out. */
struct crew_link {
	struct {
		struct crew_scope_hook hook;
		struct crew_defer entry;
		void *scope;
		void *source;
	} private_;
};

/*
 * From now on `scope` is cancelled when `source` is, with the same reason and source;
 * at once, if it is already. The link is taken out when `scope` is closed, or `source`.
 * A scope may be linked to several.
 *
 * Checkpoint:	none
 * Callers:	who prepared or entered `scope`, while nobody closes or enters `source`
 * Returns:	0
 *		CREW_ESTATE	`scope` is closed, or not the caller's; `source` is closed
 *		CREW_EINVAL	`link` has been used for `scope` already, and stays what it was
 */
CREW_API int crew_scope_link(struct crew_scope *scope, struct crew_link *link,
			     struct crew_scope *source);

/*
 * crew_scope_link() to the scope of a handle, which may be gone: if it had been cancelled
 * by then, `scope` is cancelled now, for what cancelled that one.
 *
 * Checkpoint:	none
 * Callers:	who prepared or entered `scope`
 * Returns:	0
 *		CREW_ESTATE	`scope` is closed, or not the caller's
 *		CREW_EINVAL	as crew_scope_link()
 */
CREW_API int crew_scope_link_ref(struct crew_scope *scope, struct crew_link *link,
				 struct crew_scope_ref *source);

/*
 * Takes the link out before `scope` is closed: what happens to the source is nothing to
 * it any more. For tokens, which are not closed: afterwards their storage may go.
 *
 * Checkpoint:	schedule, if it has to wait for a cancellation on its way
 * Callers:	who linked it, also when that was refused
 * Returns:	true		the link has cancelled `scope`, or found it cancelled
 *		false		it never will
 */
CREW_API bool crew_scope_unlink(struct crew_link *link);

CREW_END

#endif /* CREW_HOOK_H */
