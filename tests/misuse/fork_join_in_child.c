/* expect: a forked call was joined in a child process after fork */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"
#include "crew/fork.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int one(int n)
{
	return n;
}

CREW_FORK1(one, int, int)

/* In the child no worker is left that could have run the call. */
static int join_in_child(void *arg)
{
	struct one_forked forked;
	int status;
	pid_t child;

	(void)arg;
	one_fork(&forked, 1);
	child = fork();
	if (child == 0)
		_exit(one_join(&forked));
	waitpid(child, &status, 0);
	one_join(&forked);
	if (WIFSIGNALED(status))
		abort();
	return 0;
}

int main(void)
{
	struct crew *crew;
	int rc = crew_start(&crew, CREW_OPTIONS(.workers = 1)); /* nobody else takes the call */

	return rc ? rc : crew_run(crew, join_in_child, NULL) + crew_stop(crew);
}
