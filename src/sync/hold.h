/* SPDX-License-Identifier: MIT */
/*
 * hold.h - who holds a lock, and to whom it goes. How one is got: lock.c.
 *
 * WORDS
 *	holder	a task, by the fiber that it runs on, or a plain thread, by its number
 *	word	0 free; a holder; or BROKEN. With CREW__WAITED: everybody goes through the
 *		lock's lot (lot.h)
 *	heir	the first in line, to whom the lock is passed
 *	called	of a barging lock: was the first in line, is awake, and will come to take the
 *		lock, or be the first again. The bit CALLED says that somebody is.
 *	pass	to take a barging lock while somebody waits for it
 *
 * INVARIANTS
 *	H1  A fiber names one task: while a task holds a lock no join runs a child on top of
 *	    it (CREW__NO_ROOM), and when a task ends on a fiber its locks are broken.
 *	H2  fiber->locks is what the task on it holds, but for what was passed to it while it
 *	    has not yet gone on.
 *	H3  With a holder or BROKEN in the word, and only then, somebody who is not over may be
 *	    in line. Whoever lets go looks for an heir. But of a barging lock:
 *	H4  It may be free with somebody in line if somebody is called; WAITED is in the word
 *	    then. Without the lot it is taken when it is free, and let go while somebody is
 *	    called; nothing else is done to its word.
 *	H5  Who is called has not returned, and will pass the lot: so who lets go meanwhile
 *	    need not look for an heir, and may be the last to touch the lock (T6).
 *	H6  `passed` is the holder's: takes by others since who is first came to be that, or
 *	    more. Whoever lets go when it is CREW__LOCK_PASSES hands over, to who is called as
 *	    well, who then finds that it holds the lock.
 *
 * A forked call that its forker takes back counts as the forker: it is a call.
 *
 * GUARDED BY tests/model/lock.c, tests/model/condition.c.
 */
#ifndef CREW__HOLD_H
#define CREW__HOLD_H

#include "sync/lot.h"

#include "crew/lock.h"

/* Who calls, as a holder. */
uint64_t crew__hold_self(const struct crew__caller *caller);

/* The bits of a word that does not name a task. */
#define CREW__HOLD_THREAD UINT64_C(2)
#define CREW__HOLD_BROKEN UINT64_C(4)
/* Not about the holder, as CREW__WAITED. */
#define CREW__HOLD_CALLED UINT64_C(8)

/* What the wait of who is called returns: it has to come (crew__hold_again()). */
#define CREW__HOLD_COME 1

/* Who holds it, or BROKEN, or 0. */
static inline uint64_t crew__hold_of(uint64_t word)
{
	return word & ~(CREW__WAITED | CREW__HOLD_CALLED);
}

/* Is that a task? */
static inline bool crew__hold_is_task(uint64_t word)
{
	return word && !(word & (CREW__HOLD_THREAD | CREW__HOLD_BROKEN));
}

/* Locks its lot. In a child process nobody was called, or waits in a condition of it (T7). */
void crew__hold_enter(struct crew_lock *lock);

/* Does `self` hold it? */
static inline bool crew__hold_is(const struct crew_lock *lock, uint64_t self)
{
	return crew__hold_of(crew__load_relaxed(&lock->private_.word)) == self;
}

/* The task's list of locks; NULL is a plain thread, which has none. What is no lock, and must
 * know when its task ends, has one in it, with `left` set, that is only held. */
void crew__hold_begin(struct crew_lock *lock, struct crew__fiber *fiber);
void crew__hold_end(struct crew_lock *lock, struct crew__fiber *fiber);

/* Passes it to the first in line, or calls that one, or lets it go. pre: the lot is locked, by
 * its holder, whose hold has ended. */
void crew__hold_pass(struct crew_lock *lock);

/* Adds to the line a wait that is firm. pre: the lot is locked, by the holder. */
void crew__hold_append(struct crew_lock *lock, struct crew__wait *wait);

/* Acquires it, at the end of the line or as who was called, and nothing interrupts that. 0 or
 * CREW_EOWNERDEAD. (lock.c) */
int crew__hold_again(struct crew_lock *lock, const struct crew__caller *caller, uint64_t self,
		     bool called);

#endif /* CREW__HOLD_H */
