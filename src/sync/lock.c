/* SPDX-License-Identifier: MIT */
/* lock.c - locks: how they are got, and let go. Who holds one: hold.h. */
#include "sync/circle.h"

#include "crew/condition.h"

#define BROKEN CREW__HOLD_BROKEN
#define CALLED CREW__HOLD_CALLED

/* Takes it if `word` is what was found in it, and nobody holds it. */
static bool take_free(struct crew_lock *lock, uint64_t *word, uint64_t self)
{
	/* pairs: lot.word */
	if (crew__hold_of(*word) || !crew__cas_acq_rel(&lock->private_.word, word, self | *word))
		return false;
	if (*word)
		lock->private_.passed++; /* H6 */
	return true;
}

/* pre: the lot is locked. 0, CREW_EOWNERDEAD, or CREW_EWOULDBLOCK: who holds it will come
 * through the lot, if the caller wants to wait. */
static int try_locked(struct crew_lock *lock, uint64_t self, bool wait)
{
	uint64_t word = crew__load_relaxed(&lock->private_.word);

	while (!(word & BROKEN)) {
		if (take_free(lock, &word, self))
			return 0;
		if (crew__hold_of(word) &&
		    (!wait || word & CREW__WAITED || /* pairs: lot.word */
		     crew__cas_acq_rel(&lock->private_.word, &word, word | CREW__WAITED)))
			return CREW_EWOULDBLOCK;
	}
	return CREW_EOWNERDEAD;
}

/* pre: the lot is locked. As try_locked(), by who was called, and is not any more. */
static int come_locked(struct crew_lock *lock, uint64_t self)
{
	bool line = lock->private_.lot.private_.queue.first;
	uint64_t word = crew__load_relaxed(&lock->private_.word);

	while (!(word & BROKEN)) {
		uint64_t holder = crew__hold_of(word);
		uint64_t next = holder ? word & ~CALLED : self | (line ? CREW__WAITED : 0);

		if (holder == self) /* H6 */
			return 0;
		if (crew__cas_acq_rel(&lock->private_.word, &word, next)) { /* pairs: lot.word */
			if (!holder)
				lock->private_.passed = 0;
			return holder ? CREW_EWOULDBLOCK : 0;
		}
	}
	return CREW_EOWNERDEAD;
}

/* pre: the lot is locked. Somebody has left the line without the lock. */
static void look_at_line(struct crew_lock *lock)
{
	uint64_t word = crew__load_relaxed(&lock->private_.word);

	while (!lock->private_.lot.private_.queue.first && word & CREW__WAITED &&
	       !(word & (BROKEN | CALLED)))
		/* pairs: lot.word */
		if (crew__cas_acq_rel(&lock->private_.word, &word, word & ~CREW__WAITED))
			break;
}

/* pre: the lot is locked. Gives up a place in line that is not taken yet. */
static int refuse_circle(struct crew_lock *lock, struct crew__wait *wait)
{
	look_at_line(lock);
	crew__lot_leave(&lock->private_.lot);
	crew__wait_drop(wait);
	return CREW_EDEADLK;
}

/* The slow way in; `called`: by who has been in line, and was called. */
static int wait_once(struct crew_lock *lock, const struct crew__caller *caller, uint64_t self,
		     bool interruptible, bool called)
{
	struct crew_lot_queue *line = &lock->private_.lot.private_.queue;
	struct crew__wait wait;
	struct crew__edge edge;
	bool watched = crew__circle_wanted(caller->fiber);
	bool granted;
	int rc;

	crew__wait_prepare(&wait, self, interruptible);
	crew__hold_enter(lock);
	rc = called ? come_locked(lock, self) : try_locked(lock, self, true);
	if (rc != CREW_EWOULDBLOCK) {
		crew__lot_leave(&lock->private_.lot);
		crew__wait_drop(&wait);
		return rc;
	}
	if (watched) {
		edge = (struct crew__edge){ .lock = lock,
					    .parker = wait.waiter.parker,
					    .expected = wait.waiter.expected };
		if (crew__circle_show(&edge, caller->fiber) && interruptible &&
		    caller->fiber->crew->stuck.policy == CREW_DEADLOCK_CANCEL) {
			crew__circle_end(caller->fiber);
			return refuse_circle(lock, &wait);
		}
	}
	(called ? crew__queue_prepend : crew__queue_append)(line, &wait);
	granted = crew__lot_park(&lock->private_.lot, &wait,
				 lock->private_.name ? lock->private_.name : "lock");
	if (watched)
		crew__circle_end(caller->fiber); /* O1: before the lot is left */
	if (granted)
		return wait.rc;
	look_at_line(lock);
	crew__lot_leave(&lock->private_.lot);
	return CREW_ECANCELED;
}

static int wait_in_line(struct crew_lock *lock, const struct crew__caller *caller, uint64_t self,
			bool interruptible, bool called)
{
	int rc = wait_once(lock, caller, self, interruptible, called);

	while (rc == CREW__HOLD_COME)
		rc = wait_once(lock, caller, self, interruptible, true);
	return rc;
}

int crew__hold_again(struct crew_lock *lock, const struct crew__caller *caller, uint64_t self,
		     bool called)
{
	int rc = wait_in_line(lock, caller, self, false, called);

	if (rc == 0)
		crew__hold_begin(lock, caller->fiber);
	return rc;
}

/* ---- acquire and release ---------------------------------------------------------- */

static bool try_at_once(struct crew_lock *lock, uint64_t self)
{
	uint64_t word = 0;

	return crew__cas_acq_rel(&lock->private_.word, &word, self); /* pairs: lot.word */
}

/* With somebody in line perhaps. */
static bool try_to_pass(struct crew_lock *lock, uint64_t self)
{
	uint64_t word = crew__load_relaxed(&lock->private_.word);

	while (!crew__hold_of(word) && (!word || lock->private_.barging))
		if (take_free(lock, &word, self))
			return true;
	return false;
}

static __attribute__((noinline)) int acquire_slow(struct crew_lock *lock)
{
	struct crew__caller caller = crew__caller();
	uint64_t self = crew__hold_self(&caller);
	int rc = crew__hold_is(lock, self) ? CREW_EDEADLK : crew__caller_check(&caller);

	if (rc == 0 && !try_to_pass(lock, self))
		rc = wait_in_line(lock, &caller, self, true, false);
	if (rc == 0)
		crew__hold_begin(lock, caller.fiber);
	return rc;
}

/* By a task that is not cancelled. */
static __attribute__((noinline)) int acquire_behind(struct crew_lock *lock,
						    struct crew__worker *worker)
{
	struct crew__caller caller = { .worker = worker, .fiber = worker->fiber };
	uint64_t self = (uint64_t)(uintptr_t)caller.fiber;
	int rc = 0;

	if (crew__hold_is(lock, self))
		return CREW_EDEADLK;
	if (!try_to_pass(lock, self))
		rc = wait_in_line(lock, &caller, self, true, false);
	if (rc == 0)
		crew__hold_begin(lock, caller.fiber);
	return rc;
}

int crew_lock_acquire(struct crew_lock *lock)
{
	struct crew__worker *worker = crew__self();

	if (crew__unlikely(!worker || !crew__fiber_clean(worker->fiber)))
		return acquire_slow(lock);
	if (crew__unlikely(!try_at_once(lock, (uint64_t)(uintptr_t)worker->fiber)))
		return acquire_behind(lock, worker);
	crew__hold_begin(lock, worker->fiber);
	return 0;
}

int crew_lock_acquire_nowait(struct crew_lock *lock)
{
	struct crew__caller caller = crew__caller();
	uint64_t self = crew__hold_self(&caller);
	int rc = 0;

	if (crew__hold_is(lock, self))
		return CREW_EDEADLK;
	if (!try_to_pass(lock, self)) {
		crew__hold_enter(lock);
		rc = try_locked(lock, self, false);
		crew__lot_leave(&lock->private_.lot);
	}
	if (rc == 0)
		crew__hold_begin(lock, caller.fiber);
	return rc;
}

/* False: nobody is in line any more (T6). */
static bool pass_in_line(struct crew_lock *lock)
{
	bool waited;

	crew__hold_enter(lock);
	waited = crew__load_relaxed(&lock->private_.word) & CREW__WAITED;
	if (waited)
		crew__hold_pass(lock);
	crew__lot_leave(&lock->private_.lot);
	return waited;
}

/* `word` is what was found in it. */
static __attribute__((noinline)) int release_slow(struct crew_lock *lock, uint64_t word)
{
	do {
		if (!(word & CREW__WAITED) ||
		    (word & CALLED && lock->private_.passed < CREW__LOCK_PASSES))
			continue; /* H5 */
		if (pass_in_line(lock))
			break;
		word = crew__hold_of(word);
		/* pairs: lot.word. LAST TOUCH when it succeeds */
	} while (!crew__cas_acq_rel(&lock->private_.word, &word, word & (CREW__WAITED | CALLED)));
	return 0;
}

static __attribute__((noinline)) int release_looking(struct crew_lock *lock)
{
	struct crew__caller caller = crew__caller();
	uint64_t word = crew__load_relaxed(&lock->private_.word);

	if (crew__hold_of(word) != crew__hold_self(&caller))
		return CREW_EPERM;
	crew__hold_end(lock, caller.fiber);
	return release_slow(lock, word);
}

int crew_lock_release(struct crew_lock *lock)
{
	struct crew__worker *worker = crew__self();
	uint64_t word = crew__load_relaxed(&lock->private_.word);

	if (crew__unlikely(!worker || crew__hold_of(word) != (uint64_t)(uintptr_t)worker->fiber))
		return release_looking(lock);
	crew__hold_end(lock, worker->fiber);
	/* pairs: lot.word. LAST TOUCH when it succeeds */
	if (crew__unlikely(word & CREW__WAITED ||
			   !crew__cas_acq_rel(&lock->private_.word, &word, 0)))
		return release_slow(lock, word);
	return 0;
}

/* ---- the rest of the face --------------------------------------------------------------- */

static const char *name_of_holder(uint64_t holder)
{
	return crew__name_of(crew__hold_is_task(holder) ? (struct crew__fiber *)(uintptr_t)holder :
							  NULL);
}

static const char *owner_of(const struct crew_lock *lock, uint64_t word)
{
	if (word & BROKEN)
		return lock->private_.name;
	return crew__hold_of(word) ? name_of_holder(crew__hold_of(word)) : NULL;
}

void crew_lock_read_stats(const struct crew_lock *lock, struct crew_lock_stats *stats)
{
	struct crew_lock *locked = (struct crew_lock *)(uintptr_t)lock;
	struct crew_lock_stats now = { .size = sizeof(now) };
	uint64_t word;

	crew__hold_enter(locked);
	/* so who holds it cannot let go, and end, while its name is read */
	crew__or_acq_rel(&locked->private_.word, CREW__WAITED);
	word = crew__and_acq_rel(&locked->private_.word, ~CALLED);
	now.owner = owner_of(lock, word);
	now.broken = word & BROKEN;
	now.waiting = crew__queue_count(&lock->private_.lot.private_.queue) + !!(word & CALLED);
	if (word & CALLED)
		crew__or_acq_rel(&locked->private_.word, CALLED);
	look_at_line(locked);
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_lock_fini(struct crew_lock *lock)
{
	struct crew_lot_queue *line = &lock->private_.lot.private_.queue;
	struct crew_lot_queue of_conditions = { .first = NULL };
	struct crew__parker thread = { .is_thread = 1 };
	struct crew__wait called;

	crew__hold_enter(lock);
	for (struct crew_condition *at = lock->private_.conditions; at; at = at->private_.next)
		while (at->private_.queue.first) {
			struct crew__wait *wait = at->private_.queue.first;

			crew__queue_remove(wait); /* the program ends */
			crew__queue_append(&of_conditions, wait);
		}
	crew__queue_fini(&of_conditions,
			 "a lock is given up while somebody waits for a condition of it");
	if (crew__load_relaxed(&lock->private_.word) & CALLED) {
		uint64_t who = lock->private_.called;

		/* the program ends: its name is the first of those in line */
		called.waiter.parker = crew__hold_is_task(who) ?
					       &((struct crew__fiber *)(uintptr_t)who)->parker :
					       &thread;
		crew__queue_prepend(line, &called);
	}
	crew__queue_fini(line, "a lock is given up while somebody waits for it");
	crew__lot_leave(&lock->private_.lot);
}
