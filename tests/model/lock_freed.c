/* SPDX-License-Identifier: MIT */
/*
 * model/lock_freed.c - whoever is in line leaves it, cancelled, as the lock is released: there
 * is nobody to pass it to. It comes again, is the last one, and frees the lock.
 */
#include "model/small.h"
#include "model/sync.h"

#include "crew/lock.h"

#include <string.h>

static struct crew_lock lock;
static struct crew_scope scope;

static void leave_and_free(void *arg)
{
	int rc;

	(void)arg;
	crew_scope_open(&scope, NULL);
	rc = crew_lock_acquire(&lock);
	crew__sim_check(rc == CREW_ECANCELED, "it is held");
	crew_scope_close(&scope, rc);
	crew__sim_yield(); /* it is released */
	crew__sim_check(crew_lock_acquire(&lock) == 0, "cancelled by nobody");
	crew_lock_release(&lock);
	memset(&lock, 0xa5, sizeof(lock));
}

static void cancel_and_release(void *barging)
{
	struct crew_lock_stats stats = { .size = sizeof(stats) };
	uint64_t thread;

	lock = barging ? (struct crew_lock)CREW_LOCK_BARGING_INIT :
			 (struct crew_lock)CREW_LOCK_INIT;
	crew__sim_check(crew_lock_acquire(&lock) == 0, "cancelled by nobody");
	crew__port_thread_start(&thread, leave_and_free, NULL, "last");
	for (; !stats.waiting; crew_lock_read_stats(&lock, &stats))
		crew__sim_yield();
	crew_scope_cancel(&scope, "model");
	crew_lock_release(&lock);
	crew__port_thread_join(thread);
	crowd_check_freed(&lock, sizeof(lock));
}

Test(lock, the_next_one_frees_it_when_nobody_is_in_line_any_more, .timeout = 300)
{
	small_search_all("lock_left", cancel_and_release, NULL, 2);
	small_search_all("lock_left_barging", cancel_and_release, &lock, 2);
}
