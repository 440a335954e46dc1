/* SPDX-License-Identifier: MIT */
/*
 * crew/crew.h - the executor: a fixed pool of threads that run tasks.
 *
 *	#include <crew/crew.h>
 *	#include <stdio.h>
 *
 *	static int hello(void *arg)
 *	{
 *		printf("hello, %s\n", (const char *)arg);
 *		return 0;
 *	}
 *
 *	int main(void)
 *	{
 *		char name[] = "world";
 *
 *		return crew_run(NULL, hello, name);
 *	}
 *
 * crew_run() without a crew starts one with the defaults, runs, and stops it.
 * A program that runs more than once starts its own:
 *
 *	int work(crew_task_fn *fn, void *arg)
 *	{
 *		struct crew *crew;
 *		int rc = crew_start(&crew, CREW_OPTIONS(.workers = 4, .name = "work"));
 *
 *		if (rc)
 *			return rc;
 *		rc = crew_run(crew, fn, arg);
 *		crew_stop(crew);
 *		return rc;
 *	}
 *
 * Environment. CREW_WORKERS and CREW_STACK_BYTES change the defaults, never
 * what a program asks for. CREW_DISPLAY_ENV=1 prints on stderr what was chosen
 * and why. CREW_STACK_REPORT=1 has a task that needs more stack than it has named
 * on stderr before the fault ends the process; it installs handlers for SIGSEGV and
 * SIGBUS at the first crew_start(), which hand every fault on to what was there.
 *
 * What the system refuses shows as CREW_ENOMEM or CREW_EAGAIN, and what was accepted
 * runs to its end all the same. A seccomp filter that forbids membarrier must be there
 * before the first crew_start(): a process that loses it later is ended with a sentence.
 * What may be missing is tried, and done without where the system refuses it: membarrier,
 * process_madvise, guards by madvise. So a filter should answer with an error (ENOSYS, EPERM):
 * one that kills for what it does not know ends the process when the first task waits, or
 * in crew_start().
 * A worker whose thread is stopped from outside (a debugger) holds up the task that it
 * runs, tasks pinned to it, and whoever needs a lock or a wake-up that it was about to
 * give; the other workers take the rest. The processors are counted at crew_start();
 * a smaller affinity mask afterwards changes the speed and nothing else.
 *
 * exit() may be called by a task: the process ends, whatever other tasks do. libcrew.so
 * stays in memory after dlclose(), and so do its crews.
 *
 * After fork() every call on a crew of the parent returns CREW_EFORKED in the
 * child; the child may start crews of its own. What others held stays held there. A lock that
 * the forking thread holds, or nobody, can be used, also with somebody in line: who waited is
 * not there, and what the child gives or releases goes to none of them.
 *
 * Where a function takes a crew, NULL means the crew of the calling task.
 */
#ifndef CREW_CREW_H
#define CREW_CREW_H

#include "crew/base.h"
#include "crew/error.h"
#include "crew/group.h"
#include "crew/hook.h"
#include "crew/scope.h"
#include "crew/task.h"
#include "crew/time.h"

#include <stdio.h>

CREW_BEGIN

/* A crew. Opaque; made by crew_start(). */
struct crew;

/*
 * What happens when every thread of the process waits, without an end, for what only
 * another one could do: nothing runs, no timer is set, nobody is in a blocking call or in
 * a thread of the program's own that crew knows nothing of. It is noticed within a second,
 * and once for each time. Somebody looks four times a second: while workers run that costs
 * next to nothing, while all sleep the more, the more tasks wait. With two crews in one
 * process nothing is noticed.
 *
 * Tasks that wait for each other's locks are noticed while others run: by the one that
 * closes the circle, in crew_lock_acquire(). It says who waits for whom, on stderr, and where
 * the choice is to cancel it gets CREW_EDEADLK.
 */
enum crew_deadlock {
	CREW_DEADLOCK_IGNORE,
	CREW_DEADLOCK_REPORT, /* says so on stderr, with crew_dump() */
	CREW_DEADLOCK_CANCEL, /* the same, and crew_cancel(crew, "deadlock") */
	CREW_DEADLOCK_ABORT,  /* says so, and ends the process */
};

/* Zero means "default" for every field. Fields are only added, at the end. */
struct crew_options {
	size_t size;	       /* set by CREW_OPTIONS() */
	const char *name;      /* of the worker threads, cut to 10 bytes; copied. Default: "crew" */
	uint32_t workers;      /* 1..250; default: crew_cpu_limit() */
	uint32_t blocking_max; /* crew_blocking() calls at once; default: 40 */
	size_t stack_bytes; /* of a task, 32768 to 64 MiB, rounded up to pages; default: 256 KiB */
	enum crew_deadlock deadlock; /* default: CREW_DEADLOCK_IGNORE */
	uint32_t reserved;
};

#define CREW_OPTIONS(...) CREW_OPTIONS_(crew_options, __VA_ARGS__)

/*
 * Starts a crew: its workers and its timer thread. `*crew` is set only on
 * success. NULL `options` are all defaults.
 *
 * Checkpoint:	none
 * Callers:	tasks and plain threads
 * Returns:	0
 *		CREW_EINVAL	`crew` is NULL, an option is out of its range, or the
 *				library is older than the headers
 *		CREW_ENOMEM	no memory, or too many mappings (vm.max_map_count)
 *		CREW_EAGAIN	a thread could not be created; those that were have ended
 */
CREW_API int crew_start(struct crew **crew, const struct crew_options *options);

/*
 * Stops a crew: new work is refused, all that was accepted ends, the threads
 * end, the memory is freed. Groups that plain threads hold open on the crew
 * are waited for. NULL is allowed and does nothing.
 *
 * Checkpoint:	schedule
 * Callers:	one, a plain thread or a task of another crew; nobody may use the
 *		crew afterwards
 * Returns:	0
 *		CREW_EDEADLK	called by a task of this very crew, or while the calling
 *				thread holds a group open on it
 *		CREW_ESTATE	somebody is stopping it already
 *		CREW_EFORKED	the crew belongs to the parent process
 */
CREW_API int crew_stop(struct crew *crew);

/*
 * Cancels everything in the crew, now and to come: running tasks see it at
 * their next checkpoint, those that wait are woken, those not yet started
 * never start. The threads stay; crew_stop() ends them. `reason` is a string
 * constant, not copied; the first one stays.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 */
CREW_API void crew_cancel(struct crew *crew, const char *reason);

/*
 * Runs fn(arg) as a task of `crew` and waits for it and everything it spawned.
 * NULL starts a crew with the defaults, runs, and stops it. Everything the
 * caller wrote is visible to fn, and back. Any number of threads may call it
 * at once; a task of another crew waits without holding its thread.
 *
 * Checkpoint:	schedule
 * Callers:	plain threads; tasks of other crews
 * Returns:	fn's code
 *		CREW_ECANCELED	also: the crew, or the caller, was cancelled before fn began
 *		CREW_ECLOSED	the crew is being stopped; fn did not run
 *		CREW_ESTATE	called by a task with its own crew or NULL; fn did not run
 *		CREW_EINVAL	`fn` is NULL
 *		CREW_ENOMEM	no memory; fn did not run
 *		CREW_EAGAIN	NULL crew: a thread could not be created; fn did not run
 *		CREW_EFORKED	the crew belongs to the parent process
 */
CREW_API int crew_run(struct crew *crew, crew_task_fn *fn, void *arg);

/*
 * How many workers the crew has.
 *
 * Checkpoint:	none
 * Callers:	anybody
 * Returns:	the number; 0 for NULL outside of a task
 */
CREW_API unsigned crew_worker_count(const struct crew *crew);

/*
 * How many processors this process may use: the smaller of its affinity mask
 * and its cgroup's CPU quota (v1 or v2, rounded up), at least 1. Where the mask
 * cannot be read all processors count; a quota that cannot be read is none. `why`,
 * when not NULL, receives a sentence such as "affinity 2, quota none".
 *
 * Checkpoint:	none
 * Callers:	anybody
 * Returns:	the number
 */
CREW_API unsigned crew_cpu_limit(char *why, size_t why_size);

/*
 * Counters of one worker or, added up, of a crew. They are read without
 * stopping anybody, so they belong to slightly different moments.
 */
struct crew_stats {
	size_t size;		   /* set by the caller: sizeof(struct crew_stats) */
	uint32_t workers;	   /* how many were added up */
	uint32_t workers_idle;	   /* asleep now */
	uint64_t tasks;		   /* run or skipped as cancelled */
	uint64_t steals_tried;	   /* looks at another worker's tasks */
	uint64_t steals_done;	   /* tasks or fibers taken from another worker */
	uint64_t parks;		   /* waits that suspended a task */
	uint64_t wakes;		   /* tasks made ready again */
	uint64_t switches;	   /* from one stack to another */
	uint64_t sleeps;	   /* times a worker went to sleep for lack of work */
	uint64_t queued;	   /* tasks spawned and not yet taken */
	uint64_t ready;		   /* tasks ready to go on */
	uint64_t stacks_live;	   /* stacks in use */
	uint64_t stacks_made;	   /* stacks in all, in use or kept for later */
	uint64_t blocking_calls;   /* crew_blocking() calls begun */
	uint32_t blocking_threads; /* spare threads now */
	uint32_t reserved;
};

/*
 * Reads the counters of the whole crew. `stats->size` must be set.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EINVAL	`stats` is NULL or its size is smaller than a size_t and a
 *				uint32_t, or no crew was given outside of a task
 *		CREW_EFORKED	the crew belongs to the parent process
 */
CREW_API int crew_read_stats(struct crew *crew, struct crew_stats *stats);

/*
 * The same for one worker, 0 <= index < crew_worker_count(). The fields about
 * stacks and blocking calls are 0.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	as crew_read_stats()
 *		CREW_ERANGE	there is no such worker
 */
CREW_API int crew_read_worker_stats(struct crew *crew, unsigned index, struct crew_stats *stats);

/*
 * Prints the workers, their queues, and every task that waits: its name, where
 * it was spawned, what it waits for, for how long; and how many plain threads of the process
 * wait for what. Then the groups and scopes in which somebody has waited, below each other:
 * cancelled, shielded, the time left, how many children failed, were cancelled, never
 * started, and are left while their owner waits for them; and the tasks that wait, or have
 * waited, right in them. Stops nobody.
 *
 * Checkpoint:	none
 * Callers:	anybody but signal handlers
 * Returns:	0
 *		CREW_EINVAL	`out` is NULL, or no crew was given outside of a task
 *		CREW_EFORKED	the crew belongs to the parent process
 *		CREW_EBROKEN	`out` reported a write error
 */
CREW_API int crew_dump(struct crew *crew, FILE *out);

CREW_END

#endif /* CREW_CREW_H */
