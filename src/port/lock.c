/* SPDX-License-Identifier: MIT */
/* lock.c - the slow path of lock.h. */
#include "port/lock.h"

void crew__lock_acquire_slow(struct crew__lock *lock)
{
	for (unsigned turn = 0; turn < CREW__LOCK_SPINS; turn++) {
		if (crew__load32_relaxed(&lock->word) == 0 && crew__lock_try(lock))
			return;
		crew__spin_hint();
	}
	while (crew__exchange32_acq_rel(&lock->word, 2) != 0)
		crew__port_wait(&lock->word, 2, CREW_NEVER);
}
