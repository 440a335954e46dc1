/* SPDX-License-Identifier: MIT */
/*
 * crew/group.h - start tasks together, leave together.
 *
 * A group is a block of code with tasks in it. The task (or plain thread) that
 * opens the group owns it; tasks spawned into it are its children. Children
 * never outlive the block: crew_group_close() returns only when the last one
 * has ended, so children may freely use the locals of the function that opened
 * the group.
 *
 *	static int square(void *arg)
 *	{
 *		int *number = (int *)arg;
 *
 *		*number *= *number;
 *		return 0;
 *	}
 *
 *	int square_all(int numbers[], size_t count)
 *	{
 *		struct crew_group group;
 *
 *		crew_group_open(&group, NULL);
 *		for (size_t i = 0; i < count; i++)
 *			crew_group_spawn(&group, square, &numbers[i]);
 *		return crew_group_close(&group, 0);
 *	}
 *
 * Failure. A child fails by returning anything but 0. The first failure
 * cancels the group, the siblings see it at their next checkpoint, those not
 * yet started never start, and close returns the code; all failures, with what tasks have
 * said about them, are for who asks (.errors, crew/error.h). Nothing is printed.
 *
 * Which calls on one group may overlap ("-" may, "X" must not, "c" only when the
 * spawn is made by a child of the group, or while crew_group_hold() keeps it open):
 *
 *	         spawn  wait  close
 *	spawn      -     c      c
 *	wait       c     X      X
 *	close      c     X      X
 *
 * A plain thread may own a group too; it names the crew that runs the children:
 * CREW_GROUP(.crew = crew).
 *
 * See also: crew/task.h (checkpoints), crew/error.h (failures), crew/crew.h (the executor).
 */
#ifndef CREW_GROUP_H
#define CREW_GROUP_H

#include "crew/base.h"
#include "crew/hook.h"
#include "crew/scope.h"
#include "crew/task.h"

CREW_BEGIN

struct crew;
struct crew_errors;

/* What a child's failure does to its siblings, and to what close returns. */
enum crew_policy {
	CREW_FAIL_FAST = 0, /* it cancels them; close returns the first failure */
	CREW_COLLECT = 1,   /* nothing; close returns the first failure */
	CREW_SUPERVISE = 2, /* nothing; close returns the block's own code */
};

/* Zero means "default" for every field. Fields are only added, at the end. */
struct crew_group_options {
	size_t size;	   /* set by CREW_GROUP() */
	const char *name;  /* for dumps; a string constant, not copied */
	struct crew *crew; /* who runs the children; default: the crew of the calling task */
	enum crew_policy policy;
	uint32_t running_max;	    /* so many children at once; 0: any number */
	crew_time timeout_ns;	    /* from opening on: then it is cancelled; 0: none */
	struct crew_errors *errors; /* filled by close (crew/error.h); default: not wanted */
};

#define CREW_GROUP(...) CREW_OPTIONS_(crew_group_options, __VA_ARGS__)

/*
 * Storage for a group, usually a local variable. It must not be moved or
 * copied between open and close. No field is for callers.
 */
struct crew_group {
	struct crew_scope scope;
	struct {
		/* what opening writes */
		uint64_t own;		    /* children spawned by what runs on `fiber` */
		uint64_t back;		    /* those that ended there */
		void *fiber;		    /* whoever runs on it may count in `own`; NULL: nobody;
					     * odd: nobody either, not all children run at once */
		uint32_t state;		    /* what it is, and the policy */
		uint32_t closing;	    /* the owner is in close */
		struct crew_word count;	    /* children counted off elsewhere */
		struct crew_word elsewhere; /* children spawned elsewhere */
		uint32_t lock;
		int32_t first; /* the first failure */
		/* written when they are first needed */
		int32_t refused; /* bad options: what spawn and close return */
		int32_t reserved;
		struct crew_group *next; /* open groups of plain threads */
		struct crew_group *prev;
		void *waiter; /* who waits for the last child */
		void *host;   /* opened inside its crew_blocking() call */
		void *reserved2;
		void *admission[3]; /* of a group with .running_max */
		void *errors;	    /* all failures */
		void *roster[11];
	} private_;
};

/*
 * Opens `group` inside the caller's current scope. Cannot fail: a group needs
 * no memory of its own. Bad options are remembered; spawn, hold, wait, next and close
 * return their code: CREW_ESTATE on a plain thread without .crew, CREW_EINVAL for an
 * unknown policy or a negative timeout, CREW_ECLOSED for a crew that is being stopped, CREW_EFORKED
 * for a crew of the parent process. Closed storage may be opened anew.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads; the same one closes the group
 */
CREW_API void crew_group_open(struct crew_group *group, const struct crew_group_options *options);

/*
 * Runs fn(arg) as a new child, on any worker, at once or later, whatever the
 * caller does next. Everything the caller wrote before is visible to fn.
 * crew_group_spawn() adds the place of the call; dumps show it.
 *
 * A group with .running_max is full while so many children have been let in and not
 * ended. Then the owner waits here for room; what others spawn gets in line, and begins
 * first in, first out.
 *
 * Checkpoint:	none; full for the owner of a full group
 * Callers:	the owner, and children of the group until they return. A plain
 *		thread that does not own it: only while something else keeps the
 *		group open, or crew_group_hold() does
 * Returns:	0
 *		CREW_ECANCELED	the group is cancelled: the child never runs, and this
 *				is no failure at close. Or the owner is, while it waits
 *		CREW_ECLOSED	the group has been closed, or the crew is being stopped
 *				and the caller is a plain thread
 *		CREW_ENOMEM	no memory; nothing was spawned
 *		CREW_EINVAL	`fn` is NULL
 *		CREW_ESTATE	a plain thread's group without .crew
 *		CREW_EFORKED	called in a child process after fork
 */
CREW_API int crew_group_spawn_at(struct crew_group *group, crew_task_fn *fn, void *arg,
				 const char *site);
#define crew_group_spawn(group, fn, arg) crew_group_spawn_at(group, fn, arg, CREW_HERE)

/*
 * Changes .running_max of a group; 0: any number. Children that wait are let in while there
 * is room; those that run go on, also when there are more of them.
 *
 * Checkpoint:	none
 * Callers:	the owner, children of the group until they return; others only while
 *		something else keeps the group open
 * Returns:	0
 *		CREW_ESTATE	the group is not open, or was opened without .running_max
 *		CREW_EFORKED	called in a child process after fork
 */
CREW_API int crew_group_set_running_max(struct crew_group *group, uint32_t running_max);

/* The largest argument that crew_group_spawn_copy() takes, in bytes. */
#define CREW_COPY_MAX 128

/*
 * crew_group_spawn() with a copy of the `arg_size` bytes at `arg`: fn gets a
 * pointer to the copy, aligned for any type, valid until fn returns.
 *
 * Checkpoint:	none
 * Callers:	as crew_group_spawn()
 * Returns:	as crew_group_spawn()
 *		CREW_EINVAL	also: `arg_size` is above CREW_COPY_MAX, or `arg` is NULL
 *				and it is not 0
 */
CREW_API int crew_group_spawn_copy_at(struct crew_group *group, crew_task_fn *fn, const void *arg,
				      size_t arg_size, const char *site);
#define crew_group_spawn_copy(group, fn, arg, arg_size)                                            \
	crew_group_spawn_copy_at(group, fn, arg, arg_size, CREW_HERE)

/* How a task differs from others. */
enum crew_task_flags {
	CREW_TASK_PINNED = 1, /* never changes its thread once it has started */
	CREW_TASK_ATOMIC = 2, /* starts also when it is cancelled before; then its checks say so */
	CREW_TASK_ISOLATED = 4, /* its failure is for those who join it, not for the group */
	CREW_TASK_LAZY = 8,	/* starts when somebody joins it first */
	CREW_TASK_INLINE = 16,	/* spawn returns when it has ended, or waits for the first time; it
				 * starts also when it is cancelled before */
	CREW_TASK_NOWAIT = 32,	/* is not spawned while its group, with .running_max, is full */
};

/* Zero means "default" for every field. Fields are only added, at the end. */
struct crew_task_options {
	size_t size;	  /* set by CREW_TASK() */
	const char *name; /* for dumps; a string constant, not copied */
	uint32_t flags;	  /* enum crew_task_flags */
	uint32_t reserved;
	/* called once with `arg`: after fn has returned, or when it is certain that it will not
	 * be called, also by a spawn that refuses. Must not wait. */
	void (*arg_free)(void *arg);
	/* called with a value of crew_return() that nobody has taken, by whoever drops the last
	 * handle, or replaces it. Must not wait. */
	void (*value_free)(void *value);
};

#define CREW_TASK(...) CREW_OPTIONS_(crew_task_options, __VA_ARGS__)

/*
 * A handle of one task: to wait for it, to cancel it, for its code and its value. It is
 * dropped once, before the crew is stopped, and may outlive the group. Children whose
 * handle was asked for are kept by the group as well, until crew_group_next() hands them
 * out, or it closes.
 */
struct crew_task;

/* What becomes of a task. */
enum crew_task_state {
	CREW_TASK_PENDING = 0,	     /* not begun */
	CREW_TASK_RUNNING = 1,	     /* begun, perhaps waiting */
	CREW_TASK_CANCELLING = 2,    /* crew_task_cancel() was called; not ended */
	CREW_TASK_FINISHED = 3,	     /* returned 0 */
	CREW_TASK_FAILED = 4,	     /* returned a code */
	CREW_TASK_CANCELLED = 5,     /* returned CREW_ECANCELED, and was */
	CREW_TASK_NEVER_STARTED = 6, /* was cancelled before it began */
};

/*
 * crew_group_spawn() with options, and with a handle unless `task` is NULL. *task is written
 * before the child can begin, and is NULL when it was refused. With CREW_TASK_INLINE the
 * child begins at once, on a stack of its own, unless it has to get in line.
 *
 * Checkpoint:	as crew_group_spawn(); schedule with CREW_TASK_INLINE
 * Callers:	as crew_group_spawn()
 * Returns:	as crew_group_spawn(); with CREW_TASK_ATOMIC or _INLINE never CREW_ECANCELED
 *		CREW_EWOULDBLOCK CREW_TASK_NOWAIT, and the group is full: nothing was spawned
 *		CREW_EINVAL	also: an unknown flag, a lazy or isolated task without a
 *				handle, a lazy one that is also inline or nowait
 */
CREW_API int crew_group_spawn_task_at(struct crew_group *group, crew_task_fn *fn, void *arg,
				      const struct crew_task_options *options,
				      struct crew_task **task, const char *site);
#define crew_group_spawn_task(group, fn, arg, options, task)                                       \
	crew_group_spawn_task_at(group, fn, arg, options, task, CREW_HERE)

/*
 * Runs fn(arg) as a new child, and waits until it calls crew_started(value): a service is up,
 * or it is known why not. From the beginning it counts as a child of the group, which cannot be
 * closed meanwhile; but until it has started it is cancelled with the caller, its failure is
 * this call's, and the group does not notice.
 *
 * A caller that is cancelled meanwhile waits until the child has ended. It is successful all the
 * same when the child calls crew_started() and returns 0.
 *
 * Checkpoint:	full
 * Callers:	as crew_group_spawn()
 * Returns:	0		*value is what it gave crew_started(). `value` may be NULL
 *		the code	of a child that failed before it had started
 *		CREW_ENOSTART	it returned 0 and never called crew_started()
 *		CREW_ECANCELED	the caller is cancelled: the child has ended, or never began; or
 *				the group was cancelled before
 *		others		as crew_group_spawn(): nothing was started
 */
CREW_API int crew_group_start_at(struct crew_group *group, crew_task_fn *fn, void *arg,
				 void **value, const char *site);
#define crew_group_start(group, fn, arg, value)                                                    \
	crew_group_start_at(group, fn, arg, value, CREW_HERE)

/*
 * Waits until a child has ended and hands it out with a handle, which is the caller's to drop:
 * those whose handle was asked for at spawn, in the order in which they end, each once. Lazy
 * ones count from their beginning on.
 *
 * Checkpoint:	cancel
 * Callers:	the owner, and children of the group until they return
 * Returns:	0		and *task
 *		CREW_EEMPTY	all have been handed out
 *		CREW_EDEADLK	the caller itself is the only one that is left
 *		CREW_ECANCELED	the caller is cancelled, or the group is: the owner stands in it
 *		CREW_EINVAL	`task` is NULL
 *		CREW_ESTATE	the group is not open
 *		CREW_EFORKED	called in a child process after fork
 */
CREW_API int crew_group_next(struct crew_group *group, struct crew_task **task);

/*
 * crew_group_next() that does not wait, nor look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	as crew_group_next()
 * Returns:	as crew_group_next(), but for CREW_ECANCELED and CREW_EDEADLK
 *		CREW_EWOULDBLOCK	none has ended that was not handed out
 */
CREW_API int crew_group_next_nowait(struct crew_group *group, struct crew_task **task);

/*
 * crew_group_next() in the order of spawning. A lazy one begins when it is its turn.
 *
 * Checkpoint:	cancel
 * Callers:	as crew_group_next()
 * Returns:	as crew_group_next()
 *		CREW_EDEADLK	the next is the caller itself
 */
CREW_API int crew_group_next_spawned(struct crew_group *group, struct crew_task **task);

/* How many children there were. `size` is set by the caller. */
struct crew_group_stats {
	size_t size;
	uint64_t active;	/* spawned and not ended; and holds */
	uint64_t finished;	/* returned 0 */
	uint64_t failed;	/* returned a code */
	uint64_t cancelled;	/* returned CREW_ECANCELED, and were */
	uint64_t never_started; /* cancelled before they began, also by a spawn that refused */
};

/*
 * Counts the children. A lazy one counts from its beginning on, or when it never started. One
 * that ends just now may still count as active.
 *
 * Checkpoint:	none
 * Callers:	the owner
 * Returns:	0
 *		CREW_EINVAL	stats->size is too small
 *		CREW_ESTATE	not the owner, not open, or not the innermost group
 *		CREW_EFORKED	called in a child process after fork
 */
CREW_API int crew_group_read_stats(struct crew_group *group, struct crew_group_stats *stats);

/*
 * Holds the group open: counts as a child that has not ended, so close waits for the
 * release, and so does wait. Whoever knows that it is held may spawn into the group, from
 * any thread. A group that is cancelled can be held all the same.
 *
 * Checkpoint:	none
 * Callers:	as crew_group_spawn(); also who knows that somebody else holds it
 * Returns:	0
 *		CREW_ECLOSED	the group has been closed
 *		CREW_ESTATE	a plain thread's group without .crew
 *		CREW_EFORKED	called in a child process after fork
 */
CREW_API int crew_group_hold(struct crew_group *group);

/*
 * Ends what one crew_group_hold() began. Everything the caller wrote before is visible to
 * the owner when close has returned.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers, once for each crew_group_hold() that returned 0
 */
CREW_API void crew_group_release(struct crew_group *group);

/*
 * Waits until no child is left. The group stays open; more may be spawned. In a scope with a
 * deadline, opened inside of the group, it waits only so long, and the children go on.
 *
 * Checkpoint:	full
 * Callers:	the owner
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled, or the group is (a child failed):
 *				children may still run, close waits for them
 *		CREW_ESTATE	not the owner, not open, or not the innermost group
 *		CREW_EFORKED	called in a child process after fork
 */
CREW_API int crew_group_wait(struct crew_group *group);

/*
 * Cancels the group: its children, and its owner until it closes. Close returns 0
 * when nothing else has failed. The first cancellation stays, with its reason: a
 * string constant, not copied, or NULL. Nothing happens to a group that is closed.
 *
 * Checkpoint:	none
 * Callers:	the owner, children of the group until they return; others only while
 *		something else keeps the group open
 */
CREW_API void crew_group_cancel(struct crew_group *group, const char *reason);

/*
 * Calls fn(arg) when the group is closed, after its last child has ended and while the
 * group is still the innermost: last in first out, once, whatever close returns. How to wait in it:
 * crew/hook.h.
 *
 * Checkpoint:	none
 * Callers:	the owner, before it closes
 * Returns:	0
 *		CREW_ESTATE	not the owner, not open, or not the innermost group
 *		CREW_EFORKED	called in a child process after fork
 *		CREW_EINVAL	`fn` is NULL, or `entry` is deferred there already
 */
CREW_API int crew_group_defer(struct crew_group *group, struct crew_defer *entry,
			      void (*fn)(void *arg), void *arg);

/*
 * Waits for all children, then leaves the group. Nothing interrupts this wait;
 * if the caller is cancelled, so are the children. `rc` says how the block
 * itself ended: anything but 0 is its failure and cancels the children.
 * Everything the children wrote is visible afterwards.
 *
 * Checkpoint:	schedule
 * Callers:	the owner, once
 * Returns:	0		block and children succeeded, or were stopped by
 *				crew_group_cancel()
 *		the code	of the first failure, the block's or a child's; under
 *				CREW_SUPERVISE only the block's, whatever stops children
 *		CREW_ECANCELED	nothing failed, but a child or the block was stopped by a
 *				cancellation from outside of the group
 *		CREW_ETIMEDOUT	the same by the group's own timeout, whatever children
 *				returned after that
 *		CREW_ESTATE	not the owner, not open, or not the innermost group: nothing
 *				was closed
 *		CREW_EFORKED	called in a child process after fork
 */
CREW_API int crew_group_close(struct crew_group *group, int rc);

/*
 * Waits until a task has ended, and says how. What it wrote is visible afterwards. Any number
 * may wait, and ask again. A lazy task begins. Of several the first: CREW_ON_TASK()
 * (crew/select.h).
 *
 * Checkpoint:	cancel
 * Callers:	who holds a handle
 * Returns:	0		*rc is its code, CREW_ECANCELED when it never started; *value
 *				what it gave crew_return(), which is the caller's now, or NULL.
 *				Both may be NULL
 *		CREW_ECANCELED	the caller is cancelled; the task goes on
 *		CREW_EDEADLK	the task is the caller, or waits for it
 *		CREW_EINVAL	`task` is NULL
 *		CREW_EFORKED	called in a child process after fork
 */
CREW_API int crew_task_join(struct crew_task *task, int *rc, void **value);

/*
 * crew_task_join() that does not wait, nor look for cancellation.
 *
 * Checkpoint:	none
 * Callers:	who holds a handle
 * Returns:	0, CREW_EINVAL, CREW_EFORKED as crew_task_join()
 *		CREW_EWOULDBLOCK	it has not ended
 */
CREW_API int crew_task_join_nowait(struct crew_task *task, int *rc, void **value);

/*
 * Cancels one task, and what it has opened. Its group is not cancelled; that the task stops
 * is no failure. Before it begins: it never starts. After it ended: nothing. `reason` is a
 * string constant, not copied, or NULL. To wait for its end as well, join it.
 *
 * Checkpoint:	none
 * Callers:	who holds a handle
 * Returns:	0
 *		CREW_EINVAL	`task` is NULL
 *		CREW_EFORKED	called in a child process after fork
 */
CREW_API int crew_task_cancel(struct crew_task *task, const char *reason);

/*
 * What has become of it. The state of a task that has not ended may be another by now.
 *
 * Checkpoint:	none
 * Callers:	who holds a handle
 * Returns:	enum crew_task_state
 */
CREW_API enum crew_task_state crew_task_status(const struct crew_task *task);

/*
 * The argument that it was spawned with; with .arg_free it is gone when the task has ended.
 *
 * Checkpoint:	none
 * Callers:	who holds a handle
 * Returns:	the argument
 */
CREW_API void *crew_task_arg(const struct crew_task *task);

/*
 * Gives a handle back. NULL is allowed and does nothing.
 *
 * Checkpoint:	none
 * Callers:	who holds the handle
 */
CREW_API void crew_task_drop(struct crew_task *task);

CREW_END

#endif /* CREW_GROUP_H */
