/* expect: hooks stop each other, and each waits for the other's end: stop them from outside */
/* SPDX-License-Identifier: MIT */
#include "crew/crew.h"
#include "exec/exec.h"

#include <pthread.h>
#include <sched.h>

/* Three hooks on three threads: each stops the next one. */
static struct crew_scope scopes[3];
static struct crew_scope_hook hooks[3];
static struct crew_word running;

static void stop_next(void *arg)
{
	struct crew_scope_hook *hook = (struct crew_scope_hook *)arg;

	crew__add_acq_rel(&running, 1);
	while (crew__load_acquire(&running) < 3)
		sched_yield();
	crew_scope_hook_stop(&hooks[(hook - hooks + 1) % 3]);
}

static void *cancel(void *scope)
{
	crew_scope_cancel((struct crew_scope *)scope, NULL);
	return NULL;
}

int main(void)
{
	pthread_t threads[3];

	for (int i = 0; i < 3; i++) {
		crew_scope_init(&scopes[i], NULL);
		if (crew_scope_on_cancel(&scopes[i], &hooks[i], stop_next, &hooks[i]))
			return 2;
	}
	for (int i = 0; i < 3; i++)
		if (pthread_create(&threads[i], NULL, cancel, &scopes[i]))
			return 3;
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	return 0;
}
