/* SPDX-License-Identifier: MIT */
/*
 * lock.h - the lock inside the library: spins a little, then sleeps.
 *
 * Its holder may be a plain thread of lower priority, so spinning alone could
 * last for ever; its users are tasks on workers, so sections under it are short
 * and never wait. Zeroed storage is an unlocked lock.
 *
 *	0 free   1 held   2 held, and somebody may sleep on it
 *
 * ORDERS
 *	lock.word	unlock's exchange releases what the section wrote; the
 *			exchange that takes the lock acquires it. Neither is a fence.
 *
 * LAST TOUCH. After the exchange in unlock another thread may own the lock and
 * free the memory it lies in. The wake that may follow only passes an address
 * to the kernel, and a wake of a word that is no longer a lock is harmless: its
 * sleepers look again.
 *
 * Source of the three states: Drepper, "Futexes are tricky" (2004).
 */
#ifndef CREW__LOCK_H
#define CREW__LOCK_H

#include "base/assert.h"
#include "base/atomic.h"
#include "base/config.h"
#include "port/port.h"

struct crew__lock {
	struct crew__word32 word;
};

void crew__lock_acquire_slow(struct crew__lock *lock);

static inline bool crew__lock_try(struct crew__lock *lock)
{
	uint32_t free = 0;

	return crew__cas32_acq_rel(&lock->word, &free, 1);
}

static inline void crew__lock_acquire(struct crew__lock *lock)
{
	if (crew__unlikely(!crew__lock_try(lock)))
		crew__lock_acquire_slow(lock);
}

static inline void crew__lock_release(struct crew__lock *lock)
{
	if (crew__unlikely(crew__exchange32_acq_rel(&lock->word, 0) == 2))
		crew__port_wake(&lock->word, 1);
}

static inline bool crew__lock_held(const struct crew__lock *lock)
{
	return crew__load32_relaxed(&lock->word) != 0;
}

#endif /* CREW__LOCK_H */
