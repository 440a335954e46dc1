/* expect: a scope was closed while another thread switched its shield */
/* SPDX-License-Identifier: MIT */
/* The switch is held up behind the lock of what is around the scope, until that is closed. */
#include "exec/exec.h"

#include "crew/crew.h"

#include <pthread.h>
#include <sched.h>

static struct crew_scope outer;
static struct crew_scope inner;

static void *switch_shield(void *arg)
{
	crew_scope_set_shield(&inner, true);
	return arg;
}

int main(void)
{
	struct crew__lock *lock = crew__scope_lock(&outer);
	pthread_t thread;

	crew_scope_open(&outer, NULL);
	crew_scope_open(&inner, NULL);
	crew__lock_acquire(lock);
	if (pthread_create(&thread, NULL, switch_shield, NULL))
		return 2;
	while (crew__load32_relaxed(&lock->word) != 2)
		sched_yield();
	crew_scope_close(&inner, 0);
	crew__lock_release(lock);
	pthread_join(thread, NULL);
	return crew_scope_close(&outer, 0);
}
