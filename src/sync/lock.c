/* SPDX-License-Identifier: MIT */
/* lock.c - see hold.h. */
#include "sync/circle.h"

#include "crew/condition.h"

#define THREAD CREW__HOLD_THREAD
#define BROKEN CREW__HOLD_BROKEN

/* ---- holding ------------------------------------------------------------------- */

uint64_t crew__hold_self(const struct crew__caller *caller)
{
	_Static_assert(_Alignof(struct crew__fiber) >= 8, "bits of the word");

	return caller->fiber ? (uint64_t)(uintptr_t)caller->fiber :
			       crew__port_thread_self() << 3 | THREAD;
}

void crew__hold_begin(struct crew_lock *lock, struct crew__fiber *fiber)
{
	if (!fiber)
		return;
	if (!fiber->locks)
		fiber->room += CREW__NO_ROOM; /* H1 */
	lock->private_.next = fiber->locks;
	fiber->locks = lock;
}

void crew__hold_end(struct crew_lock *lock, struct crew__fiber *fiber)
{
	struct crew_lock **at;

	if (!fiber)
		return;
	for (at = &fiber->locks; *at != lock; at = &(*at)->private_.next)
		;
	*at = lock->private_.next;
	if (!fiber->locks)
		fiber->room -= CREW__NO_ROOM;
}

void crew__hold_pass(struct crew_lock *lock)
{
	struct crew_lot_queue *line = &lock->private_.lot.private_.queue;
	struct crew__wait *heir;
	uint64_t word = 0;

	while (!word && (heir = crew__queue_first(line)))
		if (crew__lot_end(&lock->private_.lot, heir, 0))
			word = heir->what | (line->first ? CREW__WAITED : 0);
	crew__store_release(&lock->private_.word, word); /* pairs: lot.word */
}

void crew__hold_append(struct crew_lock *lock, struct crew__wait *wait)
{
	crew__queue_append(&lock->private_.lot.private_.queue, wait);
	crew__or_acq_rel(&lock->private_.word, CREW__WAITED);
}

/* pre: the lot is locked. 0, CREW_EOWNERDEAD, or CREW_EWOULDBLOCK: who holds it will come
 * through the lot, if the caller wants to wait. */
static int try_locked(struct crew_lock *lock, uint64_t self, bool wait)
{
	uint64_t word = crew__load_relaxed(&lock->private_.word);

	for (;;) {
		bool free = !(word & ~CREW__WAITED);
		uint64_t next = free ? self : word | CREW__WAITED;

		if (word & BROKEN)
			return CREW_EOWNERDEAD;
		if (!free && (!wait || word == next))
			return CREW_EWOULDBLOCK;
		if (crew__cas_acq_rel(&lock->private_.word, &word, next)) /* pairs: lot.word */
			return free ? 0 : CREW_EWOULDBLOCK;
	}
}

/* pre: the lot is locked. Somebody has left the line without the lock. */
static void look_at_line(struct crew_lock *lock)
{
	uint64_t word = crew__load_relaxed(&lock->private_.word);

	if (!lock->private_.lot.private_.queue.first && word & CREW__WAITED && !(word & BROKEN))
		crew__store_release(&lock->private_.word,
				    word & ~CREW__WAITED); /* pairs: lot.word */
}

/* pre: the lot is locked. Gives up a place in line that is not taken yet. */
static int refuse_circle(struct crew_lock *lock, struct crew__wait *wait)
{
	look_at_line(lock);
	crew__lot_leave(&lock->private_.lot);
	crew__wait_drop(wait);
	return CREW_EDEADLK;
}

/* The slow way in. */
static int wait_in_line(struct crew_lock *lock, const struct crew__caller *caller, uint64_t self,
			bool interruptible)
{
	struct crew__wait wait;
	struct crew__edge edge = { .lock = lock };
	bool watched = crew__circle_wanted(caller->fiber);
	bool granted;
	int rc;

	crew__wait_prepare(&wait, self, interruptible);
	crew__lot_enter(&lock->private_.lot);
	rc = try_locked(lock, self, true);
	if (rc != CREW_EWOULDBLOCK) {
		crew__lot_leave(&lock->private_.lot);
		crew__wait_drop(&wait);
		return rc;
	}
	edge.parker = wait.waiter.parker;
	edge.expected = wait.waiter.expected;
	if (watched && crew__circle_show(&edge, caller->fiber) && interruptible &&
	    caller->fiber->crew->stuck.policy == CREW_DEADLOCK_CANCEL) {
		crew__circle_end(caller->fiber);
		return refuse_circle(lock, &wait);
	}
	granted = crew__lot_wait(&lock->private_.lot, &lock->private_.lot.private_.queue, &wait,
				 lock->private_.name ? lock->private_.name : "lock");
	if (watched)
		crew__circle_end(caller->fiber); /* O1: before the lot is left */
	if (granted)
		return wait.rc;
	look_at_line(lock);
	crew__lot_leave(&lock->private_.lot);
	return CREW_ECANCELED;
}

int crew__hold_again(struct crew_lock *lock, const struct crew__caller *caller, uint64_t self)
{
	int rc = wait_in_line(lock, caller, self, false);

	if (rc == 0)
		crew__hold_begin(lock, caller->fiber);
	return rc;
}

/* ---- acquire and release ---------------------------------------------------------- */

static bool try_at_once(struct crew_lock *lock, uint64_t self)
{
	uint64_t none = 0;

	return crew__cas_acq_rel(&lock->private_.word, &none, self); /* pairs: lot.word */
}

static __attribute__((noinline)) int acquire_slow(struct crew_lock *lock)
{
	struct crew__caller caller = crew__caller();
	uint64_t self = crew__hold_self(&caller);
	int rc = crew__hold_is(lock, self) ? CREW_EDEADLK : crew__caller_check(&caller);

	if (rc == 0 && !try_at_once(lock, self))
		rc = wait_in_line(lock, &caller, self, true);
	if (rc == 0)
		crew__hold_begin(lock, caller.fiber);
	return rc;
}

int crew_lock_acquire(struct crew_lock *lock)
{
	struct crew__worker *worker = crew__self();

	if (crew__unlikely(!worker || !crew__fiber_clean(worker->fiber) ||
			   !try_at_once(lock, (uint64_t)(uintptr_t)worker->fiber)))
		return acquire_slow(lock);
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
	if (!try_at_once(lock, self)) {
		crew__lot_enter(&lock->private_.lot);
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

	crew__lot_enter(&lock->private_.lot);
	waited = crew__load_relaxed(&lock->private_.word) & CREW__WAITED;
	if (waited)
		crew__hold_pass(lock);
	crew__lot_leave(&lock->private_.lot);
	return waited;
}

/* `word` is what was found instead of its holder alone. */
static __attribute__((noinline)) int release_slow(struct crew_lock *lock, uint64_t word)
{
	do {
		if (pass_in_line(lock))
			break;
		word &= ~CREW__WAITED;
		/* pairs: lot.word. LAST TOUCH when it succeeds */
	} while (!crew__cas_acq_rel(&lock->private_.word, &word, 0));
	return 0;
}

int crew_lock_release(struct crew_lock *lock)
{
	struct crew__caller caller = crew__caller();
	uint64_t self = crew__hold_self(&caller);

	if (crew__unlikely(!crew__hold_is(lock, self)))
		return CREW_EPERM;
	crew__hold_end(lock, caller.fiber);
	/* pairs: lot.word. LAST TOUCH when it succeeds */
	if (crew__unlikely(!crew__cas_acq_rel(&lock->private_.word, &self, 0)))
		return release_slow(lock, self);
	return 0;
}

/* ---- broken --------------------------------------------------------------------------- */

static void break_lock(struct crew_lock *lock, const char *by)
{
	struct crew_lot *lot = &lock->private_.lot;
	struct crew_condition *condition;

	crew__lot_enter(lot);
	lock->private_.name = by;
	for (condition = lock->private_.conditions; condition;
	     condition = condition->private_.next) {
		crew__lot_end_all(lot, &condition->private_.queue, CREW_EOWNERDEAD);
		condition->private_.at = NULL;
	}
	lock->private_.conditions = NULL;
	crew__lot_end_all(lot, &lot->private_.queue, CREW_EOWNERDEAD);
	crew__store_relaxed(&lock->private_.word, BROKEN | CREW__WAITED);
	crew__lot_leave(lot);
}

void crew__locks_left(struct crew__fiber *fiber)
{
	while (fiber->locks) {
		struct crew_lock *lock = fiber->locks;

		crew__hold_end(lock, fiber);
		(lock->private_.left ? lock->private_.left : break_lock)(lock,
									 crew__name_of(fiber));
	}
}

/* ---- the rest of the face --------------------------------------------------------------- */

static const char *owner_of(const struct crew_lock *lock, uint64_t word)
{
	if (word & BROKEN)
		return lock->private_.name;
	if (!(word & ~CREW__WAITED))
		return NULL;
	return crew__name_of(
		word & THREAD ? NULL : (struct crew__fiber *)(uintptr_t)(word & ~CREW__WAITED));
}

void crew_lock_read_stats(const struct crew_lock *lock, struct crew_lock_stats *stats)
{
	struct crew_lock *locked = (struct crew_lock *)(uintptr_t)lock;
	struct crew_lock_stats now = { .size = sizeof(now) };
	uint64_t word;

	crew__lot_enter(&locked->private_.lot);
	/* who holds it cannot let go, and end, while its name is read */
	word = crew__or_acq_rel(&locked->private_.word, CREW__WAITED);
	now.owner = owner_of(lock, word);
	now.broken = word & BROKEN;
	now.waiting = crew__queue_count(&lock->private_.lot.private_.queue);
	look_at_line(locked);
	crew__lot_leave(&locked->private_.lot);
	crew__stats_give(stats, &now, sizeof(now));
}

void crew_lock_fini(struct crew_lock *lock)
{
	crew__lot_enter(&lock->private_.lot);
	if (lock->private_.conditions)
		crew__queue_fini(&lock->private_.conditions->private_.queue,
				 "a lock is given up while somebody waits for a condition of it");
	crew__queue_fini(&lock->private_.lot.private_.queue,
			 "a lock is given up while somebody waits for it");
	crew__lot_leave(&lock->private_.lot);
}
