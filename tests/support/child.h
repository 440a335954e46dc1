/* SPDX-License-Identifier: MIT */
/* child.h - child processes of tests: they say by their exit status what they found. */
#ifndef SUPPORT_CHILD_H
#define SUPPORT_CHILD_H

#include "support/test.h"

#include "fiber/fiber.h" /* whether there are sanitizers */

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* The sanitizers' own threads are gone in a child, and their own locks may be held by
 * threads that are: who starts threads there may wait for ever. */
static inline bool child_may_start_threads(void)
{
#if defined(CREW__TSAN) || defined(CREW__ASAN)
	return false;
#else
	return true;
#endif
}

/* A child that ends itself when it hangs. */
static inline pid_t fork_child(void)
{
	pid_t pid = fork();
	sigset_t alarms;

	if (pid == 0) {
		sigemptyset(&alarms);
		sigaddset(&alarms, SIGALRM);
		pthread_sigmask(SIG_UNBLOCK, &alarms, NULL); /* a worker's thread blocks it */
		signal(SIGALRM, SIG_DFL);
		alarm(15 * test_slower());
	}
	return pid;
}

/* Its status; -1: it was killed, -2: it hung. */
static inline int reap(pid_t pid)
{
	int status = 0;

	if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
		return WEXITSTATUS(status);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? -2 : -1;
}

#endif /* SUPPORT_CHILD_H */
