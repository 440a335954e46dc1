/* SPDX-License-Identifier: MIT */
/*
 * crew/task.h - what a task may ask and say about itself.
 *
 * A task is a function that was spawned into a group (crew/group.h). It runs
 * until it returns or waits; it is never interrupted. Cancellation is a
 * request: every call that can wait answers it with CREW_ECANCELED, again and
 * again until the task returns, and a loop that only computes asks with
 * crew_check().
 *
 *	static int count_primes(void *arg)
 *	{
 *		long *count = (long *)arg;
 *		int rc = 0;
 *
 *		for (long n = 2; n < 1000 && rc == 0; n++) {
 *			long d = 2;
 *
 *			while (d * d <= n && n % d != 0)
 *				d++;
 *			*count += d * d > n;
 *			rc = crew_check();
 *		}
 *		return rc;
 *	}
 *
 * A value may be bound to a key for the rest of a block, a scope's or a group's: code that
 * is called there finds it, and so do the tasks of groups that are opened there. A
 * library keeps its context so, as the address of a variable of its own is the key. Thread
 * locals are no substitute: a task may change its thread.
 *
 *	static const char request_key;
 *
 *	int serve(struct crew_scope *request, void *context)
 *	{
 *		struct crew_local binding;
 *		int rc;
 *
 *		crew_scope_open(request, NULL);
 *		crew_local_set(&binding, &request_key, context);
 *		rc = crew_local_get(&request_key) == context ? 0 : 1;
 *		return crew_scope_close(request, rc);
 *	}
 *
 * The three kinds of checkpoint: "full" looks for cancellation and lets others
 * run; "cancel" looks, and waits only if it must; "schedule" lets others run
 * and never looks.
 */
#ifndef CREW_TASK_H
#define CREW_TASK_H

#include "crew/base.h"

CREW_BEGIN

/*
 * What a task is made of. 0: done. Anything else: failed with that code.
 */
typedef int crew_task_fn(void *arg);

/*
 * Is the caller cancelled? A few loads and a compare, on x86-64 without a call, while
 * nothing has been cancelled anywhere: cheap enough for every turn of a loop.
 *
 * Checkpoint:	cancel, and never waits
 * Callers:	tasks and plain threads
 * Returns:	0, also outside of any scope
 *		CREW_ECANCELED	the caller is cancelled
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_check(void);

/*
 * crew_check(), and lets others run.
 *
 * Checkpoint:	full
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_ECANCELED	the caller is cancelled
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_checkpoint(void);

/*
 * Lets others run: the caller goes to the end of the line. Returns at once
 * when nobody waits in it.
 *
 * Checkpoint:	schedule
 * Callers:	tasks and plain threads (where it yields the processor)
 */
CREW_API void crew_yield(void);

/*
 * Runs fn(arg) on a spare thread while the task waits, so that a call that
 * blocks its thread (reading a slow disk, getaddrinfo) does not hold up a
 * worker. At most .blocking_max such calls (crew/crew.h) run at once in one
 * crew, others wait in line and can be cancelled while they do. Once begun, fn
 * runs to its end, and a cancellation shows at the next checkpoint; fn itself
 * may ask with crew_check(), which speaks for the task.
 *
 * Inside of fn, and on a plain thread, crew_blocking() calls fn directly.
 * Everything the caller wrote is visible to fn, and back.
 *
 * Checkpoint:	full before fn begins; fn's end lets others run
 * Callers:	tasks and plain threads
 * Returns:	fn's code
 *		CREW_ECANCELED	the caller was cancelled before fn began: it never ran
 *		CREW_EINVAL	`fn` is NULL
 *		CREW_EAGAIN	there is no spare thread and none could be created
 *		CREW_EFORKED	called by a task in a child process after fork
 */
CREW_API int crew_blocking(crew_task_fn *fn, void *arg);

/*
 * Sets the value that crew_task_join() gives whoever has a handle of the calling task; to be
 * written `return crew_return(value);`. The last one counts. A task that nobody has a handle of,
 * and has no .value_free, has no value either.
 *
 * Checkpoint:	none
 * Callers:	tasks
 * Returns:	0
 */
CREW_API int crew_return(void *value);

/*
 * Says that the calling task has started: whoever waits for that in crew_group_start() gets
 * `value` and goes on. From now on the task is in the scope of its group, with all that it has
 * opened, and no longer in that of the starter; cancelled at once when the group is. When
 * the starter was cancelled before, the task stays where it is: nothing is changed.
 *
 * Checkpoint:	none
 * Callers:	a task that was begun by crew_group_start(), once
 * Returns:	0
 *		CREW_ESTATE	it was not begun so, or has said so before
 *		CREW_EFORKED	called in a child process after fork
 */
CREW_API int crew_started(void *value);

/*
 * Storage for a binding, usually a local variable. It stays where it is until the scope is
 * closed.
 */
struct crew_local {
	struct {
		void *next;
		const void *key;
		void *value;
	} private_;
};

/*
 * Binds `value` to `key`, an address, in the caller's innermost scope or group, until that
 * is closed; what is bound to the key further out, or was before, is hidden. A task
 * begins in the scope of its group, which is not its own: it opens one first.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads; who opened the innermost scope, or group
 * Returns:	0
 *		CREW_ESTATE	there is no scope, or the innermost one is not the caller's, or is
 *				being closed
 *		CREW_EINVAL	`binding` or `key` is NULL, or `binding` is bound there already
 */
CREW_API int crew_local_set(struct crew_local *binding, const void *key, void *value);

/*
 * What is bound to the key: innermost first, then in all that is around the caller, also
 * around the groups that it is a task of.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 * Returns:	the value, or NULL: none
 */
CREW_API void *crew_local_get(const void *key);

/*
 * Is the caller a task?
 *
 * Checkpoint:	none
 * Callers:	anybody
 * Returns:	true in a task, and in the function inside crew_blocking()
 */
CREW_API bool crew_in_task(void);

/*
 * May the caller block its thread? For an assertion in code that does so, with a call that
 * crew does not know: in a task it would hold up a worker, and crew_blocking() should run it.
 *
 * Checkpoint:	none
 * Callers:	anybody
 * Returns:	true on a plain thread, and in the function inside crew_blocking()
 */
CREW_API bool crew_may_block(void);

/* ---- in the caller's own code; not for callers ----------------------------- */

/* What a worker shows of its deque; a part of it. */
struct crew_fork_deque {
	struct crew_word bottom;
	uint32_t limit;
	uint32_t reserved0;
	struct crew_fork_cell *cells;
	uintptr_t scope; /* the innermost open one of the task that runs, with a mark */
	const struct crew_word *epoch;
	const uint64_t *looked; /* the epoch at which that task looked last */
	char reserved1[16];
	uint32_t halves[2];
	struct crew_word attention;
};

/*
 * On x86-64 one instruction asks who this thread is, and compilers cannot keep the answer
 * over a call in which the task changes threads (nor can they merge two). So what is on
 * the way of every loop, crew_check() and the calls of crew/fork.h, needs no call there.
 */
#if defined(__x86_64__) && !defined(CREW_SIM) && !defined(CREW_FORK_CALLS)
#define CREW_HERE_INLINE_ 1

/* Never NULL: on a plain thread one that has no room, where nothing is the newest, and nobody
 * has looked. */
static inline struct crew_fork_deque *crew_fork_here_(void)
{
	struct crew_fork_deque *deque;

	__asm__ volatile("movq crew_fork_here@gottpoff(%%rip), %0\n\tmovq %%fs:(%0), %0"
			 : "=r"(deque)
			 :
			 : "memory");
	return deque;
}

/* Nothing was cancelled since this task has looked: it need not look again. */
static inline int crew_check_inline_(void)
{
	const struct crew_fork_deque *deque = crew_fork_here_();

	if (__builtin_expect(
		    __atomic_load_n(&deque->epoch->value, __ATOMIC_RELAXED) == *deque->looked, 1))
		return 0;
	return crew_check();
}

/* (crew_check)() and its address are the function. */
#define crew_check() crew_check_inline_()

#endif

CREW_END

#endif /* CREW_TASK_H */
