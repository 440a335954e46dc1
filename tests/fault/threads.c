/* SPDX-License-Identifier: MIT */
/*
 * threads.c - what happens to the threads of a crew from outside: one is stopped, as by
 * a debugger or a scheduler that has better things to do, and the processors that they
 * may use become one.
 *
 * A thread is stopped by a SIGPROF, which workers do not block, whose handler returns
 * when told so: like SIGSTOP for one thread. What a stopped worker holds waits: the task
 * that it runs, tasks pinned to it, a lock in whose section it was stopped, and, when it
 * was on its way to look for work, work that counts on it. All else goes on.
 */
#include "crew/crew.h"

#include "base/atomic.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WORKERS	 3
#define CHILDREN 200

static struct crew_word stopped; /* threads in the handler */
static struct crew_word stop;	 /* 1: stay there */
static struct crew_word ran;

static void stay(int signal)
{
	(void)signal;
	crew__add_acq_rel(&stopped, 1);
	while (crew__load_acquire(&stop))
		syscall(SYS_sched_yield);
	crew__add_acq_rel(&stopped, (uint64_t)-1);
}

static void stop_thread(pid_t thread)
{
	crew__store_release(&stop, 1);
	if (syscall(SYS_tgkill, getpid(), thread, SIGPROF)) {
		perror("tgkill");
		exit(1);
	}
	while (!crew__load_acquire(&stopped))
		sched_yield();
}

static void let_go(void)
{
	crew__store_release(&stop, 0);
	while (crew__load_acquire(&stopped))
		sched_yield();
}

static void must(bool condition, const char *sentence)
{
	if (!condition) {
		printf("threads.c: not so: %s\n", sentence);
		exit(1);
	}
}

/* ---- one that computes -------------------------------------------------------------- */

static struct crew_word thread_of_owner;
static struct crew_word owner_may_end;

static int give_five(void *arg)
{
	(void)arg;
	return 5;
}

static int child(void *arg)
{
	unsigned number = (unsigned)(uintptr_t)arg;

	if (number % 4 == 0)
		crew_sleep(CREW_US(100));
	if (number % 4 == 1)
		crew_blocking(give_five, NULL);
	if (number % 4 == 2)
		crew_yield();
	crew__add_relaxed(&ran, 1);
	return 0;
}

static int open_with_children(struct crew_group *group)
{
	int rc = 0;

	crew_group_open(group, NULL);
	for (unsigned i = 0; i < CHILDREN; i++)
		rc |= crew_group_spawn(group, child, (void *)(uintptr_t)i);
	return rc;
}

/* Its children lie in its worker's own queue when it is stopped. */
static int computing_owner(void *arg)
{
	struct crew_group group;
	int rc = open_with_children(&group);

	(void)arg;
	crew__store_release(&thread_of_owner, (uint64_t)syscall(SYS_gettid));
	while (!crew__load_acquire(&owner_may_end))
		;
	return crew_group_close(&group, rc);
}

static int crowd(void *arg)
{
	struct crew_group group;
	int rc = open_with_children(&group);

	(void)arg;
	return crew_group_close(&group, rc);
}

static void others_go_on(void)
{
	struct crew *crew;
	struct crew_group group;

	must(crew_start(&crew, CREW_OPTIONS(.workers = WORKERS)) == 0, "a crew starts");
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	must(crew_group_spawn(&group, computing_owner, NULL) == 0, "its task is accepted");
	while (!crew__load_acquire(&thread_of_owner))
		sched_yield();
	stop_thread((pid_t)crew__load_acquire(&thread_of_owner));
	/* both hang, and the alarm ends us, if anything waits for the stopped worker */
	while (crew__load_acquire(&ran) < CHILDREN)
		sched_yield();
	for (int i = 0; i < 20; i++)
		must(crew_run(crew, crowd, NULL) == 0, "other tasks run");
	must(crew__load_acquire(&ran) == 21 * CHILDREN, "each child has run once");
	crew__store_release(&owner_may_end, 1);
	let_go();
	must(crew_group_close(&group, 0) == 0, "the stopped task ends");
	must(crew_stop(crew) == 0, "the crew stops");
}

/* ---- any, anywhere ------------------------------------------------------------------- */

static pid_t workers[WORKERS];

static int say_who(void *arg)
{
	struct crew_word *arrived = arg;

	workers[crew__add_acq_rel(arrived, 1)] = (pid_t)syscall(SYS_gettid);
	while (crew__load_acquire(arrived) < WORKERS)
		;
	return 0;
}

static int ask_all(void *arg)
{
	struct crew_group group;
	int rc = 0;

	crew_group_open(&group, NULL);
	for (int i = 0; i < WORKERS; i++)
		rc |= crew_group_spawn(&group, say_who, arg);
	return crew_group_close(&group, rc);
}

static struct crew_word enough;

static int crowds(void *arg)
{
	int rc = 0;

	while (rc == 0 && !crew__load_acquire(&enough)) {
		rc = crowd(arg);
		crew__add_relaxed(arg, CHILDREN);
	}
	return rc;
}

static void nothing_is_lost(void)
{
	struct crew_word arrived = { 0 };
	struct crew_word wanted = { 0 };
	struct crew_group group;
	struct crew *crew;

	crew__store_relaxed(&ran, 0);
	must(crew_start(&crew, CREW_OPTIONS(.workers = WORKERS)) == 0, "a crew starts");
	must(crew_run(crew, ask_all, &arrived) == 0, "all workers answer");
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	must(crew_group_spawn(&group, crowds, &wanted) == 0, "its task is accepted");
	for (unsigned i = 0; i < 300; i++) {
		uint64_t before;

		stop_thread(workers[i % WORKERS]);
		/* others may go on, or wait for a lock that this one holds */
		for (unsigned turn = 0; turn < i % 7 * 200; turn++)
			sched_yield();
		let_go();
		before = crew__load_acquire(&ran);
		while (crew__load_acquire(&ran) < before + i % 11 * 20)
			sched_yield();
	}
	crew__store_release(&enough, 1);
	must(crew_group_close(&group, 0) == 0, "all ends well");
	must(crew__load_relaxed(&wanted) >= CHILDREN, "something ran");
	must(crew__load_relaxed(&ran) == crew__load_relaxed(&wanted), "each child has run once");
	must(crew_stop(crew) == 0, "the crew stops");
}

/* ---- fewer processors ------------------------------------------------------------------ */

static void one_processor_is_left(void)
{
	struct crew_word arrived = { 0 };
	struct crew_word wanted = { 0 };
	struct crew_group group;
	struct crew *crew;
	cpu_set_t before;
	cpu_set_t one;

	crew__store_relaxed(&ran, 0);
	crew__store_relaxed(&enough, 0);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	must(sched_getaffinity(0, sizeof(before), &before) == 0, "the mask can be read");
	must(crew_start(&crew, CREW_OPTIONS(.workers = WORKERS)) == 0, "a crew starts");
	must(crew_run(crew, ask_all, &arrived) == 0, "all workers answer");
	crew_group_open(&group, CREW_GROUP(.crew = crew));
	must(crew_group_spawn(&group, crowds, &wanted) == 0, "its task is accepted");
	for (int i = 0; i < WORKERS; i++)
		must(sched_setaffinity(workers[i], sizeof(one), &one) == 0, "it can be set");
	must(sched_setaffinity(0, sizeof(one), &one) == 0, "it can be set");
	must(crew_cpu_limit(NULL, 0) == 1, "what is asked now is the new number");
	must(crew_worker_count(crew) == WORKERS, "a running crew keeps its workers");
	for (int i = 0; i < 20; i++)
		must(crew_run(crew, crowd, NULL) == 0, "other tasks run");
	crew__store_release(&enough, 1);
	must(crew_group_close(&group, 0) == 0, "all ends well");
	must(crew__load_relaxed(&ran) == crew__load_relaxed(&wanted) + 20 * CHILDREN,
	     "each child has run once");
	must(crew_stop(crew) == 0, "the crew stops");
	must(crew_start(&crew, NULL) == 0, "a crew starts");
	must(getenv("CREW_WORKERS") || crew_worker_count(crew) == 1, "a new crew has one worker");
	must(crew_stop(crew) == 0, "the crew stops");
	sched_setaffinity(0, sizeof(before), &before);
}

int main(void)
{
	struct sigaction action = { .sa_handler = stay, .sa_flags = SA_RESTART };

	sigaction(SIGPROF, &action, NULL);
	alarm(120);
	others_go_on();
	nothing_is_lost();
	one_processor_is_left();
	puts("3 passed, 0 failed");
	return 0;
}
