/* SPDX-License-Identifier: MIT */
/*
 * crew/scope.h - regions of code that are cancelled as a whole, and timeouts.
 *
 * A scope is a block of code. Cancelled, by a call or by its deadline, it makes every
 * call that can wait inside of it return CREW_ECANCELED, again and again, until the
 * block is left; crew_scope_close() then consumes what it caught. Scopes nest: what is
 * cancelled is cancelled with everything below it, also the tasks of groups opened
 * inside (crew/group.h). A task begins directly in the scope of its group.
 *
 *	int fetch(int (*get)(void *), void *what)
 *	{
 *		struct crew_scope scope;
 *		int rc;
 *
 *		crew_scope_fail_after(&scope, CREW_S(5));
 *		rc = get(what);
 *		return crew_scope_close(&scope, rc);
 *	}
 *
 * Here fetch() returns CREW_ETIMEDOUT when `get` gave up because the five seconds were
 * over; what `get` returns otherwise; and CREW_ECANCELED when somebody further out was
 * cancelled: that is caught by the outermost scope that is cancelled, not by the first
 * on the way.
 *
 * A shield keeps what is cancelled outside from reaching inside, for what must be done
 * nevertheless; a deadline of its own bounds it:
 *
 *	void say_goodbye(int (*send)(void *), void *peer)
 *	{
 *		struct crew_scope scope;
 *
 *		crew_scope_open(&scope, CREW_SCOPE(.shield = true, .timeout_ns = CREW_S(1)));
 *		crew_scope_close(&scope, send(peer));
 *	}
 *
 * Which calls on one scope may overlap: crew_scope_cancel(), crew_scope_set_deadline(),
 * crew_scope_set_shield(), crew_scope_cancelled() may be called from any thread while the
 * caller knows that the scope is open; who does not know takes a handle in time,
 * crew_scope_take_ref(). The others only by who owns it.
 *
 * On a plain thread outside of all groups a deadline is seen by the thread's own waits
 * and checks; inside of a task, or of a group, it strikes by itself.
 *
 * See also: crew/group.h (a group's own timeout), crew/task.h (checkpoints).
 */
#ifndef CREW_SCOPE_H
#define CREW_SCOPE_H

#include "crew/base.h"

CREW_BEGIN

/* A handle of a scope that may outlive it. Opaque; made by crew_scope_take_ref(). */
struct crew_scope_ref;

/* Why something is cancelled. */
enum crew_cancel_source {
	CREW_BY_CALL = 1,     /* crew_scope_cancel(), crew_group_cancel(), or misuse */
	CREW_BY_DEADLINE = 2, /* the time was up */
	CREW_BY_SIBLING = 3,  /* a child of the group failed */
	CREW_BY_PARENT = 4,   /* the group's own block failed */
	CREW_BY_STOP = 5,     /* crew_cancel() */
};

/* What crew_scope_close() makes of a deadline that it caught. */
enum crew_on_deadline {
	CREW_MOVE_ON = 0, /* 0: go on behind the scope */
	CREW_FAIL = 1,	  /* CREW_ETIMEDOUT */
};

/* Zero means "default" for every field. Fields are only added, at the end. */
struct crew_scope_options {
	size_t size;	      /* set by CREW_SCOPE() */
	const char *name;     /* for crew_read_cancel_info(); a string constant, not copied */
	crew_time timeout_ns; /* from entering on; 0: none */
	crew_time deadline;   /* a moment; 0: none. The earlier of the two counts */
	enum crew_on_deadline on_deadline;
	bool shield;
	char reserved[3];
};

#define CREW_SCOPE(...) CREW_OPTIONS_(crew_scope_options, __VA_ARGS__)

/*
 * Storage for a scope, usually a local variable. It must not be moved or copied
 * while it is open. No field is for callers.
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
		void *entry[6]; /* in the timer's heap */
		struct crew_word deadline;
		int64_t when; /* it was cancelled: why, and by whom */
		const char *reason;
		const char *by;
		const char *site;
		uint32_t source;
		uint32_t state;
		int64_t timeout;
		void *fiber; /* whose task opened it */
		void *ref;
		void *hooks[2];
		uint32_t hooks_forks;
		uint32_t reserved;
		void *deferred;
		struct crew_word locals;
	} private_;
};

/*
 * Prepares a scope that is entered later. Meanwhile it may be cancelled, dated and
 * shielded. Bad options are remembered: the scope is born cancelled, and close
 * returns CREW_EINVAL (a negative timeout, an unknown `on_deadline`).
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_scope_init(struct crew_scope *scope, const struct crew_scope_options *options);

/*
 * Enters a scope that was prepared: it is the caller's innermost from now on.
 * Timeouts count from here. A deadline that has passed cancels it at once; entering
 * itself does not fail. Entering one that is not just prepared ends the process.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads; the same one closes it
 */
CREW_API void crew_scope_enter(struct crew_scope *scope);

/*
 * crew_scope_init() and crew_scope_enter().
 *
 * Checkpoint:	none
 * Callers:	as crew_scope_enter()
 */
CREW_API void crew_scope_open(struct crew_scope *scope, const struct crew_scope_options *options);

/*
 * Opens a scope that is cancelled after `timeout`; close then gives 0. 0 has expired
 * already, a negative one is CREW_EINVAL at close, CREW_NEVER is none.
 *
 * Checkpoint:	none
 * Callers:	as crew_scope_enter()
 */
CREW_API void crew_scope_move_on_after(struct crew_scope *scope, crew_time timeout);

/*
 * crew_scope_move_on_after(), but close gives CREW_ETIMEDOUT.
 *
 * Checkpoint:	none
 * Callers:	as crew_scope_enter()
 */
CREW_API void crew_scope_fail_after(struct crew_scope *scope, crew_time timeout);

/*
 * Leaves the scope. `rc` is how the block ended. It passes through unless it is
 * CREW_ECANCELED and this scope is the outermost one that is cancelled, up to a
 * shield: then the cancellation ends here.
 *
 * Closing in the wrong order closes nothing; what the caller has opened inside is
 * cancelled, and still to be closed.
 *
 * Checkpoint:	none
 * Callers:	who entered it, once
 * Returns:	rc		of the block, when nothing was caught
 *		0		caught
 *		CREW_ETIMEDOUT	caught, and it was the deadline, with CREW_FAIL
 *		CREW_EINVAL	the options were bad
 *		CREW_ESTATE	not entered, not the innermost, or not by the caller
 */
CREW_API int crew_scope_close(struct crew_scope *scope, int rc);

/*
 * Cancels the scope and all below it. When it returns, everybody who waited there is
 * ready to run. The first cancellation stays, with its reason: a string constant,
 * not copied, or NULL.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_scope_cancel(struct crew_scope *scope, const char *reason);

/*
 * Moves the deadline; CREW_NEVER takes it away. A moment in the past cancels before this
 * returns, so the very next check says so. A scope that is cancelled stays so.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_scope_set_deadline(struct crew_scope *scope, crew_time deadline);

/*
 * Switches the shield. Off, a cancellation from outside is delivered at once, also to
 * who waits inside.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_scope_set_shield(struct crew_scope *scope, bool shield);

/*
 * Was the scope itself cancelled, by a call or by its deadline? What is around it
 * does not count. Also says so of one that was closed, until its storage is used again.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	true: it was
 */
CREW_API bool crew_scope_cancelled(const struct crew_scope *scope);

/*
 * Did crew_scope_close() catch a cancellation?
 *
 * Checkpoint:	none
 * Callers:	who closed it
 * Returns:	true: it did
 */
CREW_API bool crew_scope_caught(const struct crew_scope *scope);

/*
 * A handle of the scope that may outlive it: whoever holds one may cancel the scope
 * without knowing whether it is still open. A scope that has one must be entered and
 * closed. Each handle is dropped once. In a child process after fork those of the forking
 * thread's own scopes reach them; others find nothing.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers, while the scope is prepared or open
 * Returns:	the handle, for crew_scope_ref_drop()
 *		NULL		no memory, or the scope is closed
 */
CREW_API struct crew_scope_ref *crew_scope_take_ref(struct crew_scope *scope);

/*
 * crew_scope_cancel(), if the scope is still there.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_scope_ref_cancel(struct crew_scope_ref *ref, const char *reason);

/*
 * crew_scope_cancelled(), also when the scope is gone.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	true: it is, or was
 */
CREW_API bool crew_scope_ref_cancelled(const struct crew_scope_ref *ref);

/*
 * Gives the handle back. NULL is allowed and does nothing.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers, once for each crew_scope_take_ref()
 */
CREW_API void crew_scope_ref_drop(struct crew_scope_ref *ref);

/*
 * When will the caller be cancelled? The nearest deadline from its innermost scope
 * outwards, up to a shield.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	the moment; CREW_NEVER; INT64_MIN when it is cancelled
 */
CREW_API crew_time crew_deadline(void);

/* Why the caller is cancelled. `size` is set by the caller. */
struct crew_cancel_info {
	size_t size;
	enum crew_cancel_source source;
	uint32_t reserved;
	const char *reason;	/* what was given, or NULL */
	const char *scope_name; /* of the scope or group that was cancelled, or NULL */
	const char *by;		/* the name of the task that cancelled or failed, or NULL */
	const char *site;	/* where that task was spawned, or NULL */
	crew_time when;
};

/*
 * Says why the caller is cancelled: of all scopes around it the outermost that was,
 * the one that will catch it.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	true, and `info` is filled
 *		false		it is not cancelled, or info->size is too small
 */
CREW_API bool crew_read_cancel_info(struct crew_cancel_info *info);

CREW_END

#endif /* CREW_SCOPE_H */
